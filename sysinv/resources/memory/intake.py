# SPDX-License-Identifier: Apache-2.0
"""Pure conversion of a node's memory report to columns: reported counts, reserve and pending pages."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sysinv.model.topology import HostRole, default_reserve_mib, minimum_reserve_mib
from sysinv.resources.memory.report import MemoryReport

# Key in ``capabilities``: the operator has chosen the platform's reserve.
RESERVE_CHOSEN = "reserve_chosen"
PAGE_2M_MIB, PAGE_1G_MIB, PAGES_4K_PER_MIB = 2, 1024, 256
DEFAULT_VSWITCH_PAGE_MIB = 2
LARGE_VSWITCH_PAGE_MIB = 1024


@dataclass(frozen=True, slots=True)
class Reserve:
    """Default and minimum of a node's reserve (MiB)."""

    default_mib: int
    minimum_mib: int


def memory_values(stored: Mapping[str, Any] | None, report: MemoryReport, reserve: Reserve) -> dict[str, Any]:
    """Return the columns to write for one node, whose row is ``stored``.

    A reserve that the operator chose stays; a default follows the node, whose memory may grow and shrink while it
    runs. A report that contains the pending pages clears them.
    """
    reserved = stored["platform_reserved_mib"] if stored and is_chosen(stored) else reserve.default_mib
    values: dict[str, Any] = {
        "memavail_mib": report.memavail_mib,
        "node_memtotal_mib": report.node_memtotal_mib,
        "platform_reserved_mib": reserved,
        "minimum_platform_reserved_mib": reserve.minimum_mib,
        "vswitch_hugepages_nr": report.vswitch_hugepages_nr,
        "vswitch_hugepages_avail": min(report.vswitch_hugepages_avail, report.vswitch_hugepages_nr),
        "vm_hugepages_nr_2M": report.hugepages_nr_2m,
        "vm_hugepages_avail_2M": min(report.hugepages_avail_2m, report.hugepages_nr_2m),
        "vm_hugepages_nr_1G": report.hugepages_nr_1g,
        "vm_hugepages_avail_1G": min(report.hugepages_avail_1g, report.hugepages_nr_1g),
        "vm_hugepages_nr_4K": report.pages_4k,
        "vm_hugepages_possible_2M": report.hugepages_possible_2m,
        "vm_hugepages_possible_1G": report.hugepages_possible_1g if report.supports_1g else 0,
        "vm_hugepages_use_1G": report.supports_1g,
        "hugepages_configured": bool(report.hugepages_nr_2m or report.hugepages_nr_1g or report.vswitch_hugepages_nr),
    }
    values |= fitting_counts(values, reserved)
    if report.vswitch_hugepages_size_mib:
        values["vswitch_hugepages_size_mib"] = report.vswitch_hugepages_size_mib
    elif stored is None:
        large = report.supports_1g
        values["vswitch_hugepages_size_mib"] = LARGE_VSWITCH_PAGE_MIB if large else DEFAULT_VSWITCH_PAGE_MIB
    fulfilled = {"vm_hugepages_nr_2M_pending": report.hugepages_nr_2m,
                 "vm_hugepages_nr_1G_pending": report.hugepages_nr_1g,
                 "vswitch_hugepages_reqd": report.vswitch_hugepages_nr}
    if stored is not None:
        values |= {name: None for name, count in fulfilled.items() if stored[name] == count}
    return values


def fitting_counts(values: Mapping[str, Any], reserved_mib: int) -> dict[str, int]:
    """Return the counts of a node that depend on the platform's reserve, limited so that together they fit beside it.

    ``values`` are reported or stored columns. Keeps existing huge pages: beside a reserve that was chosen too large,
    no small pages remain. A page size that was not possible stays impossible.
    """
    usable_mib = max(values["node_memtotal_mib"] - reserved_mib, 0)
    huge_mib = values["vm_hugepages_nr_2M"] * PAGE_2M_MIB + values["vm_hugepages_nr_1G"] * PAGE_1G_MIB
    small_mib = max(usable_mib - huge_mib, 0)
    possible = {name: min(values[name], usable_mib // size) for name, size in (
        ("vm_hugepages_possible_2M", PAGE_2M_MIB), ("vm_hugepages_possible_1G", PAGE_1G_MIB))}
    return {"memtotal_mib": usable_mib, "memavail_mib": max(min(values["memavail_mib"], small_mib), 0),
            "vm_hugepages_nr_4K": min(values["vm_hugepages_nr_4K"], small_mib * PAGES_4K_PER_MIB), **possible}


def follow(rows: Mapping[int, Mapping[str, Any]], reserves: Mapping[int, Reserve]) -> dict[int, dict[str, Any]]:
    """Return columns by node after default reserves changed for another reason than memory, such as more CPUs."""
    changed = {}
    for node, row in rows.items():
        reserve = reserves[node]
        values: dict[str, Any] = {"minimum_platform_reserved_mib": reserve.minimum_mib}
        if not is_chosen(row):
            values |= {"platform_reserved_mib": reserve.default_mib, **fitting_counts(row, reserve.default_mib)}
        differing = {name: value for name, value in values.items() if row[name] != value}
        if differing:
            changed[node] = differing
    return changed


def is_chosen(row: Mapping[str, Any]) -> bool:
    """Return whether the operator has chosen the reserve of a stored row."""
    return bool((row["capabilities"] or {}).get(RESERVE_CHOSEN))


def reserves(role: HostRole, totals: Mapping[int, int], cores: int) -> dict[int, Reserve]:
    """Return default and minimum reserve of every node of a host with ``totals`` MiB per node."""
    defaults = default_reserve_mib(role, totals, cores)
    return {node: Reserve(defaults[node], minimum_reserve_mib(role, totals, node)) for node in totals}
