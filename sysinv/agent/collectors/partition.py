# SPDX-License-Identifier: Apache-2.0
"""Partitions of the listed disks: places from sysfs, types and GUIDs from the GPT or else from udev's database."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from flock.exec.root import Root
from sysinv.agent.collectors import disk, gpt, rootfs
from sysinv.agent.collectors.items import Items, each
from sysinv.agent.collectors.udev import BLOCK, device_at, links_by_device, udev_record
from sysinv.resources.partition.report import PartitionReport

MIB_SECTORS = disk.MIB_SECTORS
LINKED = "/dev/disk/"


def collect(root: Root) -> Items[PartitionReport]:
    """Return the partitions of all disks, by disk and place."""
    booted = rootfs.boot_disks(root)
    boot = next(iter(booted), None)
    links_of = links_by_device(root)
    disks = each(root.listdir(BLOCK), lambda name: name if disk.is_listed(root, name, boot) else None)
    found: Items[PartitionReport] = Items(unread=disks.unread)
    for of_disk in each(disks, lambda name: _of_disk(root, name, links_of), found):
        found.extend(of_disk)
        found.unread |= of_disk.unread
    return found


def names(root: Root, disk_name: str) -> list[str]:
    """Return the kernel's names of the partitions of a disk."""
    base = f"{BLOCK}/{disk_name}"
    return [name for name in root.listdir(base) if root.exists(f"{base}/{name}/partition")]


def in_use(root: Root, name: str) -> bool:
    """Return whether a block device is mounted, swapped to, part of another device, or an LVM physical volume."""
    if root.listdir(f"{BLOCK}/{name}/holders"):
        return True
    number = root.text(f"{BLOCK}/{name}/dev")
    mounts = [line.split() for line in root.lines("proc/self/mountinfo")]
    if any(len(fields) > 2 and fields[2] == number for fields in mounts):
        return True
    swaps = [line.split()[0] for line in root.lines("proc/swaps") if line.startswith("/")]
    if any(device_at(root, path) == name for path in swaps):
        return True
    return udev_record(root, name, {}).properties.get("ID_FS_TYPE") == "LVM2_member"


def _of_disk(root: Root, name: str, links_of: Mapping[str, Sequence[str]]) -> Items[PartitionReport]:
    path = disk.stable_path(root, name, udev_record(root, name, links_of))
    block_bytes = root.int(f"{BLOCK}/{name}/queue/logical_block_size") or gpt.SECTOR_BYTES
    table = gpt.entries(root, disk.node(name), block_bytes)
    return each(names(root, name), lambda part: _report(root, part, path, table, links_of))


def _report(root: Root, name: str, disk_path: str, table: Mapping[int, gpt.Entry],
            links_of: Mapping[str, Sequence[str]]) -> PartitionReport:
    base = f"{BLOCK}/{name}"
    number, start, sectors = (root.int(f"{base}/{file}") or 0 for file in ("partition", "start", "size"))
    udev = udev_record(root, name, links_of)
    entry = table.get(number)
    # udev's record may be older than the partition.
    type_guid = entry.type_guid if entry else udev.properties.get("ID_PART_ENTRY_TYPE")
    guid = entry.guid if entry else udev.properties.get("ID_PART_ENTRY_UUID")
    path = f"{disk_path}-part{number}" if disk_path.startswith(LINKED) else None
    return PartitionReport(
        disk_path=disk_path, number=number, device_node=disk.node(name),
        device_path=udev.link("by-path") or path or disk.node(name),
        start_mib=start // MIB_SECTORS, end_mib=-(-(start + sectors) // MIB_SECTORS), size_mib=sectors // MIB_SECTORS,
        type_guid=type_guid, type_name=entry.name if entry else udev.properties.get("ID_PART_ENTRY_NAME"),
        part_guid=guid, in_use=in_use(root, name))
