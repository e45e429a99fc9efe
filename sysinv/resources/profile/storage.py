# SPDX-License-Identifier: Apache-2.0
"""The part of a profile for local storage: the volume group of instances, and the disks and partitions in it."""
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sysinv.contract.enums import PartitionStatus, VolumeState
from sysinv.model.host import HostRefused, InventoryHost
from sysinv.resources.partition import rules as partitions
from sysinv.resources.partition.rules import DiskView, PartitionView, Place
from sysinv.resources.physicalvolume import rules as volumes
from sysinv.resources.physicalvolume.rules import GroupView
from sysinv.resources.profile.body import ProfileDisk, ProfileStor
from sysinv.resources.volumegroup import rules as groups
from sysinv.resources.volumegroup.rules import NOVA_LOCAL


@dataclass(frozen=True, slots=True)
class HostDisk:
    """A disk of a host; ``partitions`` are all of it, ``joined`` the uuids of those in the volume group.

    ``whole``: the disk itself is in the volume group.
    """

    id: int
    view: DiskView
    partitions: tuple[PartitionView, ...] = ()
    joined: frozenset[str] = frozenset()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class HostStorage:
    """The disks of a host. ``groups``: names of its volume groups; ``changing``: orders that have not ended."""

    disks: tuple[HostDisk, ...] = ()
    groups: frozenset[str] = frozenset()
    changing: int = 0


@dataclass(frozen=True, slots=True)
class NewVolume:
    """A volume that joins the group: the whole disk, or a new partition of ``size_mib`` at ``place``."""

    disk_id: int
    device_node: str
    size_mib: int = 0
    place: Place | None = None

    def document(self) -> dict[str, Any]:
        """Return the volume as the API shows it in a plan."""
        node = self.device_node if self.place is None else self.place.device_node
        return {"lvm_vg_name": NOVA_LOCAL, "device_node": node, "size_mib": self.size_mib}


def taken(source: HostStorage) -> tuple[ProfileDisk, ...]:
    """Return the disks with volumes of the group as a profile has them; none when the host has no such volumes."""
    found = [_taken(disk) for disk in source.disks if disk.whole or disk.joined]
    return tuple(sorted(found, key=lambda disk: (disk.device_path, disk.device_node)))


def planned(name: str, wanted: Sequence[ProfileDisk], host: InventoryHost,
            target: HostStorage) -> tuple[NewVolume, ...]:
    """Return the volumes that profile ``name`` adds; none when the host has them. HostRefused, HostMustBeLocked,
    GroupExists, StorageBusy.
    """
    if not host.has_worker_function:
        raise HostRefused(detail=f"Host {host.name} has no worker function, which a localstg profile needs.")
    matched = [(disk, match(name, disk, host, target.disks)) for disk in wanted]
    ids = {mine.id for _, mine in matched}
    if len(ids) < len(matched):
        raise HostRefused(detail=f"Profile {name} has two disks that are one on host {host.name}.")
    own = {disk.id for disk in target.disks if disk.whole or disk.joined}
    if own == ids and all(_taken(mine).partitions_mib == disk.partitions_mib for disk, mine in matched):
        return ()
    groups.check_add(host, NOVA_LOCAL, {}, target.groups)
    partitions.check_idle(host, target.changing)
    found: list[NewVolume] = []
    for disk, mine in matched:
        found += _added(disk, mine, host, len(found))
    return tuple(found)


def _taken(disk: HostDisk) -> ProfileDisk:
    sizes = tuple(part.size_mib for part in sorted(disk.partitions, key=lambda one: one.number)
                  if part.uuid in disk.joined)
    return ProfileDisk(disk.view.device_path, disk.view.device_node, disk.view.size_mib, sizes)


def match(name: str, wanted: ProfileDisk | ProfileStor, host: InventoryHost, disks: Collection[HostDisk]) -> HostDisk:
    """Return the disk at the same path, else that with the same device node; HostRefused."""
    found = next((disk for disk in disks if disk.view.device_path == wanted.device_path), None) or next(
        (disk for disk in disks if disk.view.device_node == wanted.device_node), None)
    if found is None:
        raise HostRefused(detail=f"Profile {name} needs disk {wanted.device_path}; host {host.name} has none there.")
    if found.view.size_mib < wanted.size_mib:
        raise HostRefused(detail=f"Profile {name} needs {wanted.size_mib} MiB on disk {wanted.device_path}; that of "
                                 f"host {host.name} has {found.view.size_mib} MiB.")
    return found


def _added(wanted: ProfileDisk, own: HostDisk, host: InventoryHost, before: int) -> list[NewVolume]:
    """Return the volumes on one disk; each is checked with the ones before it."""
    group, view, present = GroupView(NOVA_LOCAL, VolumeState.ADDING.value, before), own.view, own.partitions
    if not wanted.partitions_mib:
        volumes.check_add(host, group, view, present, None)
        return [NewVolume(own.id, view.device_node, view.size_mib)]
    found = []
    for number, size_mib in enumerate(wanted.partitions_mib):
        place = partitions.add(host, view, present, size_mib)
        part = PartitionView(f"new-{number}", place.number, place.start_mib, place.end_mib, size_mib, 0,
                             PartitionStatus.CREATING_ON_UNLOCK, place.device_path)
        present = (*present, part)
        volumes.check_add(host, replace(group, volumes=before + number), view, present, part)
        view = replace(view, available_mib=view.available_mib - size_mib)
        found.append(NewVolume(own.id, view.device_node, size_mib, place))
    return found
