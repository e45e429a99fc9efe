# SPDX-License-Identifier: Apache-2.0
"""Every operation has role cases for every role, and the cases agree with the policy's default."""
from __future__ import annotations

import pytest

from flock.api.build import published_routes
from tests.rbac.role_cases import operation, role_cases, table

ALLOWED = {
    "@": {"reader", "operator", "configurator", "admin", "member", ""},
    "rule:flock:reader": {"reader", "operator", "configurator", "admin"},
    "rule:flock:operator": {"operator", "configurator", "admin"},
    "rule:flock:configurator": {"configurator", "admin"}}
FROM_ANYWHERE = ("@", "rule:flock:reader")


@pytest.mark.parametrize("subsystem", ["fm"])
def test_every_operation_has_cases(subsystem: str) -> None:
    document = table(subsystem)
    covered = {operation(name, entry) for name, entry in document["cases"].items()}
    published = {(route.method, route.path) for route in published_routes(subsystem)}
    assert published - covered == set(), "operations without role cases"
    assert covered - published == set(), "role cases of operations that are not published"
    roles = set(document["roles"])
    assert {name: roles ^ set(entry["status"]) for name, entry in document["cases"].items()
            if roles != set(entry["status"])} == {}


@pytest.mark.parametrize("subsystem", ["fm"])
def test_the_cases_are_what_the_policy_says(subsystem: str) -> None:
    checks = {(route.method, route.path): route.check for route in published_routes(subsystem)}
    wrong = []
    for case in role_cases(subsystem):
        check = checks[case.method, case.path]
        allowed = case.role in ALLOWED[check] and (check in FROM_ANYWHERE or case.project in ("admin", "services"))
        refusal = 403 if case.role else 401
        if (case.status < 300) is not allowed or (not allowed and case.status != refusal):
            wrong.append(case.name)
    assert wrong == []
