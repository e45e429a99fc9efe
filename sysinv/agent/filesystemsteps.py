# SPDX-License-Identifier: Apache-2.0
"""Pure: the next step that brings a file system of this host to what it should be. No clock, no I/O."""
from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar

from flock.core.errors import Refused

MIB = 2**20
GIB_MIB = 1024
# LVM rounds volumes up, and file systems leave an incomplete group at the end of their device unused.
SLACK_BYTES = 4 * MIB
GROWING = frozenset({"ext2", "ext3", "ext4", "xfs"})


class FilesystemRefused(Refused):
    """A file system cannot be made as it should be; ``detail`` is the sentence for the operator."""

    code: ClassVar[str] = "sysinv.agent.filesystem_refused"


class Ensure(enum.StrEnum):
    """``grown``: what is there grows; nothing is made, because an empty one would hide what the directory holds."""

    PRESENT = "present"
    GROWN = "grown"
    ABSENT = "absent"


class Step(enum.StrEnum):
    """What is done to a file system; the words are those of messages."""

    MAKE = "make the logical volume"
    ENLARGE = "enlarge the logical volume"
    FORMAT = "make the file system"
    MOUNT = "mount the file system"
    REMEMBER = "have it mounted at boots"
    RESIZE = "grow the file system"
    UNMOUNT = "unmount the file system"
    FORGET = "have it no longer mounted at boots"
    REMOVE = "remove the logical volume"
    WIPE = "wipe the partition"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file system as it should be. ``volume``: name of its logical volume or partition."""

    ensure: Ensure
    volume: str
    size_gib: int
    mountpoint: str


@dataclass(frozen=True, slots=True)
class Found:
    """A file system as it is. ``kind``: its type, empty for a device without content, None for other content.

    ``is_partition``: its device is a partition of that name; ``others``: further partitions of that name.
    ``mounted``: its device is at the mount point; ``covered``: another device is; ``content``: the directory has some.
    """

    has_group: bool = False
    device_bytes: int | None = None
    is_partition: bool = False
    others: int = 0
    kind: str | None = ""
    kind_bytes: int = 0
    mounted: bool = False
    covered: bool = False
    content: bool = False
    remembered: bool = False


def next_step(wanted: Wanted, found: Found) -> Step | None:
    """Return the next step, None when everything is as it should be; FilesystemRefused when that is not possible."""
    if found.is_partition and found.others:
        raise FilesystemRefused(detail=f"{found.others + 1} partitions have the name {wanted.volume}; one may have it.")
    if wanted.ensure is Ensure.ABSENT:
        return _leaving(found)
    if found.device_bytes is None:
        if wanted.ensure is Ensure.GROWN:
            return None
        if not found.has_group:
            raise FilesystemRefused(detail="There is neither a volume group cgts-vg nor a partition with the name "
                                           f"{wanted.volume}.")
        return Step.MAKE
    size = found.device_bytes
    if wanted.ensure is Ensure.GROWN:
        return _size(wanted, found, size) or _growth(found, size)
    step = _size(wanted, found, size) or _content(wanted, found)
    if found.mounted or step is not Step.MOUNT:
        return step or _growth(found, size)
    # Without its users there is less that can go wrong.
    return _growth(found, size) or step


def _leaving(found: Found) -> Step | None:
    if found.mounted:
        return Step.UNMOUNT
    if found.remembered:
        return Step.FORGET
    if found.device_bytes is None:
        return None
    if not found.is_partition:
        return Step.REMOVE
    return None if found.kind == "" else Step.WIPE


def _size(wanted: Wanted, found: Found, device_bytes: int) -> Step | None:
    if device_bytes // MIB >= wanted.size_gib * GIB_MIB:
        return None
    if found.is_partition:
        raise FilesystemRefused(detail=f"The partition with the name {wanted.volume} has {device_bytes // MIB} MiB, "
                                       f"less than {wanted.size_gib} GiB.")
    return Step.ENLARGE


def _content(wanted: Wanted, found: Found) -> Step | None:
    if found.kind == "":
        return Step.FORMAT
    if found.kind is None:
        raise FilesystemRefused(detail=f"{wanted.volume} holds something that is no file system; wipe it first.")
    if not found.mounted:
        if found.covered:
            raise FilesystemRefused(detail=f"Another file system is mounted at {wanted.mountpoint}.")
        if found.content:
            raise FilesystemRefused(detail=f"{wanted.mountpoint} is not empty; move what it holds, which the file "
                                           "system would hide.")
        return Step.MOUNT
    return None if found.remembered else Step.REMEMBER


def _growth(found: Found, device_bytes: int) -> Step | None:
    if found.kind not in GROWING or device_bytes - found.kind_bytes < SLACK_BYTES:
        return None
    # XFS grows only while it is mounted.
    return Step.RESIZE if found.mounted or found.kind != "xfs" else None
