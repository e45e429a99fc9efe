# SPDX-License-Identifier: Apache-2.0
"""The part of a profile for CPUs: the function of each logical CPU."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from sysinv.contract.enums import CpuFunction
from sysinv.model.host import HostRefused, InventoryHost
from sysinv.model.system import SystemView
from sysinv.resources.cpu.intake import StoredCpu
from sysinv.resources.cpu.rules import check_functions, check_host
from sysinv.resources.profile.body import ProfileCpu


def taken(cpus: Sequence[StoredCpu]) -> tuple[ProfileCpu, ...]:
    """Return the CPUs of a host as a profile has them."""
    return tuple(ProfileCpu(
        cpu=one.cpu, numa_node=one.numa_node, core=one.core, thread=one.thread, cpu_family=one.cpu_family,
        cpu_model=one.cpu_model, allocated_function=CpuFunction(one.allocated_function))
        for one in sorted(cpus, key=lambda one: one.cpu))


def planned(name: str, wanted: Sequence[ProfileCpu], host: InventoryHost, system: SystemView,
            cpus: Sequence[StoredCpu]) -> Mapping[int, CpuFunction]:
    """Return the function that every CPU of the host gets from profile ``name``; HostMustBeLocked, HostRefused."""
    check_host(host, system, cpus)
    _check_equal(name, host, "processors", {one.numa_node for one in wanted}, {one.numa_node for one in cpus})
    _check_equal(name, host, "logical cores", {one.cpu for one in wanted}, {one.cpu for one in cpus})
    functions = {one.cpu: one.allocated_function for one in wanted}
    check_functions(host, cpus, functions, system.vswitch_type)
    return functions


def _check_equal(name: str, host: InventoryHost, noun: str, wanted: set[int], present: set[int]) -> None:
    if len(wanted) != len(present):
        raise HostRefused(detail=(
            f"Profile {name} is for hosts with {len(wanted)} {noun}; host {host.name} has {len(present)}."))
    if wanted != present:
        raise HostRefused(detail=(
            f"Profile {name} is for hosts with other numbers of {noun}; host {host.name} has no {noun} "
            f"{min(wanted - present)}."))
