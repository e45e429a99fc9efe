# SPDX-License-Identifier: Apache-2.0
"""Finds the disk with the root file system, by any of the names that the system uses for it."""
from __future__ import annotations

from collections.abc import Iterator

from flock.exec import platformconf
from flock.exec.root import Root
from sysinv.agent.collectors.block import disk_below
from sysinv.agent.collectors.items import Items, each
from sysinv.agent.collectors.udev import device_at

# Tags of file systems and partitions in kernel and /etc/fstab, and udev's directories of links for them.
_TAGS = {"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel"}


def boot_disks(root: Root) -> Items[str]:
    """Return the names (``sda``) of the disks that carry ``/`` or will carry it, the best source first.

    The sources in this order: the device number of ``/``, its device in mountinfo (file systems such as btrfs have
    separate numbers) and in ``/proc/mounts``, ``root=`` of the kernel, ``rootfs_device`` of platform.conf.
    """
    return each(_names(root), lambda name: disk_below(root, name))


def _names(root: Root) -> Iterator[str]:
    number, source = _mounted(root)
    if number and (name := root.link_name(f"sys/dev/block/{number}")) is not None:
        yield name
    for told in (source, _by_mount(root), _by_kernel(root), platformconf.value(root, "rootfs_device") or ""):
        if told and (name := named(root, told)) is not None:
            yield name


def named(root: Root, told: str) -> str | None:
    """Return the block device for ``/dev/…``, ``UUID=…``, ``LABEL=…``, ``PARTUUID=…``, ``PARTLABEL=…`` or ``8:2``."""
    told = told.strip().strip("\"'")
    tag, equals, value = told.partition("=")
    if equals and tag in _TAGS:
        value = value.strip("\"'")
        return device_at(root, f"disk/{_TAGS[tag]}/{value}") or device_at(root, f"disk/{_TAGS[tag]}/{value.lower()}")
    major, colon, minor = told.partition(":")
    if colon and major.isdigit() and minor.isdigit():
        return root.link_name(f"sys/dev/block/{told}")
    return device_at(root, told) if told else None


def _mounted(root: Root) -> tuple[str, str]:
    """Return device number and source of ``/`` in mountinfo (the last mount on ``/`` counts); empty when unknown."""
    number = source = ""
    for line in root.lines("proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, told = before.split(), after.split()
        if len(fields) > 4 and fields[4] == "/":
            number, source = fields[2], told[1] if len(told) > 1 and told[1].startswith("/dev/") else ""
    return number, source


def _by_mount(root: Root) -> str:
    """Return the device of ``/`` in ``/proc/mounts``."""
    found = ""
    for line in root.lines("proc/mounts"):
        fields = line.split()
        if len(fields) > 1 and fields[1] == "/" and fields[0].startswith("/dev/"):
            found = fields[0]
    return found


def _by_kernel(root: Root) -> str:
    """Return ``root=`` of the kernel command line; the last one counts."""
    words = [word for word in root.text("proc/cmdline").split() if word.startswith("root=")]
    return words[-1].removeprefix("root=") if words else ""
