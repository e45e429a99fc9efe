# SPDX-License-Identifier: Apache-2.0
"""Scenarios 19 and 20: what must stay stays; the rest is taken back by the deployment of an older release."""
from __future__ import annotations

from tests.functional.patching.running import Cloud


def whole(cloud: Cloud, text: str) -> None:
    """A deployment from its start to its end."""
    cloud.start_release(text)
    cloud.deploy_host("controller-0")
    cloud.done("POST", "/v1/deploy/activate", {})
    cloud.reaches("activate-done")
    cloud.done("POST", "/v1/deploy/complete", {})
    cloud.done("DELETE", "/v1/deploy")


def test_case_19_and_20_an_older_release_is_returned_to(cloud: Cloud) -> None:
    cloud.upload(cloud.patch("10.0.1", unremovable=True), cloud.patch("10.0.2", requires=("starlingx-10.0.1",)))
    assert "unremovable" in cloud.refused("DELETE", "/v1/release/starlingx-10.0.1")
    whole(cloud, "10.0.2")
    assert cloud.releases() == {"starlingx-10.0.0": "deployed", "starlingx-10.0.1": "deployed",
                                "starlingx-10.0.2": "deployed"}
    assert cloud.get("/v1/release/starlingx-10.0.1/starlingx-10.0.2/is_deployed") is True
    assert cloud.get("/v1/release/starlingx-10.0.1/nothing-1.0.0/is_deployed") is False
    refusal = cloud.refused("POST", "/v1/deploy/starlingx-10.0.0/start")
    assert "cannot return to starlingx-10.0.0: starlingx-10.0.1 is unremovable" in refusal
    cloud.start_release("10.0.1")
    assert cloud.releases()["starlingx-10.0.2"] == "removing"
    assert cloud.get("/v1/deploy")[0]["apply_operation"] is False
    cloud.deploy_host("controller-0")
    assert "removes releases cannot be aborted" in cloud.refused("POST", "/v1/deploy/abort", {})
    cloud.done("POST", "/v1/deploy/activate", {})
    cloud.reaches("activate-done")
    cloud.done("POST", "/v1/deploy/complete", {})
    cloud.done("DELETE", "/v1/deploy")
    assert cloud.releases()["starlingx-10.0.2"] == "available"
    last = cloud.agents["controller-0"].orders[-1]
    assert (last.version, [one.release_id for one in last.contents]) == ("10.0.1", ["starlingx-10.0.1"])
    cloud.done("DELETE", "/v1/release/starlingx-10.0.2")
    dry = cloud.done("POST", "/v1/release/starlingx-10.0.1/commit_dry_run")
    assert "starlingx-10.0.1" in dry["info"] and cloud.releases()["starlingx-10.0.1"] == "deployed"
    cloud.done("POST", "/v1/software/commit_patch/starlingx-10.0.1")
    assert cloud.releases() == {"starlingx-10.0.0": "deployed", "starlingx-10.0.1": "committed"}
