# SPDX-License-Identifier: Apache-2.0
"""Which disk carries the root file system, through partitions, LVM and software RAID."""
from __future__ import annotations

from flock.exec.root import Root

BLOCK = "sys/class/block"
PLATFORM_CONF = "etc/platform/platform.conf"
DEPTH_MAX = 8


def boot_disk(root: Root) -> str | None:
    """Name of the disk (``sda``) below ``/``; the installed ``rootfs_device`` when ``/`` is on none; else None."""
    candidates = (_by_number(root), _by_mount(root), configured(root))
    return next((disk for name in candidates if name and (disk := disk_below(root, name))), None)


def disk_below(root: Root, name: str) -> str | None:
    """The whole disk under a block device: a partition's disk, a mapped device's first lower device's disk."""
    for _ in range(DEPTH_MAX):
        if not root.exists(f"{BLOCK}/{name}"):
            return None
        if root.exists(f"{BLOCK}/{name}/partition"):
            return root.resolve(f"{BLOCK}/{name}").split("/")[-2]
        lower = root.listdir(f"{BLOCK}/{name}/slaves")
        if not lower:
            return name
        name = lower[0]
    return None


def configured(root: Root) -> str | None:
    """``rootfs_device`` of platform.conf as a device name; a ``/dev/disk`` link is followed."""
    for line in root.lines(PLATFORM_CONF):
        key, _, value = line.strip().partition("=")
        path = value.strip("\"' ")
        if key == "rootfs_device" and path:
            return root.link_name(path.lstrip("/")) or path.rpartition("/")[2]
    return None


def _by_number(root: Root) -> str | None:
    """Device of ``/`` by the numbers in mountinfo (the last mount on ``/`` is the one seen)."""
    name = None
    for line in root.lines("proc/self/mountinfo"):
        fields = line.split()
        if len(fields) > 4 and fields[4] == "/":
            name = root.link_name(f"sys/dev/block/{fields[2]}")
    return name


def _by_mount(root: Root) -> str | None:
    """Device of ``/`` by its name in ``/proc/mounts``, where mountinfo or ``/sys/dev`` do not tell."""
    name = None
    for line in root.lines("proc/mounts"):
        fields = line.split()
        if len(fields) > 1 and fields[1] == "/" and fields[0].startswith("/dev/"):
            name = root.link_name(fields[0].lstrip("/")) or fields[0].rpartition("/")[2]
    return name
