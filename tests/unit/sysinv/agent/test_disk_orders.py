# SPDX-License-Identifier: Apache-2.0
"""Orders for disks, carried out with sfdisk on a file in place of a disk."""
from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flock.core.errors import Unavailable
from flock.exec import Root, run
from flock.exec.process import CommandFailed, Completed
from sysinv.agent.collectors import gpt
from sysinv.agent.disks import carry_out, tell_kernel
from sysinv.agent.parttable import DiskRefused, Part, read_table
from sysinv.agent.storage import StorageWork
from sysinv.contract.records import StorageOrder, StorageResult

TYPE = "ba5eba11-0000-1111-2222-000000000001"
MIB, SECTORS = 2**20, 2048
SIZE_MIB = 64
GUIDS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(10)]
TREE = {
    "sys/devices/vda/dev": "253:0", "sys/devices/vda/size": "409600",
    "sys/devices/vda/vda1/dev": "253:1", "sys/devices/vda/vda1/partition": "1",
    "sys/devices/vdb/dev": "253:16", "sys/devices/vdb/size": str(SIZE_MIB * SECTORS), "sys/devices/vdb/serial": "S-1",
    "sys/class/block/vda": "-> ../../devices/vda", "sys/class/block/vda1": "-> ../../devices/vda/vda1",
    "sys/class/block/vdb": "-> ../../devices/vdb", "sys/dev/block/253:1": "-> ../../devices/vda/vda1",
    "proc/self/mountinfo": "22 1 253:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw"}
MakeRoot = Callable[[Mapping[str, str]], Root]


