# SPDX-License-Identifier: Apache-2.0
"""File systems of a host step by step: the decisions, and logical volumes with LVM's programs stood in for."""
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.errors import InvalidInput
from flock.exec.process import CommandFailed, Completed
from flock.exec.root import Root
from sysinv.agent.collectors import filesystem as collector
from sysinv.agent.filesystems import Filesystem
from sysinv.agent.filesystemsteps import (
    SLACK_BYTES,
    Ensure,
    FilesystemRefused,
    Found,
    Step,
    Wanted,
    next_step,
)

GIB, MIB = 2**30, 2**20
PRESENT = Wanted(Ensure.PRESENT, "docker-lv", 2, "/var/lib/docker")
GROWN, ABSENT = replace(PRESENT, ensure=Ensure.GROWN), replace(PRESENT, ensure=Ensure.ABSENT)
DONE = Found(True, 2 * GIB, kind="ext4", kind_bytes=2 * GIB, mounted=True, remembered=True)


@pytest.mark.parametrize(("wanted", "found", "step"), [
    (PRESENT, Found(has_group=True), Step.MAKE),
    (PRESENT, Found(True, GIB), Step.ENLARGE),
    (PRESENT, Found(True, 2 * GIB), Step.FORMAT),
    (PRESENT, replace(DONE, mounted=False), Step.MOUNT),
    (PRESENT, replace(DONE, remembered=False), Step.REMEMBER),
    (PRESENT, replace(DONE, kind_bytes=GIB), Step.RESIZE),
    (PRESENT, replace(DONE, kind_bytes=GIB, mounted=False), Step.RESIZE),
    (PRESENT, replace(DONE, kind="xfs", kind_bytes=GIB, mounted=False), Step.MOUNT),
    (PRESENT, replace(DONE, kind_bytes=2 * GIB - SLACK_BYTES + 1), None),
    (PRESENT, replace(DONE, kind="btrfs", kind_bytes=0), None),
    (PRESENT, DONE, None), (PRESENT, replace(DONE, content=True), None),
    (GROWN, Found(), None), (GROWN, Found(True, 2 * GIB), None), (GROWN, Found(True, 2 * GIB, kind=None), None),
    (GROWN, replace(DONE, device_bytes=GIB), Step.ENLARGE),
    (GROWN, replace(DONE, kind_bytes=GIB, mounted=False, remembered=False), Step.RESIZE),
    (GROWN, replace(DONE, kind="xfs", kind_bytes=GIB, mounted=False), None),
    (GROWN, replace(DONE, kind="xfs", kind_bytes=GIB), Step.RESIZE),
    (ABSENT, Found(), None), (ABSENT, DONE, Step.UNMOUNT), (ABSENT, replace(DONE, mounted=False), Step.FORGET),
    (ABSENT, replace(DONE, mounted=False, remembered=False), Step.REMOVE),
    (ABSENT, Found(device_bytes=GIB, is_partition=True, kind="ext4"), Step.WIPE),
    (ABSENT, Found(device_bytes=GIB, is_partition=True, kind=None), Step.WIPE),
    (ABSENT, Found(device_bytes=GIB, is_partition=True), None),
])
def test_the_next_step(wanted: Wanted, found: Found, step: Step | None) -> None:
    assert next_step(wanted, found) is step


@pytest.mark.parametrize(("found", "reason"), [
    (Found(), "There is neither a volume group cgts-vg nor a partition with the name docker-lv."),
    (Found(device_bytes=GIB + MIB, is_partition=True),
     "The partition with the name docker-lv has 1025 MiB, less than 2 GiB."),
    (Found(device_bytes=GIB, is_partition=True, others=1), "2 partitions have the name docker-lv; one may have it."),
    (Found(True, 2 * GIB, kind=None), "docker-lv holds something that is no file system; wipe it first."),
    (replace(DONE, mounted=False, covered=True), "Another file system is mounted at /var/lib/docker."),
    (replace(DONE, mounted=False, content=True),
     "/var/lib/docker is not empty; move what it holds, which the file system would hide."),
])
def test_what_is_refused_names_the_reason(found: Found, reason: str) -> None:
    with pytest.raises(FilesystemRefused) as caught:
        next_step(PRESENT, found)
    assert str(caught.value) == reason


