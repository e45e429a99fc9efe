# SPDX-License-Identifier: Apache-2.0
"""Whatever a host's memory is and becomes: reserves that nobody chose pass our own unlock, and counts fit together."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flock.exec import Root
from flock.testing.machines import recorded_machines
from sysinv.actions.facts import ActionFacts
from sysinv.agent.collectors import cpu, memory
from sysinv.model.host import InventoryHost
from sysinv.model.system import SystemView
from sysinv.model.topology import HostRole, physical_cores
from sysinv.resources.memory.checks import MemoryFacts, NodeMemory, memory_refusal
from sysinv.resources.memory.intake import RESERVE_CHOSEN, fitting_counts, follow, memory_values, reserves
from sysinv.resources.memory.report import MemoryReport, without_memory

COUNT = st.integers(0, 2**31 - 1)
SIZE = st.one_of(st.integers(0, 9000), st.integers(0, 2_000_000))
REPORT = st.builds(
    MemoryReport, numa_node=st.just(0), node_memtotal_mib=SIZE, memtotal_mib=SIZE, memavail_mib=COUNT,
    platform_reserved_mib=COUNT, hugepages_nr_2m=st.integers(0, 5000), hugepages_avail_2m=COUNT,
    hugepages_nr_1g=st.integers(0, 50), hugepages_avail_1g=COUNT, pages_4k=COUNT, supports_1g=st.booleans(),
    hugepages_possible_2m=COUNT, hugepages_possible_1g=COUNT)
HOST = st.dictionaries(st.integers(0, 7), SIZE, min_size=1, max_size=8)
SHAPES = [("worker", "worker", "Standard", "duplex", None),
          ("controller", "controller,worker", "All-in-one", "simplex", None),
          ("controller", "controller,worker", "All-in-one", "duplex", "systemcontroller")]


def report(node: int, total_mib: int) -> MemoryReport:
    return replace(without_memory(node), node_memtotal_mib=total_mib, memavail_mib=total_mib)


def row_of(values: dict[str, Any]) -> dict[str, Any]:
    return {"capabilities": {}, "vswitch_hugepages_reqd": None, "vm_hugepages_nr_2M_pending": None,
            "vm_hugepages_nr_1G_pending": None, **values}


def judged(shape: tuple[Any, ...], virtual: bool) -> tuple[HostRole, ActionFacts]:
    personality, subfunctions, system_type, mode, cloud_role = shape
    known = {name: None for name in InventoryHost.__slots__} | {
        "hostname": "h", "personality": personality, "subfunctions": subfunctions}
    system = SystemView(1, "s", "cloud", system_type, mode, "1.0", distributed_cloud_role=cloud_role)
    host = InventoryHost(**known)  # type: ignore[arg-type]
    role = HostRole(host.is_controller, host.has_worker_function, system.is_simplex, system.is_system_controller,
                    virtual)
    return role, ActionFacts(host=host, system=system, active_controller="x", virtual=virtual)


@given(st.sampled_from(SHAPES), st.booleans(), st.lists(st.tuples(HOST, st.integers(1, 64)), min_size=1, max_size=4))
def test_unlock_accepts_reserves_that_nobody_chose(shape: tuple[Any, ...], virtual: bool,
                                                   life: list[tuple[dict[int, int], int]]) -> None:
    """Memory and processors come and go; after each report an unlock is possible."""
    role, facts = judged(shape, virtual)
    rows: dict[int, dict[str, Any]] = {}
    for totals, cores in life:
        # New processors are told of first, while the memory is still the stored one.
        stored = {node: row["node_memtotal_mib"] for node, row in rows.items()}
        for node, changed in follow(rows, reserves(role, stored, cores)).items():
            rows[node] |= changed
        assert not rows or memory_refusal(with_memory(facts, rows, cores)) is None
        reports = {node: without_memory(node) for node in rows} | {
            node: report(node, total) for node, total in totals.items()}
        found = reserves(role, {node: one.node_memtotal_mib for node, one in reports.items()}, cores)
        rows = {node: row_of(memory_values(
            stored_row(rows[node]["platform_reserved_mib"]) if node in rows else None, one, found[node]))
            for node, one in reports.items()}
        assert memory_refusal(with_memory(facts, rows, cores)) is None


def stored_row(reserve_mib: int, *, chosen: bool = False) -> dict[str, Any]:
    return {"platform_reserved_mib": reserve_mib, "capabilities": {RESERVE_CHOSEN: chosen},
            "vm_hugepages_nr_2M_pending": None, "vm_hugepages_nr_1G_pending": None, "vswitch_hugepages_reqd": None}


def with_memory(facts: ActionFacts, rows: dict[int, dict[str, Any]], cores: int) -> ActionFacts:
    nodes = tuple(NodeMemory(node, row["node_memtotal_mib"], row["platform_reserved_mib"])
                  for node, row in rows.items())
    return replace(facts, resources={MemoryFacts: MemoryFacts(nodes, cores)})


def test_a_refused_lab_host_is_accepted_now() -> None:
    """Seen: one node's default was cut to two thirds and nobody else gave what was missing."""
    role, facts = judged(SHAPES[0], virtual=False)
    for totals in ({0: 7386, 1: 7386}, {0: 0, 1: 64306, 2: 64472, 3: 0}):
        rows = {node: row_of(memory_values(None, report(node, total), reserves(role, totals, 16)[node]))
                for node, total in totals.items()}
        assert memory_refusal(with_memory(facts, rows, 16)) is None


def assert_fits(row: dict[str, Any]) -> None:
    huge_mib = row["vm_hugepages_nr_2M"] * 2 + row["vm_hugepages_nr_1G"] * 1024
    total_mib = row["memtotal_mib"]
    assert total_mib == max(row["node_memtotal_mib"] - row["platform_reserved_mib"], 0)
    small_mib = max(total_mib - huge_mib, 0)
    assert 0 <= row["memavail_mib"] <= small_mib
    assert row["vm_hugepages_nr_4K"] <= small_mib * 256
    assert row["vm_hugepages_avail_2M"] <= row["vm_hugepages_nr_2M"]
    assert row["vm_hugepages_avail_1G"] <= row["vm_hugepages_nr_1G"]
    assert row["vm_hugepages_possible_2M"] * 2 <= total_mib and row["vm_hugepages_possible_1G"] * 1024 <= total_mib


@given(st.sampled_from(SHAPES), st.booleans(), REPORT, st.integers(1, 64), st.booleans(), SIZE)
def test_counts_of_a_node_fit_together(shape: tuple[Any, ...], virtual: bool, told: MemoryReport, cores: int,
                                       chosen: bool, reserve_mib: int) -> None:
    role, _ = judged(shape, virtual)
    reserve = reserves(role, {0: told.node_memtotal_mib}, cores)[0]
    row = row_of(memory_values(stored_row(reserve_mib, chosen=chosen), told, reserve))
    assert_fits(row)
    assert_fits(row | {"platform_reserved_mib": reserve_mib} | fitting_counts(row, reserve_mib))


def test_counts_of_recorded_servers_fit_together() -> None:
    role, facts = judged(SHAPES[0], virtual=False)
    for machine in recorded_machines():
        root = Root(machine.tree())
        reports = memory.collect(root)
        cores = physical_cores(cpu.collect(root))
        found = reserves(role, {one.numa_node: one.node_memtotal_mib for one in reports}, cores)
        rows = {one.numa_node: row_of(memory_values(None, one, found[one.numa_node])) for one in reports}
        for row in rows.values():
            assert_fits(row)
        assert not rows or memory_refusal(with_memory(facts, rows, cores)) is None
