# SPDX-License-Identifier: Apache-2.0
"""Rules of partitions, and that they and the host's own table agree in any sequence of requests."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysinv.agent.parttable import DiskRefused, Edit, Part, PartTable, edit
from sysinv.contract.enums import PartitionStatus
from sysinv.contract.records import StorageOrder
from sysinv.model.host import HostRefused, InventoryHost
from sysinv.resources.disk.rules import check_wipe
from sysinv.resources.partition import rules
from sysinv.resources.partition.rules import DiskView, PartitionView, StorageBusy

PATH = "/dev/disk/by-path/p"
DISK = DiskView("/dev/sdb", PATH, size_mib=1000, available_mib=900)
SECTORS = 2048


def host(**changes: Any) -> InventoryHost:
    values: dict[str, Any] = {name: None for name in InventoryHost.__dataclass_fields__}
    return InventoryHost(**{**values, "hostname": "worker-0", "personality": "worker", "subfunctions": "worker",
                            "invprovision": "provisioned", **changes})


def part(number: int, start: int, size: int, **changes: Any) -> PartitionView:
    made = PartitionView(f"u{number}", number, start, start + size, size, size, PartitionStatus.READY,
                         f"{PATH}-part{number}")
    return replace(made, **changes)


FIRST, LAST = part(1, 1, 100), part(2, 101, 100)
BOTH = (FIRST, LAST)


def test_a_partition_goes_behind_the_last_and_gets_the_next_number() -> None:
    place = rules.add(host(), DISK, BOTH, 50)
    assert (place.number, place.start_mib, place.end_mib) == (3, 201, 251)
    assert (place.device_node, place.device_path) == ("/dev/sdb3", f"{PATH}-part3")
    assert rules.add(host(), DISK, (), 50).start_mib == 1
    odd = replace(DISK, device_node="/dev/nvme0n1", device_path="/dev/nvme0n1")
    assert rules.add(host(), odd, (), 50).device_path == "/dev/nvme0n1p1"


@pytest.mark.parametrize(("request_", "reason"), [
    (lambda: rules.add(host(personality="storage"), DISK, (), 1),
     "Partitions can only be changed on controller and worker hosts."),
    (lambda: rules.grow(host(), replace(DISK, is_rootfs=True), BOTH, LAST, 200),
     f"Can not modify partition {PATH}-part2. It is on the disk of the root file system and was not added with this "
     "service."),
    (lambda: rules.delete(host(), replace(DISK, is_rootfs=True), BOTH, LAST),
     f"Can not delete partition {PATH}-part2. It is on the disk of the root file system and was not added with this "
     "service."),
    (lambda: rules.add(host(), replace(DISK, is_rootfs=True), BOTH, 901),
     "Requested size 901 MiB is larger than the 900 MiB available."),
    (lambda: rules.add(host(), replace(DISK, has_osd=True), (), 1),
     f"Partitions of disk {PATH} can not be changed: it is used by an OSD."),
    (lambda: rules.add(host(), replace(DISK, has_volume=True), (), 1),
     f"Partitions of disk {PATH} can not be changed: the whole disk is a physical volume."),
    (lambda: rules.add(host(), DISK, (), 0), "Partition size must be greater than 0."),
    (lambda: rules.add(host(), DISK, (), -5), "Partition size must be greater than 0."),
    (lambda: rules.add(host(), DISK, (), 901), "Requested size 901 MiB is larger than the 900 MiB available."),
    (lambda: rules.add(host(), DISK, (part(1, 500, 100),), 400),
     f"The partition would end at 1000 MiB, behind the last usable 999 MiB of disk {PATH}."),
    (lambda: rules.grow(host(), DISK, BOTH, LAST, 100),
     "Requested partition size must be larger than current size: 100 <= 100."),
    (lambda: rules.grow(host(), DISK, BOTH, LAST, 99),
     "Requested partition size must be larger than current size: 99 <= 100."),
    (lambda: rules.grow(host(), DISK, BOTH, LAST, 1001),
     "Requested extra size 901 MiB is larger than the 900 MiB available."),
    (lambda: rules.grow(host(), DISK, BOTH, LAST, 899),
     f"The partition would end at 1000 MiB, behind the last usable 999 MiB of disk {PATH}."),
    (lambda: rules.grow(host(), DISK, BOTH, FIRST, 200),
     f"Can not modify partition {PATH}-part1. Only the last partition on disk can be modified."),
    (lambda: rules.grow(host(invprovision="unprovisioned"), DISK, BOTH, LAST, 200),
     "Partitions can only be modified on a provisioned host; host worker-0 is not."),
    (lambda: rules.grow(host(), DISK, BOTH, replace(LAST, status=PartitionStatus.ERROR), 200),
     f"Can not modify partition {PATH}-part2. Its status is not Ready."),
    (lambda: rules.grow(host(), DISK, BOTH, replace(LAST, status=PartitionStatus.IN_USE), 200),
     f"Can not modify partition {PATH}-part2. It is in use."),
    (lambda: rules.delete(host(), DISK, BOTH, FIRST),
     f"Can not delete partition {PATH}-part1. Only the last partition on disk can be deleted."),
    (lambda: rules.delete(host(), DISK, BOTH, replace(LAST, has_volume=True)),
     f"Can not delete partition {PATH}-part2. It is in use."),
    (lambda: rules.delete(host(), DISK, BOTH, replace(LAST, status=PartitionStatus.MODIFYING)),
     f"Can not delete partition {PATH}-part2. It is being changed."),
    (lambda: check_wipe(host(personality="storage"), DISK, ()),
     "Disks can only be changed on controller and worker hosts."),
    (lambda: check_wipe(host(), replace(DISK, is_rootfs=True), ()),
     f"Cannot wipe disk {PATH}: it holds the root file system."),
    (lambda: check_wipe(host(), replace(DISK, has_osd=True), ()), f"Cannot wipe disk {PATH}: it is used by an OSD."),
    (lambda: check_wipe(host(), replace(DISK, has_volume=True), ()),
     f"Cannot wipe disk {PATH}: it has a physical volume."),
    (lambda: check_wipe(host(), DISK, (replace(FIRST, has_volume=True),)),
     f"Cannot wipe disk {PATH}: it has a physical volume."),
    (lambda: check_wipe(host(), DISK, (FIRST, replace(LAST, status=PartitionStatus.IN_USE))),
     f"Cannot wipe disk {PATH}: its partition {PATH}-part2 is in use."),
])
def test_refusals_name_the_rule(request_: Callable[[], object], reason: str) -> None:
    with pytest.raises(HostRefused) as caught:
        request_()
    assert str(caught.value) == reason


def test_on_the_root_disk_partitions_are_added_behind_the_others_and_only_these_are_changed() -> None:
    disk, ours = replace(DISK, is_rootfs=True), replace(LAST, made_here=True)
    assert rules.add(host(), disk, BOTH, 50).start_mib == 201
    assert rules.grow(host(), disk, (FIRST, ours), ours, 150) == 251
    assert rules.delete(host(), disk, (FIRST, ours), ours)
    with pytest.raises(HostRefused, match="Only the last partition"):
        rules.delete(host(), disk, (replace(FIRST, made_here=True), LAST), replace(FIRST, made_here=True))


def test_another_change_of_the_host_stands_in_the_way() -> None:
    rules.check_idle(host(), 0)
    with pytest.raises(StorageBusy, match="A disk of host worker-0 is being changed"):
        rules.check_idle(host(), 1)


@pytest.mark.parametrize(("status", "at_host"), [
    (PartitionStatus.READY, True), (PartitionStatus.ERROR, True), (PartitionStatus.CREATING_ON_UNLOCK, False)])
def test_the_host_deletes_what_it_may_have(status: PartitionStatus, at_host: bool) -> None:
    assert rules.delete(host(), DISK, BOTH, replace(LAST, status=status)) is at_host


def test_a_partition_that_was_never_made_is_deleted_wherever_it_is() -> None:
    failed = replace(FIRST, status=PartitionStatus.ERROR, present_mib=0)
    assert rules.delete(host(), DISK, (failed, LAST), failed)


# What the host does with an order, without its program.
def applied(table: PartTable, order: StorageOrder) -> PartTable:
    change = edit(table, order)
    return table if change is None else replace(table, parts=_applied(table.parts, change, order))


def _applied(parts: tuple[Part, ...], change: Edit, order: StorageOrder) -> tuple[Part, ...]:
    if change.before[0] == "--delete":
        return tuple(one for one in parts if str(one.number) != change.after[0])
    words = dict(word.strip().split("=") for word in (change.script or "").split(","))
    place = int(words["start"]), int(words["size"])
    if "--append" in change.before:
        return (*parts, Part(max([0, *(one.number for one in parts)]) + 1, *place, words["uuid"]))
    return tuple(Part(one.number, *place, one.guid) if one.guid == order.part_guid else one for one in parts)


class Both:
    """The stored partitions of one disk, and the table of its host, which is reported after each change."""

    def __init__(self, size_mib: int, foreign: list[tuple[int, int]]) -> None:
        self.size_mib = size_mib
        self.table = PartTable("gpt", "d", 34, size_mib * SECTORS - 34, 512)
        at = 34
        for number, (gap, sectors) in enumerate(foreign, 1):
            if at + gap + sectors <= self.table.last:
                made = Part(number, at + gap, sectors, _guid(number))
                self.table = replace(self.table, parts=(*self.table.parts, made))
                at += gap + sectors

    def stored(self) -> list[PartitionView]:
        return [PartitionView(one.guid, one.number, one.start // SECTORS, -(-one.end // SECTORS),
                              one.sectors // SECTORS, one.sectors // SECTORS, PartitionStatus.READY, one.guid)
                for one in self.table.parts]

    def disk(self) -> DiskView:
        taken = sum(one.sectors for one in self.table.parts)
        return DiskView("/dev/sdb", PATH, self.size_mib,
                        max((self.size_mib * SECTORS - SECTORS - 33 - taken) // SECTORS - 2, 0))

    def request(self, change: str, which: int, size_mib: int) -> None:
        """A request as the API judges it; the host must be able to carry out what was permitted."""
        guid, stored = _guid(which), self.stored()
        known = next((one for one in stored if one.uuid == guid), None)
        if (known is None) != (change == "create"):
            return
        try:
            if known is None:
                rules.add(host(), self.disk(), stored, size_mib)
            elif change == "grow":
                rules.grow(host(), self.disk(), stored, known, size_mib)
            else:
                rules.delete(host(), self.disk(), stored, known)
        except HostRefused:
            return
        order = StorageOrder("o", change, PATH, None, guid, size_mib, rules.LVM_GUID)
        self.table = applied(self.table, order)
        assert applied(self.table, order) == self.table  # twice is once


def _guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


FOREIGN = st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 60000)), max_size=3)
REQUESTS = st.lists(st.tuples(st.sampled_from(["create", "grow", "delete"]), st.integers(1, 8), st.integers(-2, 200)),
                    max_size=20)


@given(size_mib=st.integers(3, 200), foreign=FOREIGN, requests=REQUESTS)
def test_partitions_never_overlap_nor_exceed_the_disk(size_mib: int, foreign: list[tuple[int, int]],
                                                      requests: list[tuple[str, int, int]]) -> None:
    both = Both(size_mib, foreign)
    for request in requests:
        both.request(*request)
        parts = sorted(both.table.parts, key=lambda one: one.start)
        assert all(one.end <= other.start for one, other in zip(parts, parts[1:], strict=False))
        assert all(one.start >= both.table.first and one.end - 1 <= both.table.last for one in parts)
        assert sum(one.sectors for one in parts) <= size_mib * SECTORS


@given(guid=st.text(max_size=40), change=st.text(max_size=40), type_guid=st.text(max_size=40),
       size_mib=st.integers(-2, 2**40))
def test_no_text_of_an_order_reaches_the_program_unchecked(guid: str, change: str, type_guid: str,
                                                           size_mib: int) -> None:
    table = PartTable("gpt", "d", 34, 10**12, 512)
    with pytest.raises(DiskRefused):
        edit(table, StorageOrder("o", change, PATH, None, guid, size_mib, type_guid))