EFFECTS: dict[Step, Any] = {
    Step.MAKE: {"device_bytes": 2 * GIB, "kind": "", "kind_bytes": 0}, Step.ENLARGE: {"device_bytes": 2 * GIB},
    Step.FORMAT: {"kind": "ext4", "kind_bytes": 2 * GIB}, Step.MOUNT: {"mounted": True},
    Step.REMEMBER: {"remembered": True}, Step.RESIZE: {"kind_bytes": 2 * GIB}, Step.UNMOUNT: {"mounted": False},
    Step.FORGET: {"remembered": False}, Step.REMOVE: {"device_bytes": None}, Step.WIPE: {"kind": ""}}


@given(st.builds(
    Found, st.booleans(), st.sampled_from((None, GIB, 2 * GIB)), st.booleans(), st.just(0),
    st.sampled_from(("", "ext4", "xfs", None)), st.sampled_from((GIB, 2 * GIB)), st.booleans(), st.booleans(),
    st.booleans(), st.booleans()), st.sampled_from(list(Ensure)))
def test_steps_end_from_anywhere_and_destroy_nothing_that_is_to_stay(found: Found, ensure: Ensure) -> None:
    wanted, before = replace(PRESENT, ensure=ensure), found
    for _ in range(len(Step)):
        try:
            step = next_step(wanted, found)
        except FilesystemRefused:
            return
        if step is None:
            return
        if ensure is not Ensure.ABSENT:
            assert step not in (Step.REMOVE, Step.WIPE, Step.UNMOUNT, Step.FORGET)
            assert step is not Step.FORMAT or found.kind == ""
        if ensure is Ensure.GROWN:
            assert step in (Step.ENLARGE, Step.RESIZE)
        found = replace(found, **EFFECTS[step])
    raise AssertionError(f"no end from {before}")


