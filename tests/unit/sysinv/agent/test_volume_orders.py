# SPDX-License-Identifier: Apache-2.0
"""Volume groups: what LVM tells, and orders that change groups, with LVM's recorded output in place of LVM."""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from flock.core.errors import InvalidInput
from flock.exec import Root, run
from flock.exec.process import CommandFailed, Completed
from sysinv.agent.collectors import lvg, lvm, pv
from sysinv.agent.disks import carry_out
from sysinv.agent.parttable import DiskRefused
from sysinv.contract.records import StorageOrder
from sysinv.resources.physicalvolume.report import PhysicalVolumeReport
from sysinv.resources.volumegroup.report import VolumeGroupReport
from tests.unit.sysinv.agent.test_disk_orders import GUIDS, SIZE_MIB, TREE, TYPE

MakeRoot = Callable[[Mapping[str, str]], Root]
# What LVM 2.03 printed.
VGS = """  {
      "report": [
          {
              "vg": [
                  {"vg_name":"cgts-vg", "vg_uuid":"Qm5zCf-0000", "vg_permissions":"writeable", "max_lv":"0",
                   "lv_count":"12", "max_pv":"0", "pv_count":"1", "vg_size":"195421016064", "vg_free":"70866960384",
                   "vg_extent_count":"5823", "vg_free_count":"2112"}
              ]
          }
      ]
  }
"""
PVS = """  {
      "report": [
          {
              "pv": [
                  {"pv_name":"/dev/mapper/vol", "vg_name":"cgts-vg", "pv_uuid":"u1", "pv_size":"195421016064",
                   "pv_pe_count":"5823", "pv_pe_alloc_count":"3711"},
                  {"pv_name":"/dev/sdz", "vg_name":"", "pv_uuid":"u2", "pv_size":"1", "pv_pe_count":"0",
                   "pv_pe_alloc_count":"0"}
              ]
          }
      ]
  }
"""


class Lvm:
    """LVM as its programs' output and exit status show it: groups with volumes, and how many logical volumes they have.

    ``killed``: the program that is killed after it has done its work.
    """

    def __init__(self, groups: dict[str, list[str]], logical: Mapping[str, int] | None = None,
                 bare: list[str] | None = None) -> None:
        self.groups, self.logical, self.bare = groups, dict(logical or {}), list(bare or [])
        self.calls: list[str] = []
        self.killed: str | None = None

    def run(self, argv: list[str], **options: Any) -> Completed:
        program, *arguments = argv
        if program in ("sfdisk", "partx"):
            return run(argv, **options)
        if program == "pvs":
            return self._report("pv", [{"pv_name": device, "vg_name": group} for group, devices in self.groups.items()
                                       for device in devices] + [{"pv_name": one, "vg_name": ""} for one in self.bare])
        if program == "vgs":
            return self._report("vg", [{"vg_name": group, "pv_count": str(len(devices)),
                                        "lv_count": str(self.logical.get(group, 0))}
                                       for group, devices in self.groups.items()])
        self.calls.append(" ".join([program, *(Path(one).name for one in arguments)]))
        self._change(program, arguments)
        if program == self.killed:
            self.killed = None
            raise CommandFailed(command=program, rc=-9, reason="killed")
        return Completed(0, "", "")

    def _change(self, program: str, arguments: list[str]) -> None:
        device = arguments[-1]
        if program == "pvcreate":
            assert device not in self.bare
            self.bare.append(device)
        elif program in ("vgcreate", "vgextend"):
            assert (arguments[0] in self.groups) == (program == "vgextend")
            self.bare.remove(device)
            self.groups.setdefault(arguments[0], []).append(device)
        elif program == "vgreduce":
            self.groups[arguments[0]].remove(device)
            self.bare.append(device)
        elif program == "vgremove":
            self.bare += self.groups.pop(arguments[0])
        elif program == "pvremove":
            self.bare.remove(device)
        else:
            assert program == "wipefs"

    @staticmethod
    def _report(kind: str, rows: list[dict[str, str]]) -> Completed:
        return Completed(0, json.dumps({"report": [{kind: rows}]}), "")


@pytest.fixture
def root(make_root: MakeRoot) -> Root:
    """A machine whose vdb has one partition, which is GUIDS[1]."""
    made = make_root({**TREE, "sys/devices/vdb/vdb1/partition": "1", "sys/devices/vdb/vdb1/dev": "253:17",
                      "sys/class/block/vdb1": "-> ../../devices/vdb/vdb1"})
    image = made.path / "dev/vdb"
    image.parent.mkdir()
    with image.open("wb") as file:
        file.truncate(SIZE_MIB * 2**20)
    run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(image)], timeout_s=10,
        input=f"label: gpt\nstart=2048, size=20480, type={TYPE}, uuid={GUIDS[1]}\n")
    return made


