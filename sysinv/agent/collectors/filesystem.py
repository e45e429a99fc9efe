# SPDX-License-Identifier: Apache-2.0
"""File systems of the platform: logical volumes of ``cgts-vg``, or partitions that have the names of such volumes."""
from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flock.core.errors import FlockError
from flock.exec.root import Root
from sysinv.agent.collectors import disk, gpt, lvm, partition
from sysinv.agent.collectors.items import Items, each
from sysinv.agent.collectors.udev import BLOCK
from sysinv.resources.hostfilesystem.report import FilesystemReport

GROUP, FIELDS, ENDING = "cgts-vg", "vg_name,lv_name,lv_size", "-lv"
MIB = 2**20
# Of mountinfo: the device's number and the place; the place is written with octal escapes.
_NUMBER, _PLACE, _FIELDS_MIN = 2, 4, 5
_ESCAPE = re.compile(r"\\([0-7]{3})")
Free = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Device:
    """The block device of a file system; ``number`` (``253:4``) is empty where the kernel has none."""

    node: str
    size_mib: int
    number: str
    is_partition: bool = False


def free_mib(place: str) -> int:
    """Return what files may still take in a mounted file system, in MiB."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize // MIB


def collect(root: Root, free: Free = free_mib) -> Items[FilesystemReport]:
    """Return the file systems by the names of their volumes; one that is both counts as a logical volume."""
    try:
        found = _logical(root)
    except FlockError as error:
        return Items(unread={"lvs": error})
    volumes = each(sorted(found), lambda name: (name, _volume(root, found[name])))
    devices = {name: of_name[0] for name, of_name in _partitions(root).items()} | dict(volumes)
    mounted = places(root)

    def report(name: str) -> FilesystemReport:
        device = devices[name]
        place = next(iter(mounted.get(device.number, ())), None)
        space = 0 if place is None or root.path != Path("/") else max(0, free(place))
        return FilesystemReport(name, device.size_mib, place is not None, space)

    return each(sorted(devices), report, volumes)


def devices(root: Root, volume: str) -> list[Device]:
    """Return the logical volume of that name, else the partitions of that name; errors of ``lvs``."""
    found = _logical(root).get(volume)
    return _partitions(root).get(volume, []) if found is None else [_volume(root, found)]


def places(root: Root) -> dict[str, list[str]]:
    """Return where each device is mounted, by its number, in the order of mounting."""
    found: dict[str, list[str]] = {}
    for line in root.lines("proc/self/mountinfo"):
        fields = line.split(" ")
        if len(fields) >= _FIELDS_MIN:
            place = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[_PLACE])
            found.setdefault(fields[_NUMBER], []).append(place)
    return found


def _logical(root: Root) -> dict[str, dict[str, str]]:
    return {row.get("lv_name", ""): row for row in lvm.told(root, "lvs", FIELDS) if row.get("vg_name") == GROUP}


def _volume(root: Root, row: dict[str, str]) -> Device:
    """Return a logical volume. Device mapper's names have doubled dashes."""
    name = row["lv_name"]
    mapped = f"{GROUP.replace('-', '--')}-{name.replace('-', '--')}"
    number = next((root.text(f"{BLOCK}/{device}/dev") for device in root.listdir(BLOCK)
                   if root.text(f"{BLOCK}/{device}/dm/name") == mapped), "")
    return Device(f"/dev/{GROUP}/{name}", lvm.number(row, "lv_size") // MIB, number)


def _partitions(root: Root) -> dict[str, list[Device]]:
    """Return the partitions whose names in the GPT end with ``-lv``, by name."""
    found: dict[str, list[Device]] = {}
    for name in root.listdir(BLOCK):
        parts = partition.names(root, name)
        table = gpt.entries(root, disk.node(name), root.int(f"{BLOCK}/{name}/queue/logical_block_size")
                            or gpt.SECTOR_BYTES) if parts else {}
        for part in parts:
            base = f"{BLOCK}/{name}/{part}"
            entry = table.get(root.int(f"{base}/partition") or 0)
            if entry is not None and entry.name.endswith(ENDING):
                size = (root.int(f"{base}/size") or 0) // disk.MIB_SECTORS
                found.setdefault(entry.name, []).append(
                    Device(disk.node(part), size, root.text(f"{base}/dev"), is_partition=True))
    return found