class Lvm:
    """A machine with a volume group below a directory; programs change its files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls = folder, list[list[str]]()
        self.fails: str | None = None
        (folder / "run/lvm").mkdir(parents=True)
        (folder / "dev/cgts-vg").mkdir(parents=True)
        (folder / "proc/self").mkdir(parents=True)
        self.mounts("")
        self.tell("vgs", "vg", [{"vg_name": "cgts-vg"}])
        self.volumes: dict[str, int] = {}
        self.kinds: dict[str, str] = {}

    def mounts(self, text: str) -> None:
        (self.folder / "proc/self/mountinfo").write_text(text)

    def tell(self, program: str, kind: str, rows: list[dict[str, str]]) -> None:
        (self.folder / f"run/lvm/{program}.json").write_text(json.dumps({"report": [{kind: rows}]}))

    def has(self, name: str, size: int) -> None:
        self.volumes[name] = size
        with open(self.folder / "dev/cgts-vg" / name, "ab") as stream:
            stream.truncate(size)
        block = self.folder / f"sys/class/block/dm-{len(self.volumes)}"
        (block / "dm").mkdir(parents=True, exist_ok=True)
        (block / "dev").write_text("253:7\n")
        (block / "dm/name").write_text("cgts--vg-" + name.replace("-", "--"))
        self.tell("lvs", "lv", [{"vg_name": "cgts-vg", "lv_name": one, "lv_size": str(size)}
                                for one, size in self.volumes.items()])

    def run(self, argv: list[str], **_more: Any) -> Completed:
        self.calls.append(argv)
        if argv[0] == self.fails:
            return Completed(5, "", f"{argv[0]} 1.0\n  insufficient free space\n\n")
        if argv[0] == "lvcreate":
            self.has(argv[argv.index("--name") + 1], int(argv[argv.index("--size") + 1].rstrip("g")) * GIB)
        elif argv[0] == "lvextend":
            self.has(argv[-1].rpartition("/")[2], int(argv[2].rstrip("g")) * GIB)
        elif argv[0] == "mkfs.ext4":
            self.kinds[argv[-1]] = "xfs"
        elif argv[0] == "blkid" and "--probe" in argv:
            kind = self.kinds.get(argv[-1])
            return Completed(2, "", "") if kind is None else Completed(0, f"TYPE={kind}\nUSAGE=filesystem\n", "")
        elif argv[0] == "blkid":
            return Completed(0, "11-22\n", "")
        elif argv[0] == "xfs_info":
            blocks = self.volumes["docker-lv"] // 4096
            return Completed(0, f"data     =        bsize=4096   blocks={blocks}, imaxpct=25\n", "")
        elif "mount" in argv:
            self.mounts(f"29 1 253:7 / {argv[-1]} rw - xfs /dev/x rw\n")
        elif "umount" in argv:
            self.mounts("")
        elif argv[0] == "lvremove":
            self.tell("lvs", "lv", [])
        return Completed(0, "", "")

    def done(self) -> list[str]:
        return [next(word for word in argv if word not in ("nsenter", "--target", "1", "--mount", "--"))
                for argv in self.calls if argv[0] not in ("blkid", "xfs_info")]


@pytest.fixture
def lvm(tmp_path: Path) -> Lvm:
    return Lvm(tmp_path)


def filesystem(lvm: Lvm, ensure: Ensure = Ensure.PRESENT, size_gib: int = 2) -> Filesystem:
    place = lvm.folder / "var/lib/docker"
    return Filesystem(Wanted(ensure, "docker-lv", size_gib, str(place)), lvm.run, Root(lvm.folder),
                      lvm.folder / "units", lvm.folder / "fstab")


def test_a_logical_volume_is_made_mounted_enlarged_and_removed(lvm: Lvm) -> None:
    assert filesystem(lvm).bring_about() == [Step.MAKE, Step.FORMAT, Step.MOUNT, Step.REMEMBER]
    assert lvm.done() == ["lvcreate", "mkfs.ext4", "mount"]
    (link,) = (lvm.folder / "units/local-fs.target.wants").iterdir()
    assert "What=/dev/disk/by-uuid/11-22\n" in link.read_text()
    assert filesystem(lvm).bring_about() == []
    assert collector.collect(Root(lvm.folder))[0].mounted
    assert filesystem(lvm, size_gib=3).bring_about() == [Step.ENLARGE]
    assert lvm.done()[-1] == "lvextend"
    assert filesystem(lvm, Ensure.ABSENT).bring_about() == [Step.UNMOUNT, Step.FORGET, Step.REMOVE]
    assert list((lvm.folder / "units/local-fs.target.wants").iterdir()) == []


def test_an_entry_of_the_installer_is_enough_for_boots(lvm: Lvm) -> None:
    (lvm.folder / "fstab").write_text(f"# /x\n/dev/cgts-vg/docker-lv {lvm.folder}/var/lib/docker ext4 defaults 0 0\n")
    assert Step.REMEMBER not in filesystem(lvm).bring_about()


def test_what_a_program_says_is_the_error(lvm: Lvm) -> None:
    lvm.fails = "lvcreate"
    with pytest.raises(CommandFailed) as caught:
        filesystem(lvm).bring_about()
    assert str(caught.value) == "lvcreate failed with status 5: insufficient free space"


def test_a_step_that_changes_nothing_ends_it(lvm: Lvm) -> None:
    lvm.has("docker-lv", GIB)
    def run(argv: list[str], **_more: Any) -> Completed:
        return Completed(2 if argv[0] == "blkid" else 0, "", "")

    stuck = Filesystem(Wanted(Ensure.GROWN, "docker-lv", 2, "/x"), run, Root(lvm.folder))
    with pytest.raises(FilesystemRefused, match="'enlarge the logical volume' was done and did not help"):
        stuck.bring_about()


@pytest.mark.parametrize("name", ["", "-x", "../x", "a b", "a/b", "x" * 64])
def test_names_are_no_paths_and_no_options(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        Filesystem(replace(PRESENT, volume=name), lambda *_a, **_m: Completed(0, "", ""), Root(tmp_path))


def test_a_group_that_cannot_be_read_is_unread_and_an_odd_volume_alone_is_left_out(lvm: Lvm) -> None:
    lvm.has("docker-lv", GIB)
    lvm.tell("lvs", "lv", [{"vg_name": "cgts-vg", "lv_name": "docker-lv", "lv_size": str(GIB)},
                           {"vg_name": "cgts-vg", "lv_name": "odd-lv", "lv_size": "many"},
                           {"vg_name": "other", "lv_name": "scratch-lv", "lv_size": str(GIB)}])
    found = collector.collect(Root(lvm.folder))
    assert [(one.volume, one.size_mib, one.mounted) for one in found] == [("docker-lv", 1024, False)]
    assert list(found.unread) == ["odd-lv"]
    (lvm.folder / "run/lvm/lvs.json").write_text("{")
    assert list(collector.collect(Root(lvm.folder)).unread) == ["lvs"]