def part(root: Root) -> str:
    return str(root.path / "dev/vdb1")


def order(root: Root, lvm_: Lvm, change: str, group: str = "nova-local", **more: Any) -> None:
    values = {"device_path": "/dev/vdb", "serial_id": "S-1", "part_guid": GUIDS[1], **more}
    carry_out(root, StorageOrder(GUIDS[0], change, vg_name=group, **values), lvm_.run)


def test_a_group_is_made_with_its_first_volume_and_extended_with_others(root: Root) -> None:
    lvm_ = Lvm({})
    order(root, lvm_, "extend")
    assert lvm_.calls == ["wipefs --all vdb1", "pvcreate --yes vdb1", "vgcreate nova-local vdb1"]
    lvm_ = Lvm({"nova-local": ["/dev/vdx"]})
    order(root, lvm_, "extend")
    assert lvm_.calls[-1] == "vgextend nova-local vdb1"
    assert lvm_.groups == {"nova-local": ["/dev/vdx", part(root)]}


@pytest.mark.parametrize(("type_guid", "made"), [(TYPE, True), ("0fc63daf-8483-4772-8e79-3d69d8477de4", False)])
def test_on_the_root_disk_only_a_partition_for_lvm_joins_a_group(root: Root, type_guid: str, made: bool) -> None:
    image = root.path / "dev/vda"
    with image.open("wb") as file:
        file.truncate(SIZE_MIB * 2**20)
    run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(image)], timeout_s=10,
        input=f"label: gpt\nstart=2048, size=20480\nsize=20480, type={type_guid}, uuid={GUIDS[2]}\n")
    added = root.path / "sys/devices/vda/vda2"
    added.mkdir()
    (added / "partition").write_text("2\n")
    (root.path / "sys/class/block/vda2").symlink_to("../../devices/vda/vda2")
    lvm_ = Lvm({})
    where = {"device_path": "/dev/vda", "serial_id": None, "part_guid": GUIDS[2]}
    if made:
        order(root, lvm_, "extend", **where)
        assert lvm_.groups == {"nova-local": [str(root.path / "dev/vda2")]}
        order(root, lvm_, "reduce", **where)
        assert lvm_.groups == {}
    else:
        with pytest.raises(DiskRefused, match="not one for LVM, and its disk holds the root file system"):
            order(root, lvm_, "extend", **where)
        assert lvm_.calls == []


def test_a_group_ends_with_its_last_volume(root: Root) -> None:
    lvm_ = Lvm({"nova-local": ["/dev/vdx", part(root)]}, {"nova-local": 3})
    order(root, lvm_, "reduce")
    assert lvm_.calls == ["vgreduce nova-local vdb1", "pvremove vdb1"]
    lvm_ = Lvm({"nova-local": [part(root)]})
    order(root, lvm_, "reduce")
    assert (lvm_.calls, lvm_.groups) == (["vgremove nova-local", "pvremove vdb1"], {})


@pytest.mark.parametrize("change", ["extend", "reduce"])
@pytest.mark.parametrize("killed", ["wipefs", "pvcreate", "vgcreate", "vgremove", "pvremove", None])
def test_an_order_is_carried_out_once_also_after_a_kill(root: Root, change: str, killed: str | None) -> None:
    lvm_ = Lvm({} if change == "extend" else {"nova-local": [part(root)]})
    lvm_.killed = killed
    for _ in range(2):
        try:
            order(root, lvm_, change)
        except CommandFailed:
            continue
    assert lvm_.groups == ({"nova-local": [part(root)]} if change == "extend" else {})
    assert lvm_.bare == []
    lvm_.calls.clear()
    order(root, lvm_, change)
    assert lvm_.calls == []


@pytest.mark.parametrize(("change", "groups", "more", "reason"), [
    ("extend", {"other": ["PART"]}, {}, "is a volume of group other"),
    ("reduce", {"other": ["PART"]}, {}, "is a volume of group other"),
    ("extend", {}, {"part_guid": ""}, "has partitions"),
    ("extend", {}, {"part_guid": GUIDS[2]}, "does not have the partition"),
    ("extend", {}, {"group": "--yes"}, "names no volume group"), ("reduce", {}, {"group": ""}, "names no volume group"),
    ("extend", {}, {"device_path": "/dev/vda", "serial_id": None, "part_guid": ""}, "holds the root file system"),
    ("extend", {}, {"serial_id": "S-2"}, "0 disks are at")])
