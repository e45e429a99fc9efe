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
    minimum_reserve_mib,
    most_reserve_mib,
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


@pytest.mark.parametrize(("role", "cores", "totals", "reserve"), [
    (WORKER, 16, {0: 32000, 1: 32000}, {0: 7000, 1: 1000}), (AIO, 16, {0: 32000, 1: 32000}, {0: 10000, 1: 1000}),
    (AIO, 8, {0: 32000, 1: 32000}, {0: 6000, 1: 1000}), (CONTROLLER, 16, {0: 32000, 1: 32000}, {0: 8250, 1: 8250}),
    (CONTROLLER, 16, {0: 32000, 1: 0, 2: 32000, 3: 32000}, {0: 5500, 1: 0, 2: 5500, 3: 5500}),
    (WORKER, 16, {0: 0, 1: 64306, 2: 64472, 3: 0}, {0: 0, 1: 7000, 2: 1000, 3: 0}),
    (WORKER, 16, {0: 7386, 1: 7386}, {0: 4924, 1: 3076}), (WORKER, 16, {0: 6000, 1: 3000}, {0: 4000, 1: 2000}),
    (WORKER, 4, {0: 0}, {0: 0}), (WORKER, 4, {}, {})])
def test_memory_reserves(role: HostRole, cores: int, totals: dict[int, int], reserve: dict[int, int]) -> None:
    assert default_reserve_mib(role, totals, cores) == reserve


def test_the_least_reserve_is_possible_on_every_node() -> None:
    assert minimum_reserve_mib(CONTROLLER, {0: 32000, 1: 32000}, 0) == 8250
    assert minimum_reserve_mib(WORKER, {0: 0, 1: 900}, 0) == 0
    assert minimum_reserve_mib(WORKER, {0: 0, 1: 900}, 1) == 600
    virtual = HostRole(True, True, True, False, virtual=True)
    assert [minimum_reserve_mib(virtual, {0: 0, 1: 32000, 2: 32000}, node) for node in (0, 1, 2)] == [0, 6200, 500]


ROLES = st.builds(HostRole, controller=st.booleans(), worker=st.booleans(), simplex=st.booleans(),
                  system_controller=st.booleans(), virtual=st.booleans())
TOTALS = st.dictionaries(st.integers(0, 9), st.one_of(st.just(0), st.integers(0, 9000), st.integers(0, 2_000_000)),
                         max_size=9)


@given(ROLES, TOTALS, st.integers(1, 256))
def test_defaults_of_any_host_satisfy_the_rules_of_reserves(role: HostRole, totals: dict[int, int],
                                                            cores: int) -> None:
    reserves = default_reserve_mib(role, totals, cores)
    assert reserves.keys() == totals.keys()
    for node, total in totals.items():
        assert minimum_reserve_mib(role, totals, node) <= reserves[node] <= most_reserve_mib(total)
    if role.worker:
        assert sum(reserves.values()) >= required_reserve_mib(role, totals, cores)
