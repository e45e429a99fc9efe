# SPDX-License-Identifier: Apache-2.0
"""Scenario 21: alarms prevent a deployment; with force only those that affect management do."""
from __future__ import annotations

from tests.functional.patching.running import Cloud


def test_case_21_alarms_prevent_a_deployment(cloud: Cloud) -> None:
    cloud.upload(cloud.patch("10.0.1"))
    cloud.inventory.alarms = [("100.101", False)]
    reply = cloud.call("POST", "/v1/deploy/starlingx-10.0.1/precheck")
    told = reply.json()
    assert reply.status_code == 406 and told["system_healthy"] is False
    assert "which prevent deploying starlingx-10.0.1\nSystem Health:\n" in told["error"]
    assert "No alarms: [Fail]\n[1] alarms found\n" in told["error"]
    assert told["additional_data"]["starlingx-10.0.1"]["system_healthy"] is False
    assert (told["from_release"], told["to_release"], told["major_release"]) == ("10.0.0", "10.0.1", False)
    assert "No alarms: [Fail]" in cloud.refused("POST", "/v1/deploy/starlingx-10.0.1/start")
    assert cloud.state() is None
    cloud.inventory.alarms = [("100.101", False), ("200.001", True)]
    assert "No alarms: [Fail]" in cloud.refused("POST", "/v1/deploy/start",
                                                {"releases": ["starlingx-10.0.1"], "force": True})
    cloud.inventory.alarms = [("100.101", False)]
    told = cloud.done("POST", "/v1/deploy/precheck", {"releases": ["starlingx-10.0.1"], "force": "true"})
    assert told["system_healthy"] is True and "No alarms: [OK]\n" in told["info"]
    assert "Not checked, since this cloud has none: Kubernetes" in told["info"]
    cloud.done("POST", "/v1/deploy/start", {"releases": ["starlingx-10.0.1"], "force": "true"})
    cloud.reaches("start-done")


def test_case_21_without_the_inventory_nothing_is_known(cloud: Cloud) -> None:
    cloud.upload(cloud.patch("10.0.1"))
    cloud.inventory.stop()
    reply = cloud.call("POST", "/v1/deploy/starlingx-10.0.1/precheck")
    assert reply.status_code == 406 and reply.json()["system_healthy"] is None
    assert "could not be run: sysinv-api is not available" in reply.json()["error"]
