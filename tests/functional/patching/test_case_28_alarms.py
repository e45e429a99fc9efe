# SPDX-License-Identifier: Apache-2.0
"""Scenario 28: alarms stop a strategy as they are asked to."""
from __future__ import annotations

from tests.functional.patching.orchestrated import OrchestratedCloud


def test_case_28_alarms_that_do_not_affect_management_stop_only_a_strict_strategy(
        orchestrated: OrchestratedCloud) -> None:
    cloud = orchestrated
    cloud.upload(cloud.patch("10.0.1"))
    cloud.neighbours.alarms = [("100.114", "host=compute-0.ntp", False), ("900.020", "host=compute-0", True)]
    strict = cloud.create()
    assert (strict["state"], strict["build-phase"]["reason"]) == (
        "build-failed", "active alarms present: 100.114 host=compute-0.ntp")
    assert cloud.act("apply-all").status_code == 400
    assert cloud.delete().status_code == 204
    assert cloud.create(alarm_restrictions="relaxed")["state"] == "ready-to-apply"
