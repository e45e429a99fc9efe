# SPDX-License-Identifier: Apache-2.0
"""Agents' report of memory, and the rule that decides which changes are reported."""
from __future__ import annotations

from dataclasses import dataclass, replace

from sysinv.contract.reports import NODES_MAX, Report

STEP = 0.05


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """Memory of one NUMA node; sizes in MiB, huge pages as counts; ``supports_1g`` from the CPU flags.

    ``memtotal_mib`` is the node's total minus the platform's reserve; ``hugepages_possible_*`` is the number of pages
    of that size that fit in it. ``vswitch_hugepages_*`` is the virtual switch's reserve at this boot.
    """

    numa_node: int
    node_memtotal_mib: int
    memtotal_mib: int
    memavail_mib: int
    platform_reserved_mib: int
    hugepages_nr_2m: int
    hugepages_avail_2m: int
    hugepages_nr_1g: int
    hugepages_avail_1g: int
    pages_4k: int
    supports_1g: bool
    hugepages_possible_2m: int = 0
    hugepages_possible_1g: int = 0
    vswitch_hugepages_size_mib: int = 0
    vswitch_hugepages_nr: int = 0
    vswitch_hugepages_avail: int = 0


def without_memory(node: int) -> MemoryReport:
    """Return the report of a node without memory."""
    return MemoryReport(node, 0, 0, 0, 0, 0, 0, 0, 0, 0, supports_1g=False)


def tells_more(old: MemoryReport, new: MemoryReport) -> bool:
    """Return whether to report ``new``. Ignores changes of free memory below ``STEP`` of the node's total."""
    moved_mib = abs(old.memavail_mib - new.memavail_mib)
    return moved_mib > new.node_memtotal_mib * STEP or replace(old, memavail_mib=new.memavail_mib) != new


REPORT = Report("memory", MemoryReport, "sysinv.agent.collectors.memory", after=("cpu",), aliases=("audit_memory",),
                key=lambda memory: memory.numa_node, key_max=NODES_MAX - 1, tells_more=tells_more)
