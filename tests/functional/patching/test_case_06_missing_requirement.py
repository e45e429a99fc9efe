# SPDX-License-Identifier: Apache-2.0
"""Scenarios 6 and 7: what a release requires is missing, then there, and is deployed with it."""
from __future__ import annotations

from tests.functional.patching.running import Cloud


def test_case_06_and_07_what_a_release_requires_comes_with_it(cloud: Cloud) -> None:
    assert cloud.upload(cloud.patch("10.0.2", requires=("starlingx-10.0.1",))).status_code == 200
    reply = cloud.call("POST", "/v1/deploy/starlingx-10.0.2/precheck")
    assert reply.status_code == 406
    told = reply.json()
    assert told["system_healthy"] is False and "Required releases: starlingx-10.0.1" in told["error"]
    assert "All required releases are deployed: [Fail]" in told["error"]
    assert "starlingx-10.0.1" in cloud.refused("POST", "/v1/deploy/starlingx-10.0.2/start")
    assert cloud.state() is None
    assert cloud.upload(cloud.patch("10.0.1")).status_code == 200
    told = cloud.done("POST", "/v1/deploy/starlingx-10.0.2/precheck")
    assert told["system_healthy"] is True and told["info"].startswith("System Health:\n")
    cloud.start_release("10.0.2")
    (deploy,) = cloud.get("/v1/deploy")
    assert {key: deploy[key] for key in ("from_release", "to_release", "state", "apply_operation", "major_release",
                                         "reboot_required", "pre_upgrade_deploy", "options")} == {
        "from_release": "10.0.0", "to_release": "10.0.2", "state": "start-done", "apply_operation": True,
        "major_release": False, "reboot_required": False, "pre_upgrade_deploy": False, "options": {}}
    assert cloud.releases() == {"starlingx-10.0.0": "deployed", "starlingx-10.0.1": "deploying",
                                "starlingx-10.0.2": "deploying"}
    assert cloud.get("/v1/deploy/software_upgrade") == {
        "from_release": "10.0", "to_release": "10.0", "state": "start-done"}
    assert cloud.get("/v1/deploy_host") == [{
        "hostname": "controller-0", "software_release": "10.0.0", "target_release": "10.0.2",
        "reboot_required": False, "host_state": "pending", "pre_upgrade_deploy": False, "error": "", "progress": 0,
        "progress_text": ""}]
    cloud.done("DELETE", "/v1/deploy")
    assert cloud.state() is None and set(cloud.releases().values()) == {"deployed", "available"}
    assert "starlingx-10.0.1 is required by starlingx-10.0.2" in cloud.refused("DELETE", "/v1/release/starlingx-10.0.1")
    cloud.done("DELETE", "/v1/release/starlingx-10.0.1/starlingx-10.0.2")
    assert cloud.releases() == {"starlingx-10.0.0": "deployed"}
    cloud.wait(lambda: not list((cloud.software / "feed").glob("starlingx-*")), "the content to be gone")
