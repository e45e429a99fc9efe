# SPDX-License-Identifier: Apache-2.0
"""Every operation has role cases for every role, and the cases agree with the policy's default."""
from __future__ import annotations

from pathlib import Path

import pytest

from flock.api.build import published_routes
from tests.rbac.role_cases import operation, role_cases, subsystems, table

ROOT = Path(__file__).resolve().parents[2]
# The accounts of services are administrators too, as StarlingX sets them up.
ALLOWED = {
    "@": {"reader", "operator", "configurator", "admin", "service", "member", ""},
    "rule:flock:reader": {"reader", "operator", "configurator", "admin", "service"},
    "rule:flock:operator": {"operator", "configurator", "admin", "service"},
    "rule:flock:configurator": {"configurator", "admin", "service"},
    "rule:flock:admin": {"admin", "service"}, "rule:flock:service": {"service", "admin"}}
# Faults may be read from any project.
FROM_ANYWHERE = {"fm": {"@", "rule:flock:reader"}, "mtce": {"@"}, "patching": {"@"}, "sm": {"@"}, "sysinv": {"@"}}


def test_every_subsystem_has_a_table() -> None:
    assert set(subsystems()) == {path.parent.name for path in ROOT.glob("*/resources")}


@pytest.mark.parametrize("subsystem", subsystems())
def test_every_operation_has_cases(subsystem: str) -> None:
    document = table(subsystem)
    covered = {operation(name, entry) for name, entry in document["cases"].items()}
    published = {(route.method, route.path) for route in published_routes(subsystem)}
    assert published - covered == set(), "operations without role cases"
    assert covered - published == set(), "role cases of operations that are not published"
    roles = set(document["roles"])
    assert {name: roles ^ set(entry["status"]) for name, entry in document["cases"].items()
            if roles != set(entry["status"])} == {}


@pytest.mark.parametrize("subsystem", subsystems())
def test_the_cases_are_what_the_policy_says(subsystem: str) -> None:
    checks = {(route.method, route.path): route.check for route in published_routes(subsystem)}
    wrong = []
    for case in role_cases(subsystem):
        check = checks[case.method, case.path]
        here = check in FROM_ANYWHERE[subsystem] or case.project in ("admin", "services")
        allowed = here and case.role in ALLOWED[check]
        refusal = 403 if case.role else 401
        # Who is allowed is answered by the resource, which may miss what was asked for, or find the body wrong.
        answered = case.status not in (401, 403) or case.closed
        if answered is not allowed and not case.closed or not allowed and case.status != refusal:
            wrong.append(case.name)
    assert wrong == []
