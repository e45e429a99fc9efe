# SPDX-License-Identifier: Apache-2.0
"""Units, and what holds for one on a node."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.records import replace
from sm.contract.states import Administrative, Availability, GroupState, Operational, SchedulingState, Status
from sm.core.cluster import Assignment, Cluster, Node
from sm.core.scheduler.posts import Post, data_bar, may_be_active, node_bar, posts_of, strongest, unit_of, units
from tests.unit.sm.core.scheduler.domains import (
    AGGREGATE,
    C0,
    C1,
    CONTROLLER,
    OAM,
    PATCHING,
    WEB,
    active_active,
    domain,
    group,
    with_node,
    with_row,
)


def post(cluster: Cluster, name: str = C0, of: str = CONTROLLER) -> Post:
    bars = {node: node_bar(each) for node, each in cluster.nodes.items()}
    return posts_of(unit_of(cluster.groups, of), cluster.nodes, cluster.assignments, bars)[name]


def test_groups_of_an_aggregate_are_one_unit() -> None:
    groups = domain().groups
    assert [[each.name for each in unit.groups] for unit in units(groups)] == [[CONTROLLER, OAM], [PATCHING], [WEB]]
    mixed = {"a": group("a", AGGREGATE), "w": replace(active_active("w"), aggregate=AGGREGATE)}
    assert len(list(units(mixed))) == 2, "active/active groups do not move"
    assert unit_of({"a": group("a", preferred=(C1,))}, "a").preferred == (C1,)


@pytest.mark.parametrize(("fields", "bar"), [
    ({}, ""), ({"gone": True}, "is stopped"), ({"current": False}, "is silent"),
    ({"administrative": Administrative.LOCKED, "operational": Operational.DISABLED}, "is locked"),
    ({"administrative": Administrative.UNKNOWN}, ""), ({"operational": Operational.UNKNOWN}, ""),
    ({"ready": False}, "is not ready"), ({"operational": Operational.DISABLED}, "is disabled"),
    ({"availability": Availability.FAILED}, "has failed"), ({"availability": Availability.DEGRADED}, ""),
])
def test_bars_of_nodes(fields: dict[str, Any], bar: str) -> None:
    found = node_bar(replace(Node("n"), **fields))
    assert found.startswith(f"n {bar}") if bar else found == ""


def test_old_data_bars_the_start_only() -> None:
    assert data_bar(Node("n")) == ""
    old = with_node(domain(), C0, data_current=False)
    assert (post(old).bar, post(old).start_bar) == ("", ""), "it is active there already"
    old = with_node(domain(), C1, data_current=False)
    assert post(old, C1).bar == "" and "lacks data" in post(old, C1).start_bar
    assert post(old, C1, WEB).start_bar == ""


@pytest.mark.parametrize(("fields", "may"), [
    ({"state": GroupState.ACTIVE}, True), ({"state": GroupState.GO_ACTIVE, "stopped": True}, True),
    ({"state": GroupState.GO_STANDBY}, True), ({"state": GroupState.GO_STANDBY, "stopped": True}, False),
    ({"state": GroupState.STANDBY}, False), ({"state": GroupState.DISABLED}, False),
    ({"state": GroupState.SHUTDOWN}, False), ({"state": GroupState.INITIAL}, True),
    ({"state": GroupState.STANDBY, "told_active": True}, True),
    ({"state": GroupState.STANDBY, "desired": GroupState.ACTIVE}, True),
])
def test_what_may_be_active(fields: dict[str, Any], may: bool) -> None:
    row = Assignment("g", "n", **fields)
    assert may_be_active(row, Node("n")) is may_be_active(row, Node("n", current=False)) is may
    assert not may_be_active(row, Node("n", current=False, gone=True))


def test_a_post_adds_up_its_groups() -> None:
    cluster = with_row(domain(), OAM, C0, status=Status.DEGRADED, changed_ms=99_000, scheduling=SchedulingState.SWACT)
    found = post(cluster)
    assert (found.active, found.claimed, found.holds, found.failed) == (True, True, True, 0)
    assert (found.health, found.since_ms, found.mark) == ((0, 1, 0), 99_000, SchedulingState.SWACT)
    standby = post(cluster, C1)
    assert (standby.rests, standby.standing_by, standby.holds, standby.silent) == (True, True, False, False)
    assert standby.merit < found.merit, "the marked node is the worse place"


def test_the_strongest_mark() -> None:
    def row(mark: SchedulingState) -> Assignment:
        return Assignment("g", "n", scheduling=mark)
    none, swact, force = SchedulingState.NONE, SchedulingState.SWACT, SchedulingState.SWACT_FORCE
    assert strongest((row(none), row(none))) is none
    assert strongest((row(none), row(swact), row(none))) is swact
    assert strongest((row(swact), row(force))) is force
