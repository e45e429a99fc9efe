# SPDX-License-Identifier: Apache-2.0
"""Default assignment of a host's CPUs and memory, before the operator changes it."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sysinv.contract.enums import CpuFunction

AIO_PLATFORM_CPUS = 2
VSWITCH_NONE = "none"

RESERVE_PER_NODE_MIB = 1000
RESERVE_HOST_MIB = 2000
RESERVE_WORKER_MIB = 4000
RESERVE_AIO_MIB = 7000
RESERVE_AIO_SMALL_MIB = 3000
SMALL_HOST_CORES = 8
RESERVE_CONTROLLER_MIB = 16500
RESERVE_SYSTEM_CONTROLLER_MIB = 24500
# Virtual machines and lab hosts are small and have separate figures.
VIRTUAL_NODE_MIB = 500
VIRTUAL_WORKER_EXTRA_MIB = 2000
VIRTUAL_AIO_EXTRA_MIB = 1100 + 5000
VIRTUAL_MINIMUM_NODE0_MIB = 1200
VIRTUAL_MINIMUM_CONTROLLER_MIB = 5000


class CpuPlace(Protocol):
    """Location of a logical CPU: its number, physical core, package and NUMA node."""

    @property
    def cpu(self) -> int: ...

    @property
    def core(self) -> int: ...

    @property
    def socket(self) -> int: ...

    @property
    def numa_node(self) -> int: ...


@dataclass(frozen=True, slots=True)
class HostRole:
    """Facts about a host that determine its defaults."""

    controller: bool
    worker: bool
    simplex: bool
    system_controller: bool
    virtual: bool
    vswitch_type: str = VSWITCH_NONE

    @property
    def all_in_one(self) -> bool:
        return self.controller and self.worker


def default_cpu_functions(role: HostRole, cpus: Sequence[CpuPlace]) -> dict[int, CpuFunction]:
    """Return the default function of every logical CPU of a host, by CPU id.

    On hosts without the worker function, and on an all-in-one system controller of a distributed cloud, all CPUs
    are platform CPUs. Siblings of one core always share a function.
    """
    if not role.worker or (role.controller and role.system_controller):
        return {cpu.cpu: CpuFunction.PLATFORM for cpu in cpus}
    groups = _cores_by_node(cpus)
    functions = {cpu.cpu: CpuFunction.APPLICATION for cpu in cpus}
    ordered = [core for node in sorted(groups) for core in groups[node]]
    platform = _platform_cores(role, ordered)
    for core in ordered[:platform]:
        functions.update(dict.fromkeys(core, CpuFunction.PLATFORM))
    for core in ordered[platform:platform + _vswitch_cores(role, len(ordered))]:
        functions.update(dict.fromkeys(core, CpuFunction.VSWITCH))
    return functions


def physical_cores(cpus: Iterable[CpuPlace]) -> int:
    """Return the number of physical cores."""
    return len({(cpu.socket, cpu.numa_node, cpu.core) for cpu in cpus})


def default_reserve_mib(role: HostRole, totals: Mapping[int, int], cores: int) -> dict[int, int]:
    """Return the default platform reserve per NUMA node (MiB) for a host with ``totals`` MiB per node.

    ``cores`` counts the physical cores of the host. A node reserves at most two thirds of its memory, so that a small
    machine keeps some for applications; other nodes make up for the rest. Nodes without memory reserve none.
    """
    nodes = sorted(node for node, total in totals.items() if total > 0)
    limits = {node: most_reserve_mib(total) for node, total in totals.items()}
    wanted = _wanted_mib(role, nodes, cores) if nodes else {}
    reserves = {node: min(wanted.get(node, 0), limit) for node, limit in limits.items()}
    missing = sum(wanted.values()) - sum(reserves.values())
    for node in nodes:
        more = min(missing, limits[node] - reserves[node])
        reserves[node] += more
        missing -= more
    return reserves


def _wanted_mib(role: HostRole, nodes: Sequence[int], cores: int) -> dict[int, int]:
    """Return the reserve per node (MiB) before the limit of two thirds; ``nodes`` have memory, ascending."""
    first = nodes[0]
    if role.virtual and role.worker:
        extra = VIRTUAL_AIO_EXTRA_MIB if role.all_in_one else VIRTUAL_WORKER_EXTRA_MIB
        return {node: VIRTUAL_NODE_MIB + (extra if node == first else 0) for node in nodes}
    if not role.worker or (role.controller and role.system_controller):
        share, rest = divmod(_controller_mib(role), len(nodes))
        return {node: share + (rest if node == first else 0) for node in nodes}
    extra = RESERVE_HOST_MIB + (_aio_mib(cores) if role.all_in_one else RESERVE_WORKER_MIB)
    return {node: RESERVE_PER_NODE_MIB + (extra if node == first else 0) for node in nodes}


def most_reserve_mib(total_mib: int) -> int:
    """Return the largest platform reserve (MiB) permitted on a node of ``total_mib``."""
    return max(total_mib, 0) * 2 // 3


def minimum_reserve_mib(role: HostRole, totals: Mapping[int, int], node: int) -> int:
    """Return the smallest reserve (MiB) permitted on ``node`` of a host with ``totals`` MiB per node."""
    nodes = sorted(one for one, total in totals.items() if total > 0)
    if node not in nodes:
        return 0
    if role.virtual and role.worker:
        least = VIRTUAL_NODE_MIB
        if node == nodes[0]:
            least = VIRTUAL_MINIMUM_NODE0_MIB + (VIRTUAL_MINIMUM_CONTROLLER_MIB if role.controller else 0)
    elif role.worker:
        least = RESERVE_PER_NODE_MIB
    else:
        least = _controller_mib(role) // len(nodes)
    return min(least, most_reserve_mib(totals[node]))


def required_reserve_mib(role: HostRole, totals: Mapping[int, int], cores: int) -> int:
    """Return the total reserve (MiB) that a host with the worker function needs before it may be unlocked."""
    if role.virtual:
        needed = VIRTUAL_AIO_EXTRA_MIB if role.all_in_one else VIRTUAL_NODE_MIB + VIRTUAL_WORKER_EXTRA_MIB
    else:
        needed = RESERVE_HOST_MIB + (_aio_mib(cores) if role.all_in_one else RESERVE_WORKER_MIB)
    return min(needed, sum(map(most_reserve_mib, totals.values())))


def _aio_mib(cores: int) -> int:
    return RESERVE_AIO_SMALL_MIB if cores <= SMALL_HOST_CORES else RESERVE_AIO_MIB


def _controller_mib(role: HostRole) -> int:
    return RESERVE_SYSTEM_CONTROLLER_MIB if role.system_controller else RESERVE_CONTROLLER_MIB


def _cores_by_node(cpus: Sequence[CpuPlace]) -> dict[int, list[tuple[int, ...]]]:
    """Return the physical cores of each NUMA node, lowest CPU id first, each as its logical CPU ids."""
    cores: dict[tuple[int, int, int], list[int]] = {}
    for cpu in sorted(cpus, key=lambda one: one.cpu):
        cores.setdefault((cpu.numa_node, cpu.socket, cpu.core), []).append(cpu.cpu)
    nodes: dict[int, list[tuple[int, ...]]] = {}
    for (node, _, _), members in cores.items():
        nodes.setdefault(node, []).append(tuple(members))
    return {node: sorted(members) for node, members in nodes.items()}


def _platform_cores(role: HostRole, ordered: Sequence[tuple[int, ...]]) -> int:
    """Return how many of the ``ordered`` cores are platform cores: two logical CPUs on AIO, else one core."""
    if not role.all_in_one:
        return min(1, len(ordered))
    count = logical = 0
    while logical < AIO_PLATFORM_CPUS and count < len(ordered):
        logical += len(ordered[count])
        count += 1
    return count


def _vswitch_cores(role: HostRole, cores: int) -> int:
    if role.vswitch_type == VSWITCH_NONE:
        return 0
    if role.simplex:
        return 1
    if cores > 4:
        return 2
    return 1 if cores > 1 else 0
