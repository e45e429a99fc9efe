# SPDX-License-Identifier: Apache-2.0
"""``system health-query*`` and ``platform health show``."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flock.cli.client import ApiClient
from flock.cli.errors import UsageError
from flock.core.checks import Check, Report
from flock.testing.cli import FakeApi, Ran, run_cli
from sysinv.cmd.shell import PROGRAM
from sysinv.resources.health.cli import HealthShow

FOUND = Report((Check("No alarms", False, "[1] alarms found", "See them."),), ("Kubernetes",))
PATHS = ("", "/upgrade", "/upgrade/relaxed", "/kube-upgrade", "/kube-upgrade/relaxed")


def system(argv: str) -> tuple[Ran, list[tuple[str, Any]]]:
    rows = " -f json" in argv
    api = FakeApi({f"/v1/health{path}": {"GET": FOUND.rows if rows else FOUND.text} for path in PATHS})
    ran = run_cli(PROGRAM, argv, api)
    return ran, [(path, dict(query or {})) for _, path, _, query in api.calls]


@pytest.mark.parametrize(("argv", "path", "query"), [
    ("health-query", "", {}), ("health-query-upgrade", "/upgrade", {}),
    ("health-query-upgrade --relaxed", "/upgrade/relaxed", {}),
    ("health-query-kube-upgrade --rootca", "/kube-upgrade", {"rootca": "True"}),
    ("health-query-kube-upgrade --relaxed --alarm-ignore-list 900.401,750.006", "/kube-upgrade/relaxed",
     {"alarm_ignore_list": "900.401,750.006"})])
def test_the_text_is_printed_as_it_is(argv: str, path: str, query: dict[str, str]) -> None:
    ran, calls = system(argv)
    assert (ran.code, ran.out) == (0, FOUND.text)
    assert calls == [(f"/v1/health{path}", query)]


def test_programs_get_the_checks() -> None:
    ran, calls = system("health-query-upgrade -f json")
    assert ran.json() == FOUND.rows and calls == [("/v1/health/upgrade", {"format": "json"})]


def test_an_answer_of_another_kind_is_an_error() -> None:
    api = FakeApi({"/v1/health": {"GET": {"health": "fine"}}})
    for argv in ("health-query", "health-query -f json"):
        ran = run_cli(PROGRAM, argv, api)
        assert ran.code == 1 and "The answer of the API is no" in ran.err and not ran.out


def openstack(argv: list[str]) -> tuple[list[Any], list[Any]]:
    """Rows of ``platform health show``, and what was asked for them."""
    api = FakeApi({f"/v1/health{path}": {"GET": FOUND.rows} for path in PATHS})
    manager = SimpleNamespace(platform=ApiClient(api))
    command = HealthShow(SimpleNamespace(client_manager=manager), None)  # type: ignore[arg-type]
    rows = list(command.rows(command.get_parser("show").parse_args(argv)))
    return rows, [path for _, path, _, _ in api.calls]


def test_the_openstack_client_lists_the_checks() -> None:
    assert openstack([]) == (FOUND.rows, ["/v1/health"])
    assert openstack(["--kind", "kube-upgrade", "--relaxed"]) == (FOUND.rows, ["/v1/health/kube-upgrade/relaxed"])
    with pytest.raises(UsageError, match="only for --kind upgrade"):
        openstack(["--relaxed"])
