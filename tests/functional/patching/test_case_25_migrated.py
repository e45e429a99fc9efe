# SPDX-License-Identifier: Apache-2.0
"""Scenario 25: workers in parallel, their servers migrated away before."""
from __future__ import annotations

from tests.functional.patching.orchestrated import OrchestratedCloud, stages


def test_case_25_servers_are_migrated_and_no_worker_is_locked_with_one(orchestrated: OrchestratedCloud) -> None:
    cloud = orchestrated
    cloud.upload(cloud.patch("10.0.1", reboot_required=True))
    cloud.neighbours.run("compute-0", "vm-a")
    cloud.neighbours.run("compute-1", "vm-b")
    cloud.neighbours.run("compute-2", "vm-c")
    cloud.neighbours.apart = [["vm-a", "vm-b"]]
    built = cloud.create(worker_apply_type="parallel", max_parallel_worker_hosts="2",
                         default_instance_action="migrate")
    assert (built["state"], built["build-phase"]["reason"]) == ("ready-to-apply", "")
    assert stages(built) == ["start", "controllers controller-1", "controllers controller-0",
                             "worker-hosts compute-0 compute-2", "worker-hosts compute-1", "complete"]
    cloud.percent.clear()
    done = cloud.apply()
    assert done["state"] == "applied", done["apply-phase"]["reason"]
    assert cloud.percent == sorted(cloud.percent)
    assert cloud.neighbours.objections == []
    assert {server["status"] for server in cloud.neighbours.servers.values()} == {"ACTIVE"}
    assert cloud.neighbours.disabled == {}
    assert {agent.facts.version for agent in cloud.agents.values()} == {"10.0.1"}
    assert cloud.actions("swact") == ["swact controller-0"]
    assert sorted(cloud.actions("lock")) == [f"lock {name}" for name in sorted(cloud.inventory.hosts)]
    assert {host["administrative"] for host in cloud.inventory.hosts.values()} == {"unlocked"}
    assert cloud.state() == "completed"
    cloud.told("set 900.201", "log 900.211", "clear 900.201", "log 900.216")
