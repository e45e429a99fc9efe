# SPDX-License-Identifier: Apache-2.0
"""Scenarios 9 and 20 with the real agent and real packages: a patch in service, and back again."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flock.testing.privileges import need_root
from tests.functional.patching import hostagent
from tests.functional.patching.hostagent import HostAgent
from tests.functional.patching.running import Cloud
from tests.unit.patching.backends import packages

MAKERS: dict[str, Callable[[Path, str, str], Path]] = {
    "fake": packages.fake, "deb": packages.deb, "rpm": packages.rpm}


@pytest.fixture(params=list(MAKERS))
def host(request: pytest.FixtureRequest, cloud: Cloud) -> Iterator[HostAgent]:
    """controller-0, whose packages are of one kind, with the package ``tool`` in its first version."""
    kind: str = request.param
    if kind == "rpm":
        need_root("rpm", "dnf", "createrepo_c", "rpmbuild")
    made = HostAgent(cloud, "controller-0", (kind,))
    made.start()
    yield made
    made.kill()


def test_case_09_an_in_service_patch_reaches_the_host_and_leaves_it_again(host: HostAgent, tmp_path: Path) -> None:
    cloud, make = host.cloud, MAKERS[host.backend.name]
    base, extra = make(tmp_path, "tool", "1.0"), make(tmp_path, "extra", "3.0")
    cloud.upload(hostagent.patch_of(cloud, "10.0.1", [base]))
    cloud.upload(hostagent.patch_of(cloud, "10.0.2", [make(tmp_path, "tool", "1.1"), extra]))
    hostagent.rolled(cloud, "controller-0", "10.0.1")
    assert host.version("tool") == "1.0"
    cloud.start_release("10.0.2")
    assert cloud.hosts() == {"controller-0": "pending"}
    cloud.deploy_host("controller-0")
    assert cloud.hosts() == {"controller-0": "deployed"}
    assert cloud.inventory.hosts["controller-0"]["administrative"] == "unlocked"
    cloud.reaches("host-done")
    hostagent.finish(cloud)
    assert cloud.releases() == {f"starlingx-10.0.{number}": "deployed" for number in (0, 1, 2)}
    assert (host.version("tool"), host.version("extra")) == ("1.1", "3.0")

    # Scenario 20: back to the release before, whose package comes back.
    cloud.start_release("10.0.1")
    assert cloud.releases()["starlingx-10.0.2"] == "removing"
    cloud.deploy_host("controller-0")
    cloud.reaches("host-done")
    hostagent.finish(cloud)
    assert cloud.releases()["starlingx-10.0.2"] == "available"
    assert (host.version("tool"), host.version("extra")) == ("1.0", "")
    if host.backend.name != "fake":
        assert (host.root / "opt/tool/version").read_text() == "1.0"


def test_case_09_an_aborted_patch_leaves_the_host_as_it_was(host: HostAgent, tmp_path: Path) -> None:
    cloud, make = host.cloud, MAKERS[host.backend.name]
    base = make(tmp_path, "tool", "1.0")
    cloud.upload(hostagent.patch_of(cloud, "10.0.1", [make(tmp_path, "extra", "3.0")], [base]))
    cloud.start_release("10.0.1")
    cloud.deploy_host("controller-0")
    assert host.version("extra") == "3.0"
    cloud.done("POST", "/v1/deploy/abort", {})
    cloud.deploy_host("controller-0", back=True)
    cloud.reaches("host-rollback-done")
    cloud.done("DELETE", "/v1/deploy")
    cloud.reaches(None)
    assert host.version("extra") == ""
    assert cloud.releases()["starlingx-10.0.1"] == "available"