@dataclass
class Bench:
    """A machine with its system on vda, and a file as vdb."""

    root: Root
    image: Path
    calls: list[list[str]]

    def run(self, argv: list[str], **options: Any) -> Completed:
        self.calls.append(argv)
        return run(argv, **options)

    def order(self, change: str, guid: str = GUIDS[1], size_mib: int = 0, **more: Any) -> None:
        values = {"order_uuid": GUIDS[0], "device_path": "/dev/vdb", "serial_id": "S-1", "type_guid": TYPE, **more}
        carry_out(self.root, StorageOrder(change=change, part_guid=guid, size_mib=size_mib, **values), self.run)

    def places(self) -> list[tuple[str, int, int]]:
        """GUID, start and size in MiB of each partition, as sfdisk tells them."""
        return [(part.guid, part.start // SECTORS, part.sectors // SECTORS) for part in self.table()]

    def table(self) -> tuple[Part, ...]:
        return read_table(run(["sfdisk", "--json", str(self.image)], timeout_s=10).out).parts

    def edits(self) -> int:
        return sum("--json" not in argv for argv in self.calls)


@pytest.fixture
def bare(make_root: MakeRoot) -> Bench:
    root = make_root(TREE)
    image = root.path / "dev/vdb"
    image.parent.mkdir()
    with image.open("wb") as file:
        file.truncate(SIZE_MIB * MIB)
    return Bench(root, image, [])


@pytest.fixture
def bench(bare: Bench) -> Bench:
    bare.order("wipe")
    bare.calls.clear()
    return bare


def test_partitions_are_added_grown_and_deleted_at_the_end(bench: Bench) -> None:
    bench.order("create", GUIDS[1], 10)
    bench.order("create", GUIDS[2], 20)
    assert bench.places() == [(GUIDS[1], 1, 10), (GUIDS[2], 11, 20)]
    bench.order("grow", GUIDS[2], 30)
    assert bench.places() == [(GUIDS[1], 1, 10), (GUIDS[2], 11, 30)]
    assert {entry.type_guid for entry in gpt.entries(bench.root, "dev/vdb").values()} == {TYPE}
    bench.order("delete", GUIDS[2])
    assert bench.places() == [(GUIDS[1], 1, 10)]
    verified = run(["sgdisk", "--verify", str(bench.image)], timeout_s=10)
    assert "No problems found" in verified.out


@pytest.mark.parametrize(("change", "size_mib"), [("create", 10), ("grow", 20), ("delete", 0), ("wipe", 0)])
def test_an_order_that_is_done_changes_nothing_again(bench: Bench, change: str, size_mib: int) -> None:
    if change != "create":
        bench.order("create", size_mib=10)
    bench.order(change, size_mib=size_mib, order_uuid=GUIDS[9])
    before = bench.image.read_bytes()
    bench.calls.clear()
    bench.order(change, size_mib=size_mib, order_uuid=GUIDS[9])
    assert bench.image.read_bytes() == before
    assert bench.edits() == 0


def test_a_killed_program_is_begun_again(bench: Bench) -> None:
    def killed(argv: list[str], **options: Any) -> Completed:
        done = run(argv, **options)
        if "--json" not in argv:
            raise CommandFailed(command="sfdisk", rc=-9, reason="killed")
        return done

    order = StorageOrder(GUIDS[0], "create", "/dev/vdb", "S-1", GUIDS[1], 10, TYPE)
    with pytest.raises(CommandFailed):
        carry_out(bench.root, order, killed)
    carry_out(bench.root, order, bench.run)
    assert bench.places() == [(GUIDS[1], 1, 10)]


def write_swap(image: Path, at: int) -> None:
    """A swap area's header: a signature that programs recognise."""
    with image.open("r+b") as file:
        file.seek(at + 1024)
        file.write((1).to_bytes(4, "little") + (2000).to_bytes(4, "little"))
        file.seek(at + 4086)
        file.write(b"SWAPSPACE2")


def signature(image: Path, at: int) -> bytes:
    with image.open("rb") as file:
        file.seek(at + 4086)
        return file.read(10)


@pytest.mark.parametrize("again", ["partition", "disk"])
def test_what_an_earlier_partition_held_does_not_come_back(bench: Bench, again: str) -> None:
    bench.order("create", size_mib=10)
    write_swap(bench.image, MIB)
    if again == "partition":
        bench.order("delete")
        assert signature(bench.image, MIB) == b"SWAPSPACE2"
        bench.order("create", GUIDS[2], 12)
    else:
        bench.order("wipe", order_uuid=GUIDS[5])
    assert signature(bench.image, MIB) == bytes(10)


def test_a_wipe_that_skips_formatting_keeps_what_partitions_held(bench: Bench) -> None:
    bench.order("create", size_mib=10)
    write_swap(bench.image, MIB)
    bench.order("wipe", order_uuid=GUIDS[5], skip_format=True)
    assert bench.places() == []
    assert signature(bench.image, MIB) == b"SWAPSPACE2"


@pytest.mark.parametrize(("values", "reason"), [
    ({"device_path": "/dev/vdc"}, "0 disks are at /dev/vdc"),
    ({"serial_id": "S-2"}, "0 disks are at /dev/vdb with serial number S-2"),
    ({"guid": "../../x"}, "does not name a partition"), ({"type_guid": "x, bootable"}, "names no type"),
    ({"size_mib": 0}, "names no size"), ({"size_mib": SIZE_MIB - 1}, "no room for 63 MiB behind"),
    ({"change": "format"}, "'format' a partition is not known")])
def test_refused_orders_name_the_reason_and_change_nothing(bench: Bench, values: dict[str, Any], reason: str) -> None:
    before = bench.image.read_bytes()
    with pytest.raises(DiskRefused, match=reason.replace("(", r"\(")):
        bench.order(**{"change": "create", "size_mib": 10, **values})
    assert bench.image.read_bytes() == before
    assert bench.edits() == 0


def test_only_the_last_partition_is_grown_or_deleted(bench: Bench) -> None:
    bench.order("create", GUIDS[1], 10)
    bench.order("create", GUIDS[2], 10)
    for change in ("grow", "delete"):
        with pytest.raises(DiskRefused, match="not the last"):
            bench.order(change, GUIDS[1], 20)
    with pytest.raises(DiskRefused, match="no room"):
        bench.order("grow", GUIDS[2], 53)
    with pytest.raises(DiskRefused, match="does not exist"):
        bench.order("grow", GUIDS[3], 53)
    assert bench.places() == [(GUIDS[1], 1, 10), (GUIDS[2], 11, 10)]


def test_a_disk_without_table_is_refused_but_has_no_partition_to_delete(bare: Bench) -> None:
    bare.order("delete")
    with pytest.raises(DiskRefused, match="has no GPT. Wipe it first"):
        bare.order("create", size_mib=10)


def test_an_unknown_root_disk_protects_all_disks(bench: Bench) -> None:
    (bench.root.path / "proc/self/mountinfo").unlink()
    with pytest.raises(DiskRefused, match="not known, so no disk is changed"):
        bench.order("create", size_mib=10)


@pytest.mark.parametrize("use", ["holder", "mount", "swap", "volume"])
@pytest.mark.parametrize("change", ["grow", "delete", "wipe"])
def test_what_is_in_use_stays(bench: Bench, use: str, change: str) -> None:
    bench.order("create", size_mib=10)
    part = bench.root.path / "sys/devices/vdb/vdb1"
    part.mkdir()
    (part / "partition").write_text("1\n")
    (part / "dev").write_text("253:17\n")
    (bench.root.path / "sys/class/block/vdb1").symlink_to("../../devices/vdb/vdb1")
    if use == "holder":
        (part / "holders/dm-0").mkdir(parents=True)
    elif use == "mount":
        with (bench.root.path / "proc/self/mountinfo").open("a") as file:
            file.write("30 22 253:17 / /srv rw - ext4 /dev/vdb1 rw\n")
    elif use == "swap":
        (bench.root.path / "proc/swaps").write_text("Filename Type Size Used Priority\n/dev/vdb1 partition 1 0 -2\n")
    else:
        udev = bench.root.path / "run/udev/data/b253:17"
        udev.parent.mkdir(parents=True)
        udev.write_text("E:ID_FS_TYPE=LVM2_member\n")
    before = bench.image.read_bytes()
    with pytest.raises(DiskRefused, match="/dev/vdb1 is in use"):
        bench.order(change, size_mib=20, order_uuid=GUIDS[7])
    assert bench.image.read_bytes() == before
    bench.order("create", GUIDS[2], 10)  # another partition may be added beside it
    assert len(bench.places()) == 2


def test_the_kernel_forgets_partitions_that_are_gone_and_learns_the_others(bench: Bench) -> None:
    bench.order("create", GUIDS[1], 10)
    bench.order("create", GUIDS[2], 10)
    for number in (2, 5):
        part = bench.root.path / f"sys/devices/vdb/vdb{number}"
        part.mkdir()
        (part / "partition").write_text(f"{number}\n")
    told: list[list[str]] = []

    def program(argv: list[str], **options: Any) -> Completed:
        if argv[0] == "partx":
            told.append(argv[1:])
            return Completed(0, "", "")
        return run(argv, **options)

    tell_kernel(bench.root, "vdb", bench.image, program)
    assert told == [["--delete", "--nr", "5", str(bench.image)], ["--update", str(bench.image)]]
    told.clear()
    tell_kernel(bench.root, "vdb", bench.image, program, GUIDS[1])
    assert told == [["--delete", "--nr", "5", str(bench.image)], ["--update", "--nr", "1", str(bench.image)]]
    told.clear()
    (bench.root.path / "sys/devices/vdb/vdb5/holders/dm-0").mkdir(parents=True)
    (bench.root.path / "sys/class/block/vdb5").symlink_to("../../devices/vdb/vdb5")
    tell_kernel(bench.root, "vdb", bench.image, program, GUIDS[3])
    assert told == []


@pytest.mark.parametrize("text", [
    "", "[]", "{}", '{"partitiontable": []}', '{"partitiontable": {"label": "gpt", "device": "d", "sectorsize": 7}}',
    '{"partitiontable": {"label": "gpt", "device": "d", "partitions": [{"node": "e1", "start": 1, "size": 1}]}}',
    '{"partitiontable": {"label": "gpt", "device": "d", "partitions": [{"node": "d1", "start": "x", "size": 1}]}}'])
def test_a_table_that_cannot_be_understood_is_refused(text: str) -> None:
    with pytest.raises(DiskRefused, match="cannot be read"):
        read_table(text)


EFI, LINUX = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0fc63daf-8483-4772-8e79-3d69d8477de4"


@pytest.fixture
def root_disk(bare: Bench) -> Bench:
    """The disk of the root file system, as an installer leaves it: EFI, mounted root, room behind them."""
    script = (f"label: gpt\nstart=2048, size={5 * SECTORS}, type={EFI}, uuid={GUIDS[8]}, name=EFI\n"
              f"start={7 * SECTORS}, size={20 * SECTORS}, type={LINUX}, uuid={GUIDS[9]}, name=root\n")
    image = bare.root.path / "dev/vda"
    bare.image.rename(image)
    run(["sfdisk", "--quiet", str(image)], timeout_s=10, input=script)
    with image.open("r+b") as file:
        for at_mib in (1, 6, 7, 26):
            file.seek(at_mib * MIB - 8 if at_mib == 6 else at_mib * MIB)
            file.write(b"precious")
    return Bench(bare.root, image, [])


def installed(disk: Bench) -> tuple[list[str], list[bytes]]:
    """The lines of the installer's partitions in the table, and what these hold."""
    dump = run(["sfdisk", "--dump", str(disk.image)], timeout_s=10).out.splitlines()
    with disk.image.open("rb") as file:
        file.seek(MIB)
        held = file.read(26 * MIB)
    return [line for line in dump if GUIDS[8].upper() in line or GUIDS[9].upper() in line], [held]


ON_ROOT = {"device_path": "/dev/vda", "serial_id": None}


def test_on_the_root_disk_partitions_come_behind_the_installers_which_stay(root_disk: Bench) -> None:
    before = installed(root_disk)
    assert len(before[0]) == 2
    root_disk.order("create", GUIDS[1], 10, **ON_ROOT)
    root_disk.order("create", GUIDS[2], 10, **ON_ROOT)
    root_disk.order("grow", GUIDS[2], 15, **ON_ROOT)
    assert root_disk.places()[2:] == [(GUIDS[1], 27, 10), (GUIDS[2], 37, 15)]
    root_disk.order("delete", GUIDS[2], **ON_ROOT)
    assert root_disk.places()[2:] == [(GUIDS[1], 27, 10)]
    assert installed(root_disk) == before
    assert "No problems found" in run(["sgdisk", "--verify", str(root_disk.image)], timeout_s=10).out
    edits = root_disk.edits()
    root_disk.order("create", GUIDS[1], 10, **ON_ROOT)
    root_disk.order("delete", GUIDS[2], **ON_ROOT)
    assert root_disk.edits() == edits  # both were done before


@pytest.mark.parametrize(("change", "values", "reason"), [
    ("wipe", {}, "Disk /dev/vda holds the root file system"),
    ("extend", {"guid": "", "vg_name": "nova-local"}, "Disk /dev/vda holds the root file system"),
    ("reduce", {"guid": "", "vg_name": "nova-local"}, "Disk /dev/vda holds the root file system"),
    ("create", {"size_mib": 40}, "no room for 40 MiB behind"),
    *((change, {"guid": guid, "size_mib": 30, "vg_name": "nova-local"}, "not one for LVM")
      for change in ("create", "grow", "delete", "extend", "reduce") for guid in (GUIDS[8], GUIDS[9]))])
def test_orders_that_would_harm_the_system_are_refused_and_change_nothing(
        root_disk: Bench, change: str, values: dict[str, Any], reason: str) -> None:
    before = root_disk.image.read_bytes()
    with pytest.raises(DiskRefused, match=reason):
        root_disk.order(change, **{**ON_ROOT, **values})
    assert root_disk.image.read_bytes() == before
    assert root_disk.edits() == 0


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["create", "grow", "delete", "wipe", "reduce"]),
                                st.sampled_from([1, 2, 3, 8, 9]), st.integers(1, 40)), min_size=1, max_size=8))
