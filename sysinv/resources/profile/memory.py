# SPDX-License-Identifier: Apache-2.0
"""The part of a profile for memory: platform reserve and huge pages of each NUMA node."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sysinv.model.host import HostRefused, InventoryHost
from sysinv.model.system import SystemView
from sysinv.resources.memory.rules import check_modify
from sysinv.resources.profile.body import ProfileMemory


def taken(nodes: Mapping[int, Mapping[str, Any]]) -> tuple[ProfileMemory, ...]:
    """Return the memory of a host as a profile has it: what the host has after its next unlock."""
    return tuple(_taken(number, row) for number, row in sorted(nodes.items()))


def planned(name: str, wanted: Sequence[ProfileMemory], host: InventoryHost, system: SystemView,
            nodes: Mapping[int, Mapping[str, Any]]) -> Mapping[int, Mapping[str, Any]]:
    """Return the changes that profile ``name`` makes, by node; HostMustBeLocked, HostRefused."""
    if not host.has_worker_function:
        raise HostRefused(detail=f"Host {host.name} has no worker function, which a memory profile needs.")
    if len(wanted) != len(nodes):
        raise HostRefused(detail=(
            f"Profile {name} is for hosts with {len(wanted)} processors; host {host.name} has {len(nodes)}."))
    found: dict[int, Mapping[str, Any]] = {}
    for one in wanted:
        row = nodes.get(one.numa_node)
        if row is None:
            raise HostRefused(detail=(
                f"Profile {name} is for hosts with processor {one.numa_node}; host {host.name} has none."))
        changes = _changes(one, row)
        check_modify(host, system, row, changes)
        if changes:
            found[one.numa_node] = changes
    return found


def _taken(number: int, row: Mapping[str, Any]) -> ProfileMemory:
    small, large = row["vm_hugepages_nr_2M_pending"], row["vm_hugepages_nr_1G_pending"]
    # Numbers that the host has already are never percents.
    share = bool(row["vm_pending_as_percentage"]) and (small is not None or large is not None)
    requested = row["vswitch_hugepages_reqd"]
    return ProfileMemory(
        numa_node=number, platform_reserved_mib=row["platform_reserved_mib"],
        pages_2m=_pages(small, row["vm_hugepages_nr_2M"], share=share),
        pages_1g=_pages(large, row["vm_hugepages_nr_1G"], share=share), as_percentage=share,
        vswitch_pages=row["vswitch_hugepages_nr"] if requested is None else requested,
        vswitch_page_mib=row["vswitch_hugepages_size_mib"])


def _pages(pending: int | None, present: int, *, share: bool) -> int:
    if pending is not None:
        return pending
    return 0 if share else present


def _changes(wanted: ProfileMemory, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changed columns of a node; those that are checked together come together."""
    present = _taken(wanted.numa_node, row)
    changes: dict[str, Any] = {}
    if wanted.platform_reserved_mib != present.platform_reserved_mib:
        changes["platform_reserved_mib"] = wanted.platform_reserved_mib
    if (wanted.pages_2m, wanted.pages_1g, wanted.as_percentage) != (
            present.pages_2m, present.pages_1g, present.as_percentage):
        changes |= {"vm_hugepages_nr_2M_pending": wanted.pages_2m, "vm_hugepages_nr_1G_pending": wanted.pages_1g,
                    "vm_pending_as_percentage": wanted.as_percentage}
    if wanted.vswitch_pages != present.vswitch_pages or (
            wanted.vswitch_pages and wanted.vswitch_page_mib != present.vswitch_page_mib):
        changes["vswitch_hugepages_reqd"] = wanted.vswitch_pages
        if wanted.vswitch_pages:
            # Without pages their size says nothing, and not every host has pages of 1 GiB.
            changes["vswitch_hugepages_size_mib"] = wanted.vswitch_page_mib
    return changes
