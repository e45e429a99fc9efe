# SPDX-License-Identifier: Apache-2.0
"""The precheck: what software management adds to the health of the system, and its words."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.checks import Check, Report
from flock.core.records import replace
from patching.core.precheck import SELF, Facts, Limits, report

HEALTH = Report((Check("All hosts are unlocked/enabled", True), Check("No alarms", True)), ("Kubernetes", SELF))
FINE = Facts("10.0", supported_from=("10.0",), containers_free_gib=50, system_free_gib=50)


def test_a_healthy_system_is_told_line_by_line() -> None:
    found = report(FINE, HEALTH, is_major=False)
    assert found.is_healthy and found.text == (
        "System Health:\nAll hosts are unlocked/enabled: [OK]\nNo alarms: [OK]\nAll hosts are patch current: [OK]\n"
        "All required releases are deployed: [OK]\nNot checked, since this cloud has none: Kubernetes\n")
    assert len(report(FINE, HEALTH, is_major=True).checks) == len(found.checks) + 3


@pytest.mark.parametrize(("fields", "is_major", "lines"), [
    ({"outdated": ("b", "a")}, False, ["All hosts are patch current: [Fail]", "Hosts not patch current: a, b"]),
    ({"unmet": ("starlingx-10.0.1",)}, False, ["Required releases: starlingx-10.0.1"]),
    ({"supported_from": ("9.0",)}, True, ["It can be reached from 9.0, not from 10.0."]),
    ({"supported_from": ()}, True, ["It can be reached from no release, not from 10.0."]),
    ({"containers_free_gib": 39}, True, ["39 GiB are free."]), ({"system_free_gib": 1}, True, ["1 GiB are free."])])
def test_each_failure_says_what_is_wrong(fields: dict[str, Any], is_major: bool, lines: list[str]) -> None:
    found = report(replace(FINE, **fields), HEALTH, is_major=is_major)
    assert not found.is_healthy and set(lines) <= set(found.text.splitlines())


def test_what_is_wrong_with_the_system_fails_the_precheck() -> None:
    sick = Report((Check("No alarms", False, "[1] alarms found"),))
    found = report(FINE, sick, is_major=False)
    assert not found.is_healthy and "[1] alarms found" in found.text


def test_what_hosts_run_is_told_once_and_by_the_one_who_knows() -> None:
    health = Report((Check("All hosts are patch current", True),))
    found = report(replace(FINE, outdated=("compute-0",)), health, is_major=False)
    assert [check.ok for check in found.checks if check.name == "All hosts are patch current"] == [False]


def test_space_that_nobody_measured_or_needs_is_not_checked() -> None:
    found = report(replace(FINE, containers_free_gib=None), HEALTH, is_major=True, limits=Limits(system_free_gib=0))
    assert found.is_healthy and "GiB" not in found.text
