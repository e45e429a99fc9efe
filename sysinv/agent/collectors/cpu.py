# SPDX-License-Identifier: Apache-2.0
"""Logical CPUs: package, physical core, thread and NUMA node from sysfs, family and model from ``/proc/cpuinfo``."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flock.exec.root import Root, number
from sysinv.agent.collectors import numa
from sysinv.agent.collectors.cpuinfo import cpuinfo, family, model
from sysinv.agent.collectors.cpusets import read_set
from sysinv.agent.collectors.items import Items, each
from sysinv.resources.cpu.report import CpuReport


@dataclass(frozen=True, slots=True)
class _Place:
    """Place of a CPU as the kernel reports it. ``siblings``: the logical CPUs of its core, including the CPU itself."""

    cpu: int
    node: int
    socket: int
    core_id: int
    siblings: frozenset[int]


def collect(root: Root) -> Items[CpuReport]:
    """Return all online logical CPUs in ascending order.

    ``core`` is the kernel's core id if it is unique within the package. If it restarts on each die or node, the
    package's cores are renumbered from 0 (by node, then core id).
    """
    info = cpuinfo(root)
    places = _places(root, info)
    siblings = _cores(places)
    numbers = _core_numbers(places, siblings)
    place_of = {place.cpu: place for place in places}

    def report(cpu: int) -> CpuReport:
        place, described = place_of[cpu], info.get(cpu, {})
        return CpuReport(
            cpu=cpu, core=numbers[cpu], thread=siblings[cpu].index(cpu), numa_node=place.node, socket=place.socket,
            cpu_family=family(described), cpu_model=model(described))

    return each(place_of, report, places)


def _places(root: Root, info: dict[int, dict[str, str]]) -> Items[_Place]:
    nodes = numa.collect(root)
    node_of = {cpu: report.numa_node for report in nodes for cpu in report.cpus}
    node_default = min(node_of.values(), default=0)
    packages = _package_numbers(root, info)
    described = _described_cores(info, packages)

    def place(cpu: int) -> _Place:
        # A CPU that no node lists belongs to the first node, unless a node could not be read.
        if cpu not in node_of and nodes.unread:
            raise next(iter(nodes.unread.values()))
        return _Place(cpu, node_of.get(cpu, node_default), packages[cpu], *_core(root, cpu, info, described))

    return each(packages, place)


def _described_cores(info: dict[int, dict[str, str]], packages: Mapping[int, int]) -> dict[int, frozenset[int]]:
    """Return, for each CPU with a ``core id`` in ``/proc/cpuinfo``, all CPUs of its package with the same one."""
    cores: dict[tuple[int, int], set[int]] = defaultdict(set)
    for cpu, package in packages.items():
        core_id = _number(info, cpu, "core id")
        if core_id is not None:
            cores[package, core_id].add(cpu)
    return {cpu: frozenset(cpus) for cpus in cores.values() for cpu in cpus}


def _topology(cpu: int) -> str:
    return f"{numa.CPU_DIR}/cpu{cpu}/topology"


def _package_numbers(root: Root, info: dict[int, dict[str, str]]) -> dict[int, int]:
    """Return the package of every online CPU: the kernel's id, else ``physical id``, else by sibling sets."""
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
    first = max(known.values(), default=-1) + 1
    ordered = sorted(set(unknown.values()), key=lambda group: min(group, default=-1))
    package_of = {group: package for package, group in enumerate(ordered, first)}
    known.update({cpu: package_of[group] for cpu, group in unknown.items()})
    return dict(sorted(known.items()))


def _core(root: Root, cpu: int, info: dict[int, dict[str, str]],
          described: Mapping[int, frozenset[int]]) -> tuple[int, frozenset[int]]:
    """Return the core id and the CPUs of that core; a CPU without information is a separate core."""
    base = _topology(cpu)
    siblings = (read_set(root, f"{base}/core_cpus_list", f"{base}/core_cpus")
                or read_set(root, f"{base}/thread_siblings_list", f"{base}/thread_siblings"))
    core_id = root.int(f"{base}/core_id", _number(info, cpu, "core id"))
    if siblings is None and core_id is not None and core_id == _number(info, cpu, "core id"):
        siblings = described[cpu]
    siblings = siblings or frozenset({cpu})
    return (core_id if core_id is not None and core_id >= 0 else min(siblings)), siblings | {cpu}


def _number(info: dict[int, dict[str, str]], cpu: int, name: str) -> int | None:
    text = info.get(cpu, {}).get(name, "")
    return number(text) if text.isdecimal() else None


def _cores(places: Iterable[_Place]) -> dict[int, tuple[int, ...]]:
    """Return, for each CPU, all CPUs of its core, ascending.

    Siblings with different core ids are cores that share some units (AMD compute units), not threads of one core.
    If CPUs disagree about their siblings, the list of the lowest one counts.
    """
    by_cpu = {place.cpu: place for place in places}
    present = frozenset(by_cpu)
    cores: dict[int, tuple[int, ...]] = {}
    for place in sorted(by_cpu.values(), key=lambda one: one.cpu):
        if place.cpu in cores:
            continue
        core = tuple(sorted(
            cpu for cpu in place.siblings & present if cpu not in cores
            and (by_cpu[cpu].socket, by_cpu[cpu].core_id) == (place.socket, place.core_id)))
        cores.update(dict.fromkeys(core, core))
    return cores


def _core_numbers(places: list[_Place], cores: dict[int, tuple[int, ...]]) -> dict[int, int]:
    """Return a core number for each CPU, unique within its package."""
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
