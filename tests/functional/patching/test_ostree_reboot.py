# SPDX-License-Identifier: Apache-2.0
"""A patch of the operating system over OSTree with the real agent: there after the boot, and not before."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.testing.privileges import need_root
from tests.functional.patching import hostagent
from tests.functional.patching.hostagent import HostAgent
from tests.functional.patching.running import Cloud
from tests.unit.patching.backends import packages


class System:
    """controller-0, which was installed with the first of two commits."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud, self.folder = cloud, folder
        self.trees = packages.Trees(folder)
        self.commits = [self.trees.commit(version) for version in ("10.0.0", "10.0.1")]
        base = self.trees.delta(self.commits[0], "", folder)
        self.trees.system(cloud.folder / "controller-0/root", self.commits[0], base)
        self.host = HostAgent(cloud, "controller-0", ("ostree",))

    def boots(self) -> str:
        """VERSION_ID of the tree that boots next."""
        commit = self.host.backend.current()["ostree"]
        tree = next((self.host.root / "ostree/deploy/flock/deploy").glob(f"{commit}.*[0-9]"))
        text = (tree / "usr/lib/os-release").read_text()
        return dict(line.split("=") for line in text.split())["VERSION_ID"]


@pytest.fixture
def system(cloud: Cloud, tmp_path: Path) -> Iterator[System]:
    need_root("ostree")
    (cloud.folder / "controller-0").mkdir()
    made = System(cloud, tmp_path)
    made.host.start()
    yield made
    made.host.kill()
    packages.thaw(made.host.root)


def test_a_reboot_required_patch_is_there_after_the_boot_and_can_be_taken_back(system: System) -> None:
    cloud, host = system.cloud, system.host
    delta = system.trees.delta(system.commits[1], system.commits[0], system.folder)
    cloud.upload(hostagent.patch_of(cloud, "10.0.1", [delta], reboot_required=True))
    cloud.start_release("10.0.1")
    assert "must be locked" in cloud.refused("POST", "/v1/deploy_host/controller-0")
    assert system.boots() == "10.0.0"
    host.lock()
    cloud.deploy_host("controller-0")
    assert cloud.hosts() == {"controller-0": "deployed"}
    assert system.boots() == "10.0.1"
    memory = host.book().memory
    assert (memory.version, memory.running, memory.needs_reboot) == ("10.0.1", "", True)
    assert (host.root / "run/node_is_patched_rr").exists()
    host.unlock()
    host.wait(lambda: not host.book().memory.needs_reboot, "the agent to see the boot")
    assert host.book().memory.running == "10.0.1"
    cloud.done("POST", "/v1/deploy/abort", {})
    host.lock()
    cloud.deploy_host("controller-0", back=True)
    assert system.boots() == "10.0.0"
    host.unlock()
    cloud.done("DELETE", "/v1/deploy")
    cloud.reaches(None)
    assert cloud.releases()["starlingx-10.0.1"] == "available"
