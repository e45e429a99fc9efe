# SPDX-License-Identifier: Apache-2.0
"""Logical CPUs: package, physical core, thread and NUMA node from sysfs, family and model from ``/proc/cpuinfo``."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from flock.exec.root import Root
from sysinv.agent.collectors import numa
from sysinv.agent.collectors.cpuinfo import cpuinfo, family, model
from sysinv.agent.collectors.cpusets import read_set
from sysinv.resources.cpu.report import CpuReport


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the kernel says a CPU is. ``siblings``: the logical CPUs of its core, itself included."""

    cpu: int
    node: int
    socket: int
    core_id: int
    siblings: frozenset[int]


def collect(root: Root) -> list[CpuReport]:
    """All online logical CPUs in ascending order.

    ``core`` is the kernel's core id where that is unique within the package; where it starts again on each die or
    node, the package's cores are numbered anew from 0 (by node, then core id).
    """
    info = cpuinfo(root)
    node_of = {cpu: report.numa_node for report in numa.collect(root) for cpu in report.cpus}
    places = _places(root, info, node_of)
    siblings = _cores(places)
    numbers = _core_numbers(places, siblings)
    reports = []
    for place in places:
        described = info.get(place.cpu, {})
        reports.append(CpuReport(
            cpu=place.cpu, core=numbers[place.cpu], thread=siblings[place.cpu].index(place.cpu),
            numa_node=place.node, socket=place.socket, cpu_family=family(described), cpu_model=model(described)))
    return reports


def _places(root: Root, info: dict[int, dict[str, str]], node_of: dict[int, int]) -> list[_Place]:
    node_default = min(node_of.values(), default=0)
    packages = _package_numbers(root, info)
    return [_Place(cpu, node_of.get(cpu, node_default), packages[cpu], *_core(root, cpu, info, packages))
            for cpu in packages]


def _topology(cpu: int) -> str:
    return f"{numa.CPU_DIR}/cpu{cpu}/topology"


def _package_numbers(root: Root, info: dict[int, dict[str, str]]) -> dict[int, int]:
    """Package of every online CPU: the kernel's id, else ``physical id``, else the order of the sibling sets."""
    known: dict[int, int] = {}
    unknown: dict[int, frozenset[int]] = {}
    for cpu in numa.online_cpus(root):
        base = _topology(cpu)
        package = root.int(f"{base}/physical_package_id", _number(info, cpu, "physical id"))
        if package is not None and package >= 0:
            known[cpu] = package
            continue
        shared = (read_set(root, f"{base}/package_cpus_list", f"{base}/package_cpus")
                  or read_set(root, f"{base}/core_siblings_list", f"{base}/core_siblings") or frozenset())
        unknown[cpu] = shared
    groups = sorted(set(unknown.values()), key=lambda group: min(group, default=-1))
    first = max(known.values(), default=-1) + 1
    known.update({cpu: first + groups.index(group) for cpu, group in unknown.items()})
    return dict(sorted(known.items()))


def _core(root: Root, cpu: int, info: dict[int, dict[str, str]],
          packages: dict[int, int]) -> tuple[int, frozenset[int]]:
    """Core id and the CPUs of that core; a CPU of which nothing is told is a core of its own."""
    base = _topology(cpu)
    siblings = (read_set(root, f"{base}/core_cpus_list", f"{base}/core_cpus")
                or read_set(root, f"{base}/thread_siblings_list", f"{base}/thread_siblings"))
    core_id = root.int(f"{base}/core_id", _number(info, cpu, "core id"))
    if siblings is None and core_id is not None and _number(info, cpu, "core id") is not None:
        siblings = frozenset(other for other in packages if packages[other] == packages[cpu]
                             and _number(info, other, "core id") == core_id)
    siblings = siblings or frozenset({cpu})
    return (core_id if core_id is not None and core_id >= 0 else min(siblings)), siblings | {cpu}


def _number(info: dict[int, dict[str, str]], cpu: int, name: str) -> int | None:
    text = info.get(cpu, {}).get(name, "")
    return int(text) if text.isdigit() else None


def _cores(places: Iterable[_Place]) -> dict[int, tuple[int, ...]]:
    """CPU to all CPUs of its core, ascending.

    Siblings with different core ids are cores that share only a part (AMD compute units), not threads of one core.
    """
    by_cpu = {place.cpu: place for place in places}
    cores = {}
    for place in by_cpu.values():
        cores[place.cpu] = tuple(sorted(
            cpu for cpu in place.siblings if cpu in by_cpu
            and (by_cpu[cpu].socket, by_cpu[cpu].core_id) == (place.socket, place.core_id)))
    return cores


def _core_numbers(places: list[_Place], cores: dict[int, tuple[int, ...]]) -> dict[int, int]:
    """CPU to a core number unique within its package."""
    packages: dict[int, list[_Place]] = defaultdict(list)
    for place in places:
        if cores[place.cpu][0] == place.cpu:
            packages[place.socket].append(place)
    number_of: dict[int, int] = {}
    for firsts in packages.values():
        ordered = sorted(firsts, key=lambda place: (place.node, place.core_id, place.cpu))
        clash = len({place.core_id for place in ordered}) < len(ordered)
        for index, place in enumerate(ordered):
            number_of.update(dict.fromkeys(cores[place.cpu], index if clash else place.core_id))
    return number_of
