# SPDX-License-Identifier: Apache-2.0
"""Rules for changes of the platform's reserve and the huge pages of a NUMA node."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sysinv.contract.enums import Personality
from sysinv.model.host import HostMustBeLocked, HostRefused, InventoryHost
from sysinv.model.system import SystemView
from sysinv.model.topology import most_reserve_mib

CHANGEABLE = frozenset({
    "platform_reserved_mib", "vm_hugepages_nr_2M_pending", "vm_hugepages_nr_1G_pending", "vm_pending_as_percentage",
    "vswitch_hugepages_reqd", "vswitch_hugepages_size_mib"})
PAGES = frozenset({"vm_hugepages_nr_2M_pending", "vm_hugepages_nr_1G_pending", "vswitch_hugepages_reqd"})
VSWITCH_SIZES_MIB = (2, 1024)
TOLERANCE_MIB = 32
PAGE_2M_MIB, PAGE_1G_MIB = 2, 1024


def check_modify(host: InventoryHost, system: SystemView, stored: Mapping[str, Any],
                 changes: Mapping[str, Any]) -> None:
    """Raise HostMustBeLocked or HostRefused, with the node at the start, when ``changes`` are not permitted now."""
    if not host.is_locked and not (system.is_simplex and not system.is_all_in_one):
        raise HostMustBeLocked(detail=f"Processor {stored['numa_node']}: Host must be locked.")
    refusal = (_host_refusal(host, changes) or _values_refusal(stored, changes)
               or _sizes_refusal(stored, changes))
    if refusal is not None:
        raise HostRefused(detail=f"Processor {stored['numa_node']}: {refusal}")


def _host_refusal(host: InventoryHost, changes: Mapping[str, Any]) -> str | None:
    if host.personality == Personality.STORAGE:
        return "Memory of storage hosts can not be modified."
    if PAGES & changes.keys() and not host.has_worker_function:
        return "Huge pages are only possible on hosts with worker function."
    return None


def _values_refusal(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> str | None:
    if any(changes[name] is not None and changes[name] < 0 for name in PAGES & changes.keys()):
        return "Numbers of huge pages must not be negative."
    if changes.get("vm_hugepages_nr_1G_pending") and not stored["vm_hugepages_use_1G"]:
        return "The processor does not support 1G huge pages."
    if changes.get("vswitch_hugepages_size_mib", 2) not in VSWITCH_SIZES_MIB:
        return f"vSwitch huge page size must be one of {VSWITCH_SIZES_MIB} MiB."
    if _merged(stored, changes)["vm_pending_as_percentage"]:
        shares = [changes.get(name) for name in ("vm_hugepages_nr_2M_pending", "vm_hugepages_nr_1G_pending")]
        if sum(share or 0 for share in shares) > 100:
            return "Huge pages as percentage must be between 0 and 100 together."
        if changes.get("vm_pending_as_percentage") and None in shares:
            return "Both page sizes must be given in percent together."
    return None


def _sizes_refusal(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> str | None:
    merged = _merged(stored, changes)
    total, reserve = stored["node_memtotal_mib"], merged["platform_reserved_mib"]
    if "platform_reserved_mib" in changes:
        minimum = stored["minimum_platform_reserved_mib"]
        if reserve < minimum:
            return f"Platform reserved memory must be at least {minimum} MiB."
        if reserve > most_reserve_mib(total):
            return f"Platform reserved memory must be at most two thirds of {total} MiB."
    pages_mib = (merged["vswitch_hugepages_reqd"] or 0) * merged["vswitch_hugepages_size_mib"]
    if merged["vm_pending_as_percentage"]:
        share = (merged["vm_hugepages_nr_2M_pending"] or 0) + (merged["vm_hugepages_nr_1G_pending"] or 0)
        pages_mib += (total - reserve) * share // 100
    else:
        pages_mib += (merged["vm_hugepages_nr_2M_pending"] or 0) * PAGE_2M_MIB
        pages_mib += (merged["vm_hugepages_nr_1G_pending"] or 0) * PAGE_1G_MIB
    if pages_mib + reserve > total + TOLERANCE_MIB:
        return f"No available space for {pages_mib} MiB of huge pages beside {reserve} MiB of platform memory " \
               f"in {total} MiB."
    return None


def _merged(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: changes.get(name, stored[name]) for name in CHANGEABLE}
