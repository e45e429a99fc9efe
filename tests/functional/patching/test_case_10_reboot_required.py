# SPDX-License-Identifier: Apache-2.0
"""Scenario 10: a patch that needs a reboot goes to a locked host only."""
from __future__ import annotations

from tests.functional.patching.running import Cloud


def test_case_10_a_host_must_be_locked_before_it_may_reboot(cloud: Cloud) -> None:
    cloud.upload(cloud.patch("10.0.1", reboot_required=True))
    cloud.start_release("10.0.1")
    assert cloud.refused("POST", "/v1/deploy_host/controller-0").startswith("Host controller-0 must be locked")
    assert cloud.hosts() == {"controller-0": "pending"} and cloud.state() == "start-done"
    assert cloud.agents["controller-0"].orders == []
    cloud.inventory.lock("controller-0")
    cloud.deploy_host("controller-0")
    assert cloud.hosts() == {"controller-0": "deployed"} and cloud.state() == "host-done"
    (order,) = cloud.agents["controller-0"].orders
    assert (order.version, order.reboot_required, [one.release_id for one in order.contents]) == (
        "10.0.1", True, ["starlingx-10.0.1"])
    assert "Unlock them first" in cloud.refused("POST", "/v1/deploy/activate")
    cloud.inventory.unlock("controller-0")
    cloud.done("POST", "/v1/deploy/activate", {})
    cloud.reaches("activate-done")