def test_refused_orders_change_nothing(root: Root, change: str, groups: dict[str, list[str]], more: dict[str, Any],
                                       reason: str) -> None:
    lvm_ = Lvm({name: [part(root)] for name in groups})
    with pytest.raises(DiskRefused, match=reason):
        order(root, lvm_, change, **more)
    assert lvm_.calls == []


def test_logical_volumes_are_never_removed(root: Root) -> None:
    lvm_ = Lvm({"nova-local": [part(root)]}, {"nova-local": 1})
    with pytest.raises(DiskRefused, match="Volume group nova-local has logical volumes"):
        order(root, lvm_, "reduce")
    assert lvm_.calls == []


def test_a_mounted_partition_does_not_become_a_volume(root: Root) -> None:
    with (root.path / "proc/self/mountinfo").open("a") as file:
        file.write("30 22 253:17 / /srv rw - ext4 /dev/vdb1 rw\n")
    lvm_ = Lvm({})
    with pytest.raises(DiskRefused, match="/dev/vdb1 is in use"):
        order(root, lvm_, "extend")
    assert lvm_.calls == []


@pytest.mark.parametrize("text", ["", "[]", '{"report": [{"vg": []}]}', '{"report": 7}', '{"report": [{"pv": [1]}]}'])
def test_what_is_no_report_of_lvm_refuses_the_order(root: Root, text: str) -> None:
    def program(argv: list[str], **options: Any) -> Completed:
        return Completed(0, text, "") if argv[0] in ("pvs", "vgs") else run(argv, **options)

    with pytest.raises(InvalidInput, match="report of LVM: must be JSON with a list"):
        carry_out(root, StorageOrder(GUIDS[0], "extend", "/dev/vdb", "S-1", GUIDS[1], vg_name="x"), program)


def test_groups_and_volumes_are_reported(make_root: MakeRoot) -> None:
    root = make_root({"run/lvm/vgs.json": VGS, "run/lvm/pvs.json": PVS, "sys/devices/sdb1/dev": "8:17",
                      "sys/class/block/sdb1": "-> ../../devices/sdb1", "dev/mapper/vol": "-> ../sdb1"})
    assert lvg.collect(root) == [VolumeGroupReport(
        "cgts-vg", "Qm5zCf-0000", "writeable", 0, 12, 0, 1, "195421016064", "70866960384", 5823, 2112)]
    assert pv.collect(root) == [PhysicalVolumeReport("/dev/sdb1", "cgts-vg", "u1", "195421016064", 5823, 3711)]


def test_a_machine_without_lvm_has_no_groups(make_root: MakeRoot) -> None:
    root = make_root({"etc/hostname": "x"})
    assert (lvg.collect(root), pv.collect(root)) == ([], [])
    assert not lvg.collect(root).unread


@pytest.mark.parametrize("text", ["no json", "[]", '{"report": 1}', '{"report": [{}]}', "[" * 100_000])
def test_output_that_cannot_be_read_keeps_what_is_stored(make_root: MakeRoot, text: str) -> None:
    root = make_root({"run/lvm/vgs.json": text, "run/lvm/pvs.json": text})
    assert list(lvg.collect(root).unread) == ["vgs"]
    assert list(pv.collect(root).unread) == ["pvs"]


def test_one_odd_group_does_not_lose_the_others(make_root: MakeRoot) -> None:
    document = json.loads(VGS)
    (good,) = document["report"][0]["vg"]
    document["report"][0]["vg"].append({**good, "vg_name": "odd", "max_lv": "many"})
    found = lvg.collect(make_root({"run/lvm/vgs.json": json.dumps(document)}))
    assert [one.name for one in found] == ["cgts-vg"]
    assert list(found.unread) == ["odd"]


def test_reports_are_asked_for_in_bytes() -> None:
    assert lvm.arguments("vgs", "vg_name") == [
        "vgs", "--reportformat", "json", "--units", "b", "--nosuffix", "--options", "vg_name"]


def test_the_machine_itself_is_asked_with_its_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("vgs", VGS), ("pvs", "no json")):
        (tmp_path / f"{name}.out").write_text(text)
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nexec cat {tmp_path}/{name}.out\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert [one.name for one in lvg.collect(Root("/"))] == ["cgts-vg"]
    assert list(pv.collect(Root("/")).unread) == ["pvs"]
    (tmp_path / "vgs").unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lvg.collect(Root("/")) == []
