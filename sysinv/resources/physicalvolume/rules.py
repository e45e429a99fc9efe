# SPDX-License-Identifier: Apache-2.0
"""Rules for adding and removing physical volumes."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.contract.enums import PartitionStatus, VolumeState
from sysinv.model.host import HostRefused, InventoryHost
from sysinv.resources.partition.rules import DiskView, PartitionView, check_storage
from sysinv.resources.volumegroup.rules import CINDER, PLATFORM_GROUP, check_locked, check_settled

_USABLE = (PartitionStatus.READY, PartitionStatus.CREATING_ON_UNLOCK)


@dataclass(frozen=True, slots=True)
class GroupView:
    """What the rules need of a volume group; ``volumes`` is how many it has."""

    name: str
    state: str
    volumes: int = 0


def check_add(host: InventoryHost, group: GroupView, disk: DiskView, present: tuple[PartitionView, ...],
              part: PartitionView | None) -> None:
    """Raise HostRefused or HostMustBeLocked when ``part`` of ``disk`` (None: the whole disk) may not join the group.

    ``present``: all partitions of the disk.
    """
    check_storage(host, "Physical volumes")
    check_locked(host, group.name)
    check_settled(group.name, group.state)
    path = disk.device_path if part is None else part.device_path
    refusal = _disk_refusal(disk, part, path) or (
        _whole_refusal(present, path) if part is None else _part_refusal(part))
    if refusal is None and group.name == CINDER:
        if part is None:
            refusal = f"Volume group {CINDER} can only have a partition as its physical volume."
        elif group.volumes:
            refusal = f"Volume group {CINDER} can only have one physical volume."
    if refusal is not None:
        raise HostRefused(detail=refusal)


def check_delete(host: InventoryHost, group: GroupView, state: str) -> None:
    """Raise HostRefused or HostMustBeLocked when the volume in ``state`` may not be removed."""
    if group.name == PLATFORM_GROUP:
        raise HostRefused(detail=f"Physical volumes of volume group {PLATFORM_GROUP} can not be removed.")
    check_locked(host, group.name)
    check_settled(group.name, group.state)
    if state == VolumeState.REMOVING:
        raise HostRefused(detail="The physical volume is being removed.")


def _disk_refusal(disk: DiskView, part: PartitionView | None, path: str) -> str | None:
    if disk.is_rootfs and (part is None or not part.made_here):
        # A partition of the installer can hold what the host starts from, also while nothing uses it.
        return f"Cannot use {path} as a physical volume: its disk holds the root file system."
    if disk.has_osd:
        return f"Cannot use {path} as a physical volume: its disk is used by an OSD."
    if disk.has_volume:
        return f"Cannot use {path} as a physical volume: the whole disk is one already."
    return None


def _whole_refusal(present: tuple[PartitionView, ...], path: str) -> str | None:
    return f"Cannot use {path} as a physical volume: the disk has partitions." if present else None


def _part_refusal(part: PartitionView) -> str | None:
    if part.has_volume:
        return f"Cannot use {part.device_path} as a physical volume: the partition is one already."
    if part.status not in _USABLE:
        return f"Cannot use {part.device_path} as a physical volume: the partition is not Ready."
    return None
