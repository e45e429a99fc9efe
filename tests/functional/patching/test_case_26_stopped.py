# SPDX-License-Identifier: Apache-2.0
"""Scenario 26: one worker after the other, their servers stopped before and started after."""
from __future__ import annotations

from tests.functional.patching.orchestrated import OrchestratedCloud


def test_case_26_servers_are_stopped_before_and_started_after_each_host(orchestrated: OrchestratedCloud) -> None:
    cloud = orchestrated
    cloud.upload(cloud.patch("10.0.1", reboot_required=True))
    cloud.neighbours.run("compute-0", "vm-a", "vm-b")
    cloud.neighbours.run("compute-1", "vm-c", status="SHUTOFF")
    cloud.create()
    done = cloud.apply()
    assert done["state"] == "applied", done["apply-phase"]["reason"]
    told = cloud.actions("stop", "start", "lock", "unlock")
    first = told.index("stop vm-a")
    assert told[first:first + 6] == ["stop vm-a", "stop vm-b", "lock compute-0", "unlock compute-0", "start vm-a",
                                     "start vm-b"]
    assert cloud.neighbours.servers["vm-c"]["status"] == "SHUTOFF", "it was its user who stopped it"
    assert cloud.neighbours.objections == []
