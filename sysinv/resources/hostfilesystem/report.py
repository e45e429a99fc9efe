# SPDX-License-Identifier: Apache-2.0
"""Agents' report of file systems."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.contract.reports import Report

# A change of the free space by less than this part of the size is no news.
FREE_PART = 20


@dataclass(frozen=True, slots=True)
class FilesystemReport:
    """A file system that the host has a device for; sizes in MiB.

    ``volume``: name of its logical volume, or of the partition that a host without LVM has for it. ``free_mib`` is what
    files may still take, 0 while it is not mounted.
    """

    volume: str
    size_mib: int
    mounted: bool = False
    free_mib: int = 0


def tells_more(old: FilesystemReport, new: FilesystemReport) -> bool:
    """Return whether a report differs by more than files that come and go."""
    if (old.volume, old.size_mib, old.mounted) != (new.volume, new.size_mib, new.mounted):
        return True
    return abs(old.free_mib - new.free_mib) * FREE_PART > new.size_mib


REPORT = Report("host_filesystems", FilesystemReport, "sysinv.agent.collectors.filesystem",
                after=("lvg",), aliases=("host_fs", "filesystem", "audit_filesystem"), key=lambda one: one.volume,
                tells_more=tells_more, items_max=1024)
