# SPDX-License-Identifier: Apache-2.0
"""Decides which block devices are whole disks, and finds the disk below another device."""
from __future__ import annotations

import re

from flock.exec.root import Root
from sysinv.agent.collectors.udev import BLOCK

DEPTH_MAX = 8
# RAM disks, floppies, loops, CD drives, flash without translation layer, network and replicated block devices.
NO_DISK_MAJORS = frozenset({1, 2, 7, 11, 31, 43, 147})
# Ceph's devices, and eMMC areas other than the user area: boot areas and the replay-protected block.
_NO_DISK_NAMES = re.compile(r"rbd\d+|zram\d+|mmcblk\d+(boot\d+|rpmb)")
_NUMBER = re.compile(r"(\d{1,4}):(\d{1,7})")
# Software devices are below devices/virtual, but so are NVMe disks with several controllers.
VIRTUAL, VIRTUAL_NVME = "sys/devices/virtual/", "sys/devices/virtual/nvme-subsystem/"
# Device mapper's maps that are disks: multipath, and RAID that the firmware supports.
_DISK_MAPS = ("mpath-", "DMRAID-")


def device_number(root: Root, name: str) -> tuple[int, int] | None:
    """Return major and minor number; None when the kernel does not provide them."""
    match = _NUMBER.fullmatch(root.text(f"{BLOCK}/{name}/dev"))
    return None if match is None else (int(match[1]), int(match[2]))


def is_disk(root: Root, name: str) -> bool:
    """Return whether the device is a whole disk with a medium, on any bus.

    False for hidden paths of NVMe disks, paths below a multipath map, and volumes (LVM, RAID of partitions).
    """
    base = f"{BLOCK}/{name}"
    if root.exists(f"{base}/partition") or (root.int(f"{base}/size") or 0) <= 0 or root.int(f"{base}/hidden"):
        return False
    device = device_number(root, name)
    if device is None or device[0] in NO_DISK_MAJORS or _NO_DISK_NAMES.fullmatch(name):
        return False
    if root.exists(f"{base}/dm"):
        return root.text(f"{base}/dm/uuid").startswith(_DISK_MAPS)
    if root.exists(f"{base}/md"):
        return _is_raid_of_disks(root, name)
    return not _is_software(_place(root, name)) and not _is_path(root, name)


def disk_below(root: Root, name: str) -> str | None:
    """Return the whole disk below a block device: a partition's disk, else the first lower device's disk."""
    for _ in range(DEPTH_MAX):
        if not root.exists(f"{BLOCK}/{name}"):
            return None
        if is_disk(root, name):
            # A path that appeared before its multipath map.
            return name
        if root.exists(f"{BLOCK}/{name}/partition"):
            name = _place(root, name).split("/")[-2]
            continue
        lower = root.listdir(f"{BLOCK}/{name}/slaves")
        if not lower:
            return next((held for held in root.listdir(f"{BLOCK}/{name}/holders") if is_disk(root, held)), None)
        name = lower[0]
    return None


def _place(root: Root, name: str) -> str:
    try:
        return root.resolve(f"{BLOCK}/{name}")
    except OSError:
        return ""


def _is_software(place: str) -> bool:
    return place.startswith(VIRTUAL) and not place.startswith(VIRTUAL_NVME)


def _is_path(root: Root, name: str) -> bool:
    """Return whether the device is one of several paths of a multipath disk, which is listed instead."""
    return any(root.text(f"{BLOCK}/{holder}/dm/uuid").startswith("mpath-")
               for holder in root.listdir(f"{BLOCK}/{name}/holders"))


def _is_raid_of_disks(root: Root, name: str) -> bool:
    """Return whether a RAID array consists of whole disks and so is listed as a disk; one of partitions is a volume."""
    members = root.listdir(f"{BLOCK}/{name}/slaves")
    return bool(members) and not any(root.exists(f"{BLOCK}/{member}/partition") for member in members)
