# SPDX-License-Identifier: Apache-2.0
"""Pure rules for changing functions of CPUs: parse and check requests, assign whole physical cores."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sysinv.contract.enums import CpuFunction
from sysinv.model.host import HostMustBeLocked, HostRefused, InventoryHost
from sysinv.model.system import SystemView
from sysinv.resources.cpu.fields import FUNCTION_WORDS
from sysinv.resources.cpu.intake import StoredCpu

# Order in which functions get cores, lowest core first.
DEALT = tuple(FUNCTION_WORDS.values())
VSWITCH_CORES_MAX = 8
PLATFORM_CPU_MAX = 908
REQUESTS_MAX = 16
LIST_MAX = 4096
_NO_VSWITCH = "vSwitch cores can only be modified on hosts with a vswitch."


@dataclass(frozen=True, slots=True)
class Core:
    """One physical core and its logical CPUs."""

    node: int
    cpus: tuple[int, ...]
    function: CpuFunction


@dataclass(frozen=True, slots=True)
class CoreRequest:
    """Request for one function: a number of cores per node, or logical CPUs by number."""

    function: CpuFunction
    counts: Mapping[int, int] = field(default_factory=dict)
    cpus: frozenset[int] = frozenset()


def parse_requests(body: Any) -> list[CoreRequest]:
    """Parse the body of ``host_cpus_modify``; HostRefused names the broken rule."""
    if not isinstance(body, list) or not body or len(body) > REQUESTS_MAX:
        raise HostRefused(detail=f"The body must be a list of 1 to {REQUESTS_MAX} core assignments.")
    requests = [_request(entry) for entry in body]
    if len({request.function for request in requests}) != len(requests):
        raise HostRefused(detail="Each function may be named once.")
    return requests


def check_host(host: InventoryHost, system: SystemView, cpus: Sequence[StoredCpu]) -> None:
    """Raise HostMustBeLocked or HostRefused when the host's cores may not be changed now.

    The controller of a simplex system that is not all-in-one may stay unlocked.
    """
    if not host.is_locked and not (system.is_simplex and not system.is_all_in_one):
        raise HostMustBeLocked(detail="Host must be locked.")
    if not host.has_worker_function:
        raise HostRefused(detail="Can only modify worker node cores.")
    if not cpus:
        raise HostRefused(detail=f"Host {host.name} has not reported its CPUs yet.")


def assign(host: InventoryHost, cpus: Sequence[StoredCpu], requests: Sequence[CoreRequest],
           vswitch_type: str) -> dict[int, CpuFunction]:
    """Return the function of every logical CPU after ``requests``; HostRefused when they cannot be met.

    Functions without a request keep their number of cores per node; remaining cores become Application.
    """
    cores = _cores(cpus)
    nodes = sorted({core.node for core in cores})
    _check_requests(requests, nodes, {cpu for core in cores for cpu in core.cpus}, vswitch_type)
    named = {request.function: request for request in requests}
    fixed = _fixed(cores, requests)
    wanted: dict[CpuFunction, dict[int, int]] = {}
    for function in DEALT:
        request = named.get(function)
        if request is not None and request.cpus:
            continue
        present = {node: sum(core.node == node and core.function is function for core in cores) for node in nodes}
        wanted[function] = present | dict(request.counts if request is not None else {})
    dealt = fixed | _deal(cores, fixed, wanted, nodes)
    functions = {cpu: dealt.get(core.cpus, CpuFunction.APPLICATION) for core in cores for cpu in core.cpus}
    _check_result(host, cores, functions)
    return functions


def check_functions(host: InventoryHost, cpus: Sequence[StoredCpu], functions: Mapping[int, CpuFunction],
                    vswitch_type: str) -> None:
    """Raise HostRefused when the host cannot have ``functions``, which name every logical CPU of ``cpus``."""
    cores = _cores(cpus)
    for core in cores:
        if len({functions[cpu] for cpu in core.cpus}) > 1:
            raise HostRefused(detail=f"CPU {core.cpus[0]} and its siblings go to one function.")
    if vswitch_type == "none" and CpuFunction.VSWITCH in functions.values():
        raise HostRefused(detail=_NO_VSWITCH)
    _check_result(host, cores, functions)


def _request(entry: Any) -> CoreRequest:
    if not isinstance(entry, dict) or entry.get("function") not in FUNCTION_WORDS:
        raise HostRefused(detail=f"function must be one of {', '.join(FUNCTION_WORDS)}.")
    function, sockets, cpulist = FUNCTION_WORDS[entry["function"]], entry.get("sockets"), entry.get("cpulist")
    if (sockets is None) == (cpulist is None):
        raise HostRefused(detail="Give either sockets or cpulist for a function.")
    if cpulist is not None:
        return CoreRequest(function, cpus=_parse_cpulist(cpulist))
    if not isinstance(sockets, list) or not all(isinstance(one, dict) for one in sockets):
        raise HostRefused(detail="sockets must be a list of objects.")
    counts: dict[int, int] = {}
    for one in sockets:
        for node, count in one.items():
            counts[_whole(node)] = _whole(count)
    if any(count < 0 for count in counts.values()):
        raise HostRefused(detail="Specified cpu values must be non-negative.")
    return CoreRequest(function, counts=counts)


def _whole(value: Any) -> int:
    text = str(value)
    if isinstance(value, bool) or not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        raise HostRefused(detail="Specified cpu values must be integers.")
    if len(text) > 6:
        raise HostRefused(detail="Specified cpu values are too large.")
    return int(text)


def _parse_cpulist(text: Any) -> frozenset[int]:
    """Parse ``3-5,6`` to CPU numbers."""
    if not isinstance(text, str) or not text or len(text) > LIST_MAX:
        raise HostRefused(detail="cpulist must be text such as 3-5,6.")
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        low = _whole(first)
        high = _whole(last) if last else low
        if high < low or high - low > LIST_MAX:
            raise HostRefused(detail=f"cpulist: {part[:32]!a} is no range.")
        found.update(range(low, high + 1))
    return frozenset(found)


def _cores(cpus: Sequence[StoredCpu]) -> list[Core]:
    """Return physical cores in the order of their first logical CPU."""
    members: dict[tuple[int, int, int], list[StoredCpu]] = {}
    for cpu in sorted(cpus, key=lambda one: one.cpu):
        members.setdefault((cpu.numa_node, cpu.socket, cpu.core), []).append(cpu)
    return sorted((Core(key[0], tuple(one.cpu for one in group), CpuFunction(group[0].allocated_function))
                   for key, group in members.items()), key=lambda core: core.cpus)


def _check_requests(requests: Sequence[CoreRequest], nodes: Iterable[int], known: set[int], vswitch_type: str) -> None:
    taken: set[int] = set()
    for request in requests:
        for node in request.counts:
            if node not in nodes:
                raise HostRefused(detail=f"There is no Processor (Socket) {node} on this host.")
        if request.cpus - known:
            raise HostRefused(detail=f"cpulist: there is no CPU {min(request.cpus - known)} on this host.")
        if request.cpus & taken:
            raise HostRefused(detail=f"cpulist: CPU {min(request.cpus & taken)} is given to two functions.")
        taken |= request.cpus
        if request.function is CpuFunction.VSWITCH and vswitch_type == "none" and (
                request.cpus or any(request.counts.values())):
            raise HostRefused(detail=_NO_VSWITCH)


def _fixed(cores: Sequence[Core], requests: Sequence[CoreRequest]) -> dict[tuple[int, ...], CpuFunction]:
    """Return the functions of cores requested by CPU lists; siblings always share a function."""
    fixed: dict[tuple[int, ...], CpuFunction] = {}
    for request in requests:
        for core in cores:
            if request.cpus & set(core.cpus):
                if core.cpus in fixed:
                    raise HostRefused(detail=f"cpulist: CPU {core.cpus[0]} and its siblings go to one function.")
                fixed[core.cpus] = request.function
    return fixed


def _deal(cores: Sequence[Core], fixed: Mapping[tuple[int, ...], CpuFunction],
          wanted: Mapping[CpuFunction, Mapping[int, int]], nodes: Iterable[int]) -> dict[tuple[int, ...], CpuFunction]:
    dealt: dict[tuple[int, ...], CpuFunction] = {}
    for node in nodes:
        free = [core for core in cores if core.node == node and core.cpus not in fixed]
        asked = sum(counts.get(node, 0) for counts in wanted.values())
        if asked > len(free):
            raise HostRefused(detail=(
                f"Processor {node}: {asked} cores are asked for, {len(free)} are available."))
        for function, counts in wanted.items():
            for core in free[:counts.get(node, 0)]:
                dealt[core.cpus] = function
            free = free[counts.get(node, 0):]
    return dealt


def _check_result(host: InventoryHost, cores: Sequence[Core], functions: Mapping[int, CpuFunction]) -> None:
    platform = [cpu for cpu, function in functions.items() if function is CpuFunction.PLATFORM]
    if host.is_aio_controller and len(platform) < 2:
        raise HostRefused(detail="Platform must have at least two cores.")
    if not platform:
        raise HostRefused(detail="Platform must have at least one core.")
    if max(platform) >= PLATFORM_CPU_MAX:
        raise HostRefused(detail=f"Platform CPUs must have ids below {PLATFORM_CPU_MAX}.")
    by_function: dict[CpuFunction, list[Core]] = {}
    for core in cores:
        by_function.setdefault(functions[core.cpus[0]], []).append(core)
    shared = [core.node for core in by_function.get(CpuFunction.SHARED, [])]
    if len(shared) != len(set(shared)):
        raise HostRefused(detail="At most one shared core is possible per processor.")
    if len(by_function.get(CpuFunction.VSWITCH, [])) > VSWITCH_CORES_MAX:
        raise HostRefused(detail=f"The vSwitch can only be assigned up to {VSWITCH_CORES_MAX} physical cores.")
    if CpuFunction.APPLICATION not in by_function and CpuFunction.APPLICATION_ISOLATED not in by_function:
        raise HostRefused(detail="There must be at least one unused core for applications.")
