# SPDX-License-Identifier: Apache-2.0
"""Scenario 12: a major release goes to the controller first that was added last."""
from __future__ import annotations

from tests.functional.patching.conftest import MakeCloud
from tests.functional.patching.test_case_24_major_release import image


def test_case_12_the_other_controller_goes_first(make_cloud: MakeCloud) -> None:
    cloud = make_cloud("DX")
    assert cloud.upload(*image(cloud, "11.0.0", "10.0")).status_code == 200
    refusal = cloud.refused("POST", "/v1/deploy/starlingx-11.0.0/start")
    assert "The other controller does not hold the same releases yet" in refusal
    for name in ("controller-0", "controller-1"):
        cloud.agents[name].tell_mirror(cloud.software / "feed")
    cloud.wait(lambda: cloud.get("/v1/software/in_sync_controller")["in_sync"], "the controllers to agree")
    told = cloud.done("POST", "/v1/deploy/precheck", {"releases": ["starlingx-11.0.0"]})
    assert told["major_release"] is True and told["reboot_required"] is True
    cloud.start_release("11.0.0")
    for name in ("controller-0", "controller-1"):
        cloud.inventory.lock(name)
    assert "next is controller-1" in cloud.refused("POST", "/v1/deploy_host/controller-0")
    assert cloud.hosts() == {"controller-0": "pending", "controller-1": "pending"}
    cloud.deploy_host("controller-1")
    assert cloud.get("/v1/deploy/software_upgrade") == {"from_release": "10.0", "to_release": "11.0", "state": "host"}
    cloud.deploy_host("controller-0")
    assert cloud.state() == "host-done"
