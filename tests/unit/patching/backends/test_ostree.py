# SPDX-License-Identifier: Apache-2.0
"""OSTree with its real tool: a patch is there after the next boot, and the old tree is there to return to."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.testing.privileges import need_root
from patching.backends import ostree, plan
from patching.backends.interface import BackendFailed, Item, Target
from tests.unit.patching.backends import packages


class Host:
    """A system root that was installed with the first of three commits."""

    def __init__(self, folder: Path) -> None:
        self.trees = packages.Trees(folder)
        self.commits = [self.trees.commit(version) for version in ("10.0.0", "10.0.1", "10.0.2")]
        first, second, third = self.commits
        self.root = folder / "root"
        base = self.trees.delta(first, "", folder)
        self.trees.system(self.root, first, base)
        self.items = tuple(ostree.describe(path) for path in (
            self.trees.delta(second, first, folder), self.trees.delta(third, second, folder)))
        self.backend = ostree.Ostree(self.root, 60.0)

    def go(self, commit: str, items: tuple[Item, ...] | None = None) -> bool:
        items = self.items if items is None else items
        target = Target({}, {"ostree": commit}, items)
        return self.backend.apply(plan.changes(self.backend, target), items, False)

    def tool(self, number: int) -> str:
        """The content of a deployment: 0 boots next."""
        told = packages.run("ostree", "admin", "status", f"--sysroot={self.root}")
        line = [line.split() for line in told.splitlines() if "flock" in line and "origin" not in line][number]
        return (self.root / "ostree/deploy/flock/deploy" / line[-1] / "usr/bin/tool").read_text()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    packages.need("ostree")
    need_root("ostree")
    made = Host(tmp_path)
    yield made
    packages.thaw(made.root)


def test_a_delta_says_from_where_to_where_it_leads(host: Host) -> None:
    first, second, third = host.commits
    assert [(item.base, item.version) for item in host.items] == [(first, second), (second, third)]
    assert ostree.describe(host.root.parent / f"{first}.delta").base == ""


def test_a_patch_is_deployed_beside_what_runs(host: Host) -> None:
    first, second, _ = host.commits
    assert host.backend.current() == {"ostree": first}
    assert host.go(second) is True
    assert host.backend.current() == {"ostree": second}
    assert (host.tool(0), host.tool(1)) == ("10.0.1", "10.0.0")


def test_patches_that_were_left_out_come_with_the_next(host: Host) -> None:
    host.go(host.commits[2])
    assert host.tool(0) == "10.0.2"


def test_the_host_returns_without_any_delta(host: Host) -> None:
    host.go(host.commits[2])
    host.go(host.commits[0], ())
    assert (host.tool(0), host.tool(1)) == ("10.0.0", "10.0.2")


def test_a_delta_whose_base_the_host_lacks_is_refused(host: Host) -> None:
    with pytest.raises(BackendFailed, match=f"{host.commits[1]} is needed"):
        host.go(host.commits[2], host.items[1:])
    assert host.backend.current() == {"ostree": host.commits[0]}


def test_a_damaged_delta_changes_nothing(host: Host) -> None:
    path = host.items[0].path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(BackendFailed, match="ostree has failed"):
        host.go(host.commits[1])
    assert host.backend.current() == {"ostree": host.commits[0]}


def test_commits_that_nobody_needs_are_removed(host: Host) -> None:
    first, second, third = host.commits
    host.go(second)
    host.go(third)
    host.backend.clean_up(frozenset({first}))
    refs = packages.run("ostree", f"--repo={host.root}/ostree/repo", "refs", "--list", "flock").splitlines()
    assert {ref.rpartition("/")[2] for ref in refs} == {first, second, third}, "two are deployed, one is kept"
    host.backend.clean_up(frozenset())
    refs = packages.run("ostree", f"--repo={host.root}/ostree/repo", "refs", "--list", "flock").splitlines()
    assert {ref.rpartition("/")[2] for ref in refs} == {second, third}
    with pytest.raises(BackendFailed):
        host.go(first, ())


def test_in_service_the_new_files_cover_the_running_ones(host: Host) -> None:
    running = host.root / "usr"
    running.mkdir()
    try:
        needed = host.backend.apply(plan.changes(host.backend, Target({}, {"ostree": host.commits[1]}, host.items)),
                                    host.items, True)
    except BackendFailed as error:
        if "mount" in str(error):
            pytest.skip(f"this machine lets nobody mount: {error}")
        raise
    try:
        assert needed is False
        assert (running / "bin/tool").read_text() == "10.0.1"
    finally:
        packages.run("umount", str(running))


def test_a_host_without_trees_has_none_and_says_so_when_it_shall_get_one(host: Host, tmp_path: Path) -> None:
    other = ostree.Ostree(tmp_path / "debian", 60.0)
    assert (other.current(), other.running()) == ({}, {})
    other.clean_up(frozenset())
    target = Target({"ostree": host.items[0]}, {}, host.items)
    with pytest.raises(BackendFailed, match="was not installed with OSTree"):
        other.apply(plan.changes(other, target), host.items, False)


def test_before_a_boot_the_next_tree_is_made_once_more_with_the_configuration_of_now(
        host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, _ = host.commits
    deployed = host.root / "ostree/deploy/flock/deploy"
    host.go(second)
    (deployed / f"{second}.0/etc/late").write_text("late")
    host.backend.settle()
    assert not (deployed / f"{second}.1").exists(), "this machine has not booted from there"
    monkeypatch.setattr(host.backend, "running", lambda: {"ostree": first})
    host.backend.settle()
    # OSTree takes the configuration of what is booted; nothing is, so it takes that of the newest tree.
    assert (deployed / f"{second}.1/etc/late").read_text() == "late"
    assert host.backend.current() == {"ostree": second}
