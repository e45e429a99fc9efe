# SPDX-License-Identifier: Apache-2.0
"""Scenario 14 with the real agent: killed in the middle of an installation, and what comes after it."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.patching import hostagent
from tests.functional.patching.hostagent import HostAgent
from tests.functional.patching.running import Cloud
from tests.unit.patching.backends import packages


@pytest.fixture
def host(cloud: Cloud) -> Iterator[HostAgent]:
    made = HostAgent(cloud, "controller-0")
    made.start()
    folder = cloud.folder / "packages"
    folder.mkdir()
    cloud.upload(hostagent.patch_of(cloud, "10.0.1", [packages.fake(folder, "aaa", "1.0"),
                                                      packages.fake(folder, "tool", "1.1")]))
    yield made
    made.kill()


def test_case_14_a_killed_agent_fails_its_host_and_a_retry_succeeds(host: HostAgent) -> None:
    cloud = host.cloud
    cloud.start_release("10.0.1")
    hold = host.fault("hold")
    cloud.done("POST", "/v1/deploy_host/controller-0")
    host.wait(lambda: host.version("aaa") == "1.0", "the first package")
    assert (host.version("tool"), cloud.hosts()) == ("", {"controller-0": "deploying"})
    host.kill()
    hold.unlink()
    host.start()
    cloud.wait(lambda: cloud.hosts() == {"controller-0": "failed"}, "the row to fail")
    assert cloud.state() == "host-failed"
    cloud.deploy_host("controller-0")
    assert cloud.hosts() == {"controller-0": "deployed"}
    assert (host.version("aaa"), host.version("tool")) == ("1.0", "1.1")


def test_case_14_after_a_kill_the_host_can_also_go_back(host: HostAgent) -> None:
    cloud = host.cloud
    cloud.start_release("10.0.1")
    hold = host.fault("hold")
    cloud.done("POST", "/v1/deploy_host/controller-0")
    host.wait(lambda: host.version("aaa") == "1.0", "the first package")
    host.kill()
    hold.unlink()
    host.start()
    cloud.wait(lambda: cloud.hosts() == {"controller-0": "failed"}, "the row to fail")
    cloud.done("POST", "/v1/deploy/abort", {})
    cloud.deploy_host("controller-0", back=True)
    cloud.reaches("host-rollback-done")
    assert (host.version("aaa"), host.version("tool")) == ("", "")


def test_an_installation_that_fails_says_why(host: HostAgent) -> None:
    cloud = host.cloud
    cloud.start_release("10.0.1")
    host.fault("fail", "tool")
    cloud.deploy_host("controller-0")
    assert cloud.hosts() == {"controller-0": "failed"}
    result = host.book().memory.result
    assert result is not None and result.error == (
        "tool cannot be changed: it was told to fail. It was taken back.")
    assert host.version("aaa") == ""


def test_an_agent_that_was_down_for_a_while_gets_the_order_again(host: HostAgent) -> None:
    cloud = host.cloud
    cloud.start_release("10.0.1")
    hold = host.fault("hold")
    cloud.done("POST", "/v1/deploy_host/controller-0")
    host.wait(lambda: host.version("aaa") == "1.0", "the first package")
    assert cloud.conductor is not None
    cloud.conductor.kill()
    hold.unlink()
    host.wait(lambda: host.book().memory.version == "10.0.1", "the installation to end without a conductor")
    cloud.start_conductor()
    cloud.wait(lambda: cloud.hosts() == {"controller-0": "deployed"} or cloud.state() == "host-failed",
               "the conductor to hear of it")
    if cloud.state() == "host-failed":
        cloud.deploy_host("controller-0")
    assert cloud.hosts() == {"controller-0": "deployed"}
