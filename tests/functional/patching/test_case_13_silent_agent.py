# SPDX-License-Identifier: Apache-2.0
"""Scenarios 13 and 14: agents that do not answer, fail, or lose an order."""
from __future__ import annotations

import time

from tests.functional.patching.running import Cloud


def test_case_13_a_silent_agent_is_told_at_once(cloud: Cloud) -> None:
    cloud.upload(cloud.patch("10.0.1"))
    cloud.start_release("10.0.1")
    cloud.agents["controller-0"].mood = "silent"
    begun = time.monotonic()
    assert "agent of host controller-0 does not answer" in cloud.refused("POST", "/v1/deploy_host/controller-0")
    assert time.monotonic() - begun < 20
    assert cloud.hosts() == {"controller-0": "pending"} and cloud.state() == "start-done"
    cloud.agents["controller-0"].mood = "works"
    cloud.deploy_host("controller-0")
    assert cloud.state() == "host-done"


def test_case_14_a_failed_host_is_tried_again(cloud: Cloud) -> None:
    cloud.upload(cloud.patch("10.0.1"))
    cloud.start_release("10.0.1")
    agent = cloud.agents["controller-0"]
    agent.mood = "fails"
    cloud.deploy_host("controller-0")
    assert cloud.hosts() == {"controller-0": "failed"} and cloud.state() == "host-failed"
    (row,) = cloud.get("/v1/deploy_host")
    assert row["error"] == "it was told to fail"
    agent.mood = "works"
    cloud.deploy_host("controller-0")
    assert cloud.state() == "host-done" and [order.attempt for order in agent.orders] == [1, 2]


def test_case_14_a_host_with_other_content_holds_back_only_itself(standard: Cloud) -> None:
    """That it says the right version is not enough. The other hosts go on, and it is tried again."""
    standard.upload(standard.patch("10.0.1"))
    standard.start_release("10.0.1")
    liar = standard.agents["compute-1"]
    liar.mood = "lies"
    for name in ("controller-1", "controller-0", "compute-0", "compute-1", "compute-2"):
        standard.deploy_host(name)
    assert standard.state() == "host-failed"
    assert standard.hosts() == {name: "failed" if name == "compute-1" else "deployed" for name in standard.agents}
    (row,) = [row for row in standard.get("/v1/deploy_host") if row["hostname"] == "compute-1"]
    assert "starlingx-10.0.1 has the digest ffffffffffff instead of " in row["error"]
    liar.mood = "works"
    standard.deploy_host("compute-1")
    assert standard.state() == "host-done"


def test_case_14_a_lost_order_is_sent_again_and_carried_out_once(cloud: Cloud) -> None:
    cloud.upload(cloud.patch("10.0.1"))
    cloud.start_release("10.0.1")
    agent = cloud.agents["controller-0"]
    agent.mood = "waits"
    cloud.done("POST", "/v1/deploy_host/controller-0")
    cloud.wait(lambda: bool(agent.orders), "the order to arrive")
    assert cloud.conductor is not None
    cloud.conductor.kill()
    cloud.start_conductor()
    cloud.wait(lambda: cloud.hosts() == {"controller-0": "deploying"}, "the installation to go on")
    agent.finish()
    cloud.wait(lambda: cloud.state() == "host-done", "the result to count")
    assert len(agent.orders) == 1
