# SPDX-License-Identifier: Apache-2.0
"""Scenario 29: a step fails; hosts are given back, and a new strategy goes on with the others."""
from __future__ import annotations

from tests.functional.patching.orchestrated import OrchestratedCloud, changes


def test_case_29_a_failed_unlock_aborts_and_a_new_strategy_skips_what_is_done(
        orchestrated: OrchestratedCloud) -> None:
    cloud = orchestrated
    cloud.upload(cloud.patch("10.0.1", reboot_required=True))
    cloud.neighbours.fails = {"unlock compute-1"}
    cloud.create()
    assert cloud.act("apply-all").status_code == 202
    aborting = cloud.when(lambda now: now["state"] == "aborting")
    assert aborting["current-phase"] == "abort"
    cloud.neighbours.fails.clear()
    done = cloud.when(lambda now: now["state"] != "aborting")
    assert (done["state"], done["apply-phase"]["result"]) == ("aborted", "failed")
    assert done["apply-phase"]["reason"].startswith("unlock of compute-1 has failed: unlock does not work here")
    assert {host["administrative"] for host in cloud.inventory.hosts.values()} == {"unlocked"}
    cloud.told("set 900.201", "log 900.211", "clear 900.201", "set 900.202", "log 900.215", "log 900.218",
               "clear 900.202", "set 900.203", "log 900.221")
    assert cloud.delete().status_code == 204
    cloud.neighbours.log.clear()
    assert cloud.create()["state"] == "ready-to-apply"
    done = cloud.apply()
    assert done["state"] == "applied", done["apply-phase"]["reason"]
    assert cloud.actions("lock", "unlock") == ["lock compute-2", "unlock compute-2"]
    cloud.told(*changes(cloud.faults.story)[:9], "clear 900.203", "set 900.201", "log 900.211", "clear 900.201",
               "log 900.216")
