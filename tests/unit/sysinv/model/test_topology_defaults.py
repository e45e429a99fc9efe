# SPDX-License-Identifier: Apache-2.0
"""Default CPU functions and memory reserves."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysinv.contract.enums import CpuFunction
from sysinv.model.topology import (
    HostRole,
    default_cpu_functions,
    default_reserve_mib,
    fitting_reserve_mib,
    minimum_reserve_mib,
    physical_cores,
    required_reserve_mib,
)
from sysinv.resources.cpu.report import CpuReport

WORKER = HostRole(controller=False, worker=True, simplex=False, system_controller=False, virtual=False)
CONTROLLER = HostRole(controller=True, worker=False, simplex=False, system_controller=False, virtual=False)
AIO = HostRole(controller=True, worker=True, simplex=True, system_controller=False, virtual=False)


def machine(nodes: int, cores: int, threads: int) -> list[CpuReport]:
    return [CpuReport(cpu=thread * nodes * cores + node * cores + core, core=core, thread=thread, numa_node=node,
                      socket=node, cpu_family="6", cpu_model="x")
            for thread in range(threads) for node in range(nodes) for core in range(cores)]


def with_function(functions: dict[int, CpuFunction], function: CpuFunction) -> list[int]:
    return sorted(cpu for cpu, one in functions.items() if one is function)


@pytest.mark.parametrize(("role", "threads", "platform"), [
    (WORKER, 1, [0]), (WORKER, 2, [0, 16]), (AIO, 1, [0, 1]), (AIO, 2, [0, 16])])
def test_platform_cpus_of_a_new_host(role: HostRole, threads: int, platform: list[int]) -> None:
    assert with_function(default_cpu_functions(role, machine(2, 8, threads)), CpuFunction.PLATFORM) == platform


def test_hosts_without_worker_function_are_all_platform() -> None:
    assert set(default_cpu_functions(CONTROLLER, machine(2, 2, 2)).values()) == {CpuFunction.PLATFORM}


@pytest.mark.parametrize(("role", "cores", "vswitch"), [
    (WORKER, 8, 2), (WORKER, 4, 1), (WORKER, 1, 0), (AIO, 8, 1)])
def test_vswitch_cpus_follow_the_platform_cpus(role: HostRole, cores: int, vswitch: int) -> None:
    chosen = HostRole(role.controller, True, role.simplex, False, False, vswitch_type="ovs-dpdk")
    functions = default_cpu_functions(chosen, machine(1, cores, 1))
    assert len(with_function(functions, CpuFunction.VSWITCH)) == vswitch


@given(st.integers(1, 4), st.integers(1, 8), st.integers(1, 2), st.sampled_from([WORKER, AIO, CONTROLLER]))
def test_every_cpu_has_one_function_and_siblings_share_it(nodes: int, cores: int, threads: int, role: HostRole) -> None:
    cpus = machine(nodes, cores, threads)
    functions = default_cpu_functions(role, cpus)
    assert set(functions) == {cpu.cpu for cpu in cpus}
    by_core: dict[tuple[int, int], set[CpuFunction]] = {}
    for cpu in cpus:
        by_core.setdefault((cpu.numa_node, cpu.core), set()).add(functions[cpu.cpu])
    assert all(len(found) == 1 for found in by_core.values())
    assert physical_cores(cpus) == nodes * cores
    assert CpuFunction.PLATFORM in functions.values()


@pytest.mark.parametrize(("role", "cores", "reserve"), [
    (WORKER, 16, {0: 7000, 1: 1000}), (AIO, 16, {0: 10000, 1: 1000}), (AIO, 8, {0: 6000, 1: 1000}),
    (CONTROLLER, 16, {0: 8250, 1: 8250})])
def test_memory_reserves(role: HostRole, cores: int, reserve: dict[int, int]) -> None:
    assert default_reserve_mib(role, [0, 1], cores) == reserve


def test_the_default_reserve_satisfies_the_unlock_check() -> None:
    for role in (WORKER, AIO):
        for virtual in (False, True):
            chosen = HostRole(role.controller, True, role.simplex, False, virtual)
            for cores in (4, 16):
                assert sum(default_reserve_mib(chosen, [0, 1], cores).values()) >= required_reserve_mib(chosen, cores)


def test_small_machines_keep_a_third_for_applications() -> None:
    assert fitting_reserve_mib({0: 7000, 1: 1000}, {0: 6000, 1: 3000}) == {0: 4000, 1: 1000}
    assert minimum_reserve_mib(CONTROLLER, [0, 1], 0) == 8250
