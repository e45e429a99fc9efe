# SPDX-License-Identifier: Apache-2.0
"""What a report of one node's memory writes: counts as reported, reserve and pending pages by their own rules."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sysinv.resources.memory.report import MemoryReport

DEFAULT_VSWITCH_PAGE_MIB = 2
LARGE_VSWITCH_PAGE_MIB = 1024


@dataclass(frozen=True, slots=True)
class StoredMemory:
    """What intake asks of a stored row; ``chosen``: the reserve is the operator's."""

    platform_reserved_mib: int
    pending_2m: int | None
    pending_1g: int | None
    vswitch_reqd: int | None
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Reserve:
    """Reserve of a node that nobody has chosen yet, and the least that may be chosen (MiB)."""

    default_mib: int
    minimum_mib: int


def memory_values(stored: StoredMemory | None, report: MemoryReport, reserve: Reserve) -> dict[str, Any]:
    """Columns to write for one node.

    The reserve belongs to the operator once it was chosen; until then it grows with the node (memory may be added
    to a virtual machine). A report that shows the pending pages clears them.
    """
    reserved = reserve.default_mib
    if stored is not None:
        reserved = stored.platform_reserved_mib if stored.chosen else max(reserved, stored.platform_reserved_mib)
    values: dict[str, Any] = {
        "memtotal_mib": max(report.node_memtotal_mib - reserved, 0),
        "memavail_mib": report.memavail_mib,
        "node_memtotal_mib": report.node_memtotal_mib,
        "platform_reserved_mib": reserved,
        "minimum_platform_reserved_mib": reserve.minimum_mib,
        "vswitch_hugepages_nr": report.vswitch_hugepages_nr,
        "vswitch_hugepages_avail": report.vswitch_hugepages_avail,
        "vm_hugepages_nr_2M": report.hugepages_nr_2m,
        "vm_hugepages_avail_2M": report.hugepages_avail_2m,
        "vm_hugepages_nr_1G": report.hugepages_nr_1g,
        "vm_hugepages_avail_1G": report.hugepages_avail_1g,
        "vm_hugepages_nr_4K": report.pages_4k,
        "vm_hugepages_possible_2M": report.hugepages_possible_2m,
        "vm_hugepages_possible_1G": report.hugepages_possible_1g if report.supports_1g else 0,
        "vm_hugepages_use_1G": report.supports_1g,
        "hugepages_configured": bool(report.hugepages_nr_2m or report.hugepages_nr_1g or report.vswitch_hugepages_nr),
    }
    if report.vswitch_hugepages_size_mib:
        values["vswitch_hugepages_size_mib"] = report.vswitch_hugepages_size_mib
    elif stored is None:
        large = report.supports_1g
        values["vswitch_hugepages_size_mib"] = LARGE_VSWITCH_PAGE_MIB if large else DEFAULT_VSWITCH_PAGE_MIB
    if stored is not None:
        values.update(_cleared(stored, report))
    return values


def _cleared(stored: StoredMemory, report: MemoryReport) -> dict[str, Any]:
    cleared: dict[str, Any] = {}
    if stored.pending_2m is not None and stored.pending_2m == report.hugepages_nr_2m:
        cleared["vm_hugepages_nr_2M_pending"] = None
    if stored.pending_1g is not None and stored.pending_1g == report.hugepages_nr_1g:
        cleared["vm_hugepages_nr_1G_pending"] = None
    if stored.vswitch_reqd is not None and stored.vswitch_reqd == report.vswitch_hugepages_nr:
        cleared["vswitch_hugepages_reqd"] = None
    return cleared
