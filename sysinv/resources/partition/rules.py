# SPDX-License-Identifier: Apache-2.0
"""Rules for adding, growing and deleting a partition. Sizes and places in MiB.

A partition is only ever added behind the last one, and only the last one is grown or deleted, so partitions that this
system made never leave a gap and never overlap. On the disk of the root file system only those that this system made
are changed: the others are the installer's, and a host without them does not start.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from flock.core.errors import Conflict
from sysinv.contract.enums import PARTITION_FAILED, PartitionStatus, Personality
from sysinv.model.host import HostRefused, InventoryHost

LVM_GUID = "ba5eba11-0000-1111-2222-000000000001"
LVM_NAME = "LVM Physical Volume"
SIZE_MAX_MIB = 2**31 - 1
# The first MiB holds the table, and its copy at the end takes a part of the last one.
TABLE_MIB = 1
_CHANGES_HERE = (Personality.CONTROLLER, Personality.WORKER)


class StorageBusy(Conflict):
    """Another change of a disk of the host has not ended."""

    code: ClassVar[str] = "sysinv.storage.busy"


@dataclass(frozen=True, slots=True)
class DiskView:
    """What the rules need of a disk; ``available_mib`` is what no partition has or is going to have."""

    device_node: str
    device_path: str
    size_mib: int
    available_mib: int
    is_rootfs: bool = False
    has_osd: bool = False
    has_volume: bool = False


@dataclass(frozen=True, slots=True)
class PartitionView:
    """What the rules need of a partition; ``has_volume``: it is or becomes a physical volume.

    ``made_here``: this system has made it, not the installer or an operator with a program of the host.
    """

    uuid: str
    number: int
    start_mib: int
    end_mib: int
    size_mib: int
    present_mib: int
    status: PartitionStatus
    device_path: str
    has_volume: bool = False
    made_here: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new partition goes, and the names that it gets."""

    number: int
    start_mib: int
    end_mib: int
    device_node: str
    device_path: str


def check_storage(host: InventoryHost, what: str) -> None:
    """HostRefused for a host whose disks this system does not divide."""
    if host.personality not in _CHANGES_HERE:
        raise HostRefused(detail=f"{what} can only be changed on controller and worker hosts.")


def check_idle(host: InventoryHost, changing: int) -> None:
    """StorageBusy while ``changing`` changes of disks of the host have not ended."""
    if changing:
        raise StorageBusy(detail=f"A disk of host {host.name} is being changed. Retry when that has ended.")


def add(host: InventoryHost, disk: DiskView, present: Sequence[PartitionView], size_mib: int) -> Place:
    """Return the place of a new partition; HostRefused."""
    _check_disk(host, disk)
    _check_size(size_mib)
    if size_mib > disk.available_mib:
        raise HostRefused(
            detail=f"Requested size {size_mib} MiB is larger than the {disk.available_mib} MiB available.")
    start = max([TABLE_MIB, *(one.end_mib for one in present)])
    end = start + size_mib
    _check_end(disk, end)
    number = max([0, *(one.number for one in present)]) + 1
    return Place(number, start, end, partition_node(disk.device_node, number),
                 partition_path(disk.device_node, disk.device_path, number))


def grow(host: InventoryHost, disk: DiskView, present: Sequence[PartitionView], part: PartitionView,
         size_mib: int) -> int:
    """Return the new end of a partition that gets ``size_mib``; HostRefused."""
    _check_disk(host, disk)
    _check_ours(disk, part, "modify")
    _check_size(size_mib)
    if not host.is_frozen:
        raise HostRefused(detail=f"Partitions can only be modified on a provisioned host; host {host.name} is not.")
    _check_unused(part, "modify")
    if part.status != PartitionStatus.READY:
        raise HostRefused(detail=f"Can not modify partition {part.device_path}. Its status is not Ready.")
    _check_last(present, part, "modify", "modified")
    if size_mib <= part.size_mib:
        raise HostRefused(
            detail=f"Requested partition size must be larger than current size: {size_mib} <= {part.size_mib}.")
    more = size_mib - part.size_mib
    if more > disk.available_mib:
        raise HostRefused(
            detail=f"Requested extra size {more} MiB is larger than the {disk.available_mib} MiB available.")
    end = part.start_mib + size_mib
    _check_end(disk, end)
    return max(end, part.end_mib)


def delete(host: InventoryHost, disk: DiskView, present: Sequence[PartitionView], part: PartitionView) -> bool:
    """Return whether the host must delete the partition, False for one that is only stored; HostRefused."""
    _check_disk(host, disk)
    _check_ours(disk, part, "delete")
    _check_unused(part, "delete")
    if part.status not in {PartitionStatus.READY, PartitionStatus.CREATING_ON_UNLOCK} | PARTITION_FAILED:
        raise HostRefused(detail=f"Can not delete partition {part.device_path}. It is being changed.")
    if part.status not in PARTITION_FAILED or part.present_mib:
        # A partition that could not be made leaves no gap.
        _check_last(present, part, "delete", "deleted")
    return part.status != PartitionStatus.CREATING_ON_UNLOCK


def partition_node(disk_node: str, number: int) -> str:
    """Return the kernel's device file of a partition: ``/dev/sda1``, ``/dev/nvme0n1p1``."""
    return f"{disk_node}{'p' if disk_node[-1:].isdigit() else ''}{number}"


def partition_path(disk_node: str, disk_path: str, number: int) -> str:
    """Return the path of a partition: ``/dev/disk/by-path/...-part1``, or its device file if the disk has no such."""
    linked = disk_path.startswith("/dev/disk/")
    return f"{disk_path}-part{number}" if linked else partition_node(disk_node, number)


def _check_disk(host: InventoryHost, disk: DiskView) -> None:
    check_storage(host, "Partitions")
    if disk.has_osd:
        raise HostRefused(detail=f"Partitions of disk {disk.device_path} can not be changed: it is used by an OSD.")
    if disk.has_volume:
        raise HostRefused(detail=f"Partitions of disk {disk.device_path} can not be changed: the whole disk is a "
                                 "physical volume.")


def _check_ours(disk: DiskView, part: PartitionView, verb: str) -> None:
    if disk.is_rootfs and not part.made_here:
        raise HostRefused(detail=f"Can not {verb} partition {part.device_path}. It is on the disk of the root file "
                                 "system and was not added with this service.")


def _check_size(size_mib: int) -> None:
    if size_mib <= 0:
        raise HostRefused(detail="Partition size must be greater than 0.")


def _check_end(disk: DiskView, end_mib: int) -> None:
    room = disk.size_mib - TABLE_MIB
    if end_mib > room:
        raise HostRefused(detail=f"The partition would end at {end_mib} MiB, behind the last usable {room} MiB of disk "
                                 f"{disk.device_path}.")


def _check_unused(part: PartitionView, verb: str) -> None:
    if part.has_volume or part.status == PartitionStatus.IN_USE:
        raise HostRefused(detail=f"Can not {verb} partition {part.device_path}. It is in use.")


def _check_last(present: Iterable[PartitionView], part: PartitionView, verb: str, done: str) -> None:
    if any(other.uuid != part.uuid and other.end_mib > part.start_mib for other in present):
        raise HostRefused(detail=f"Can not {verb} partition {part.device_path}. Only the last partition on disk can be "
                                 f"{done}.")
