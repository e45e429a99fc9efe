# SPDX-License-Identifier: Apache-2.0
"""Memory and huge pages per NUMA node, from the nodes' ``meminfo`` and ``hugepages``, and this boot's reserves."""
from __future__ import annotations

import re
from dataclasses import dataclass

from flock.exec.root import Root, number
from sysinv.agent.collectors import numa
from sysinv.agent.collectors.cpuinfo import cpuinfo, flags
from sysinv.agent.collectors.items import Items, each
from sysinv.resources.memory.report import MemoryReport

KIB_2M = 2048
KIB_1G = 1024 * 1024
RESERVED_CONF = "etc/platform/worker_reserved.conf"
GLOBAL_HUGEPAGES = "sys/kernel/mm/hugepages"
_HUGEPAGES = re.compile(r"hugepages-(\d{1,18})kB")
_FIELD = re.compile(r"(?:Node\s+\d+\s+)?([^:\s]+):\s*(\d+)")
_RESERVED = re.compile(r"node(\d{1,9}):(\d{1,18})(kB|MB|GB):(\d{1,18})")
_UNIT_KIB = {"kB": 1, "MB": 1024, "GB": 1024 * 1024}


@dataclass(frozen=True, slots=True)
class _Pages:
    """Huge pages of one size on one node."""

    nr: int = 0
    free: int = 0


def collect(root: Root) -> Items[MemoryReport]:
    """Return one report per node with a ``meminfo``; without any, one node from ``/proc/meminfo``."""
    nodes = numa.node_numbers(root)
    sizes = page_sizes_kib(root)

    def of_node(node: int) -> MemoryReport | None:
        base = f"{numa.NODE_DIR}/node{node}"
        info = meminfo(root, f"{base}/meminfo")
        if "MemTotal" not in info:
            return None
        # Kernels before 2.6.31 have no page counts per node; a single node has those of the machine.
        alone = len(nodes) == 1 and not root.isdir(f"{base}/hugepages")
        return _report(root, node, info, GLOBAL_HUGEPAGES if alone else f"{base}/hugepages", sizes)

    reports = each(nodes, of_node)
    info = meminfo(root, "proc/meminfo")
    if reports or reports.unread or "MemTotal" not in info:
        return reports
    return each([min(nodes, default=0)], lambda node: _report(root, node, info, GLOBAL_HUGEPAGES, sizes))


def meminfo(root: Root, rel: str) -> dict[str, int]:
    """Return the fields of a ``meminfo`` file (a node's or the machine's): KiB, or counts of pages."""
    return {match[1]: value for line in root.lines(rel)
            if (match := _FIELD.match(line)) and (value := number(match[2])) is not None}


def hugepage_sizes_kib(root: Root) -> list[int]:
    """Return the huge page sizes that the kernel lists, ascending."""
    return sorted(_pages(root, GLOBAL_HUGEPAGES))


def page_sizes_kib(root: Root) -> frozenset[int]:
    """Return the possible huge page sizes: those that the kernel lists.

    Without a list (kernels before 2.6.31, some recordings), the size in ``/proc/meminfo`` and, if an x86 processor
    has the flag for it, 1 GiB.
    """
    if root.isdir(GLOBAL_HUGEPAGES):
        return frozenset(hugepage_sizes_kib(root))
    sizes = {meminfo(root, "proc/meminfo").get("Hugepagesize", 0)} - {0}
    return frozenset(sizes | {KIB_2M, KIB_1G} if "pdpe1gb" in flags(cpuinfo(root)) else sizes)


def reserved(root: Root, variable: str) -> dict[int, tuple[int, int]]:
    """Return (KiB per unit, count) by node from one array of ``worker_reserved.conf``; empty when it is missing.

    The file is shell: ``COMPUTE_VSWITCH_MEMORY=("node0:1048576kB:1" "node1:1048576kB:1")``.
    """
    for line in root.lines(RESERVED_CONF):
        name, _, value = line.strip().removeprefix("export ").partition("=")
        if name == variable:
            return {int(match[1]): (int(match[2]) * _UNIT_KIB[match[3]], int(match[4]))
                    for match in _RESERVED.finditer(value)}
    return {}


def _pages(root: Root, rel: str) -> dict[int, _Pages]:
    return {int(match[1]): _Pages(root.int(f"{rel}/{name}/nr_hugepages") or 0,
                                  root.int(f"{rel}/{name}/free_hugepages") or 0)
            for name in root.listdir(rel) if (match := _HUGEPAGES.fullmatch(name))}


def _report(root: Root, node: int, info: dict[str, int], hugepages: str, sizes_kib: frozenset[int]) -> MemoryReport:
    pages = _pages(root, hugepages)
    total_kib = info["MemTotal"]
    unit_kib, units = reserved(root, "WORKER_BASE_RESERVED").get(node, (0, 0))
    reserved_kib = min(unit_kib * units, total_kib)
    usable_kib = total_kib - reserved_kib
    # The kernel can reclaim page cache and slab. Huge pages are counted separately.
    free_kib = info.get("MemFree", 0) + info.get("FilePages", info.get("Cached", 0)) + info.get("SReclaimable", 0)
    huge_kib = sum(size_kib * count.nr for size_kib, count in pages.items())
    small_kib = max(usable_kib - huge_kib, 0)
    vswitch_kib, vswitch_nr = reserved(root, "COMPUTE_VSWITCH_MEMORY").get(node, (0, 0))
    small, large = pages.get(KIB_2M, _Pages()), pages.get(KIB_1G, _Pages())
    return MemoryReport(
        numa_node=node, node_memtotal_mib=total_kib // 1024, memtotal_mib=usable_kib // 1024,
        memavail_mib=min(free_kib, small_kib) // 1024, platform_reserved_mib=reserved_kib // 1024,
        hugepages_nr_2m=small.nr, hugepages_avail_2m=min(small.free, small.nr), hugepages_nr_1g=large.nr,
        hugepages_avail_1g=min(large.free, large.nr), pages_4k=small_kib // 4, supports_1g=KIB_1G in sizes_kib,
        hugepages_possible_2m=usable_kib // KIB_2M if KIB_2M in sizes_kib else 0,
        hugepages_possible_1g=usable_kib // KIB_1G if KIB_1G in sizes_kib else 0,
        vswitch_hugepages_size_mib=vswitch_kib // 1024, vswitch_hugepages_nr=vswitch_nr,
        vswitch_hugepages_avail=min(vswitch_nr, pages.get(vswitch_kib, _Pages()).free))
