# SPDX-License-Identifier: Apache-2.0
"""Checks of memory before an unlock."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.actions.checks import Check, Gate
from sysinv.actions.facts import ActionFacts
from sysinv.model.topology import HostRole, required_reserve_mib

MEMORY_TOLERANCE_MIB = 32
PAGE_2M_MIB = 2
PAGE_1G_MIB = 1024


@dataclass(frozen=True, slots=True)
class NodeMemory:
    """One NUMA node's memory (MiB, pages as counts)."""

    numa_node: int
    node_memtotal_mib: int
    platform_reserved_mib: int
    vswitch_mib: int = 0
    pending_2m: int | None = None
    pending_1g: int | None = None


@dataclass(frozen=True, slots=True)
class MemoryFacts:
    """Reported nodes and number of physical cores."""

    nodes: tuple[NodeMemory, ...] = ()
    physical_cores: int = 0


def memory_refusal(facts: ActionFacts) -> str | None:
    """Refuse a worker whose memory is too small for platform reserve, virtual switch and pending pages."""
    if not facts.host.has_worker_function:
        return None
    memory = facts.of(MemoryFacts)
    if not memory.nodes:
        return f"Cannot unlock host {facts.host.name} without memory inventory."
    for node in memory.nodes:
        refusal = _pages_fit(node)
        if refusal is not None:
            return refusal
    role = HostRole(
        controller=facts.host.is_controller, worker=True, simplex=facts.system.is_simplex,
        system_controller=facts.system.is_system_controller, virtual=facts.virtual)
    totals = {node.numa_node: node.node_memtotal_mib for node in memory.nodes}
    required = required_reserve_mib(role, totals, memory.physical_cores)
    reserved = sum(node.platform_reserved_mib for node in memory.nodes)
    if reserved < required:
        return f"Host platform reserved memory {reserved} MiB is less than the required {required} MiB."
    return None


def _pages_fit(node: NodeMemory) -> str | None:
    wanted = node.platform_reserved_mib + node.vswitch_mib
    wanted += (node.pending_2m or 0) * PAGE_2M_MIB + (node.pending_1g or 0) * PAGE_1G_MIB
    if wanted > node.node_memtotal_mib + MEMORY_TOLERANCE_MIB:
        return f"Processor {node.numa_node}: pending huge pages and platform reserve need {wanted} MiB, " \
               f"the node has {node.node_memtotal_mib} MiB."
    return None


CHECKS = (Check(Gate.UNLOCK, 90, memory_refusal),)
