# SPDX-License-Identifier: Apache-2.0
"""Scenario 32: what was begun with one interface is not touched with the other, which says whose it is."""
from __future__ import annotations

from tests.functional.patching.classic import sw_patch
from tests.functional.patching.running import Cloud

ONE, TWO = "starlingx-10.0.1", "starlingx-10.0.2"


def test_case_32_each_interface_goes_on_with_its_own_only(cloud: Cloud) -> None:
    for text in ("10.0.1", "10.0.2"):
        cloud.upload(cloud.patch(text))
    sw_patch(cloud, "apply", ONE)
    refusal = cloud.refused("POST", f"/v1/deploy/{TWO}/start")
    assert "10.0.1" in refusal and "start-done" in refusal
    for method, path in (("POST", "/v1/deploy_host/controller-0"), ("DELETE", "/v1/deploy"),
                         ("POST", "/v1/deploy/abort")):
        refusal = cloud.refused(method, path)
        assert ONE in refusal and "sw-patch" in refusal and "start-done" in refusal
    sw_patch(cloud, "remove", ONE)
    assert cloud.state() is None

    cloud.start_release("10.0.1")
    for command in (("apply", TWO), ("remove", ONE), ("host-install-async", "controller-0")):
        assert f"The deployment of {ONE} (state start-done) was started with software" in sw_patch(
            cloud, *command, rc=1)
    assert cloud.state() == "start-done" and cloud.hosts() == {"controller-0": "pending"}