def test_no_sequence_of_orders_changes_what_the_installer_made(root_disk: Bench,
                                                               steps: list[tuple[str, int, int]]) -> None:
    before = installed(root_disk)
    for change, which, size_mib in steps:
        with contextlib.suppress(DiskRefused):
            root_disk.order(change, GUIDS[which], size_mib, **ON_ROOT)
        assert installed(root_disk) == before


STEPS = st.lists(st.tuples(st.sampled_from(["create", "grow", "delete"]), st.integers(1, 4), st.integers(1, 70)),
                 min_size=1, max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_sequence_of_orders_makes_partitions_overlap(bench: Bench, steps: list[tuple[str, int, int]]) -> None:
    bench.order("wipe", order_uuid=str(uuid.uuid4()))
    for change, which, size_mib in steps:
        with contextlib.suppress(DiskRefused):
            bench.order(change, GUIDS[which], size_mib)
        parts = sorted(bench.table(), key=lambda part: part.start)
        assert all(one.end <= other.start for one, other in zip(parts, parts[1:], strict=False))
        assert sum(part.sectors for part in parts) <= (SIZE_MIB - 1) * SECTORS


class Conductor:
    """The conductor's side: orders, and the results that came."""

    def __init__(self, orders: list[StorageOrder]) -> None:
        self.orders, self.results = orders, list[StorageResult]()
        self.away = False

    def storage_orders(self, *, host_uuid: str) -> list[StorageOrder]:
        if self.away:
            raise Unavailable(service="conductor", reason="away")
        return self.orders

    def storage_done(self, *, host_uuid: str, result: StorageResult) -> None:
        self.results.append(result)


def test_one_order_that_fails_does_not_keep_the_others_from_being_answered(bench: Bench) -> None:
    good = StorageOrder(GUIDS[8], "create", "/dev/vdb", "S-1", GUIDS[1], 10, TYPE)
    conductor = Conductor([replace(good, order_uuid=GUIDS[7], device_path="/dev/vdc"), good])
    work = StorageWork(conductor, bench.root, bench.run)
    assert work.carry_out("h") is None
    assert conductor.results == []  # nobody asked
    work.request()
    conductor.away = True
    assert "wait" in (work.carry_out("h") or "")
    conductor.away = False
    assert work.carry_out("h") is None
    assert [bool(result.error) for result in conductor.results] == [True, False]
    assert len(bench.places()) == 1


def test_a_disk_that_cannot_be_written_is_a_result(bench: Bench) -> None:
    bench.order("create", size_mib=10)
    os.remove(bench.image)
    conductor = Conductor([StorageOrder(GUIDS[8], "wipe", "/dev/vdb", "S-1")])
    work = StorageWork(conductor, bench.root, bench.run)
    work.request()
    assert work.carry_out("h") is None
    assert conductor.results[0].error
