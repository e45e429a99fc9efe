# SPDX-License-Identifier: Apache-2.0
"""Scenarios 11 and 17: hosts go in their order; an abort takes back what some of them have."""
from __future__ import annotations

from tests.functional.patching.running import Cloud


def test_case_11_controllers_go_before_workers(standard: Cloud) -> None:
    cloud = standard
    cloud.upload(cloud.patch("10.0.1"))
    cloud.start_release("10.0.1")
    refusal = cloud.refused("POST", "/v1/deploy_host/compute-0")
    assert "not the turn of host compute-0: next is controller-0 or controller-1" in refusal
    turns = {name: cloud.get(f"/v1/deploy_host/next?hostname={name}") for name in cloud.inventory.hosts}
    assert turns == {"controller-0": True, "controller-1": True, "compute-0": False, "compute-1": False,
                     "compute-2": False}
    for name in ("controller-1", "controller-0", "compute-0"):
        cloud.deploy_host(name)
    assert cloud.get("/v1/deploy_host/next?hostname=compute-1") is True
    assert [row["hostname"] for row in cloud.get("/v1/deploy_host")] == [
        "controller-0", "controller-1", "compute-0", "compute-1", "compute-2"]


def test_case_17_an_abort_takes_back_what_some_hosts_have(standard: Cloud) -> None:
    cloud = standard
    cloud.upload(cloud.patch("10.0.1"))
    cloud.start_release("10.0.1")
    for name in ("controller-1", "controller-0"):
        cloud.deploy_host(name)
    cloud.done("POST", "/v1/deploy/abort", {})
    (deploy,) = cloud.get("/v1/deploy")
    assert (deploy["from_release"], deploy["to_release"], deploy["state"]) == ("10.0.1", "10.0.0", "host-rollback")
    assert cloud.hosts() == {"controller-0": "rollback-pending", "controller-1": "rollback-pending",
                             **{f"compute-{number}": "rollback-deployed" for number in range(3)}}
    for name in ("controller-0", "controller-1"):
        cloud.deploy_host(name, back=True)
    cloud.reaches("host-rollback-done")
    assert [order.contents for order in cloud.agents["controller-0"].orders][-1] == []
    cloud.done("DELETE", "/v1/deploy")
    assert cloud.releases() == {"starlingx-10.0.0": "deployed", "starlingx-10.0.1": "available"}
    assert {agent.facts.version for agent in cloud.agents.values()} == {"10.0.0"}
    cloud.wait(lambda: all(agent.cleaned for agent in cloud.agents.values()), "agents to be told to clean up")
