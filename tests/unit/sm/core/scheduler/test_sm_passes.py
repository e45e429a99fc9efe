# SPDX-License-Identifier: Apache-2.0
"""Passes of the scheduler: stable, safe and explained on any snapshot, fast on a large one; and what they change."""
from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from flock.core.records import replace
from flock.sim import scaled
from sm.contract.states import Administrative, Condition, GroupState, SchedulingState, Status
from sm.core.cluster import Assignment, Cluster, Health, Node
from sm.core.explain import explain
from sm.core.redundancy import Watch, watch
from sm.core.scheduler import apply, complete, confirm, schedule
from sm.core.scheduler.posts import RUNNING, data_bar, may_be_active, node_bar
from sm.core.servicenode import service_node
from sm.core.simulate import change, simulate
from tests.unit.sm.core.scheduler.domains import (
    AGGREGATE,
    C0,
    C1,
    CONTROLLER,
    OAM,
    WEB,
    active_active,
    domain,
    failed,
    group,
    new_domain,
    with_node,
    with_row,
)

NODES = tuple(f"controller-{n}" for n in range(5))
MOST = st.integers(0, 9).map(lambda number: number > 0)
rows = st.builds(
    Assignment, st.just(""), st.just(""), desired=st.sampled_from([
        GroupState.INITIAL, GroupState.ACTIVE, GroupState.STANDBY, GroupState.DISABLED]),
    state=st.sampled_from(list(GroupState)), status=st.sampled_from(list(Status)),
    condition=st.sampled_from([Condition.NONE, Condition.RECOVERY_FAILURE, Condition.ACTION_FAILURE,
                               Condition.FATAL_FAILURE]),
    health=st.builds(Health, st.integers(0, 1), st.integers(0, 1), st.integers(0, 1)),
    scheduling=st.sampled_from([SchedulingState.NONE] * 5 + list(SchedulingState)), changed_ms=st.integers(0, 3),
    told_active=st.booleans(), stopped=st.booleans())
nodes = st.builds(
    Node, st.just(""), administrative=st.sampled_from([Administrative.UNLOCKED] * 5 + [Administrative.LOCKED]),
    ready=MOST, current=MOST, gone=st.just(False), data_current=MOST, score=st.integers(-2, 0))


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    names = NODES[:draw(st.integers(2, 5))]
    active = draw(st.integers(1, 2))
    groups = [group("a", AGGREGATE, n_active=active), group("b", AGGREGATE, n_active=active, fatal_error_reboot=True),
              group("c", m_standby=draw(st.integers(0, 2)), preferred=draw(st.sampled_from([(), (C1,), (C1, C0)]))),
              active_active("d")][draw(st.integers(0, 3)):]
    members = {}
    for name in names:
        node = draw(nodes)
        members[name] = replace(node, name=name, gone=not node.current and draw(st.booleans()))
    assignments = {}
    for spec, name in product(groups, names):
        row = replace(draw(rows), group=spec.name, node=name)
        assignments[spec.name, name] = replace(row, told_active=row.told_active or row.desired is GroupState.ACTIVE)
    return Cluster({each.name: each for each in groups}, members, assignments, maintenance=not draw(MOST))


@settings(max_examples=scaled(60), deadline=None)
@given(clusters())
def test_a_second_pass_changes_nothing(cluster: Cluster) -> None:
    first = schedule(cluster, 100_000)
    after = apply(cluster, first, 100_000)
    second = schedule(after, 100_000)
    assert second.logs == ()
    assert apply(after, second, 100_000) == after
    assert all(decision.reason for decision in first.decisions.values())
    assert set(first.decisions) == set(cluster.assignments)


@settings(max_examples=scaled(60), deadline=None)
@given(clusters())
def test_nothing_is_made_active_beyond_n_nor_with_old_data(cluster: Cluster) -> None:
    """However wrong the domain is, the decisions make it no worse."""
    decisions = schedule(cluster, 100_000).decisions
    for name, spec in cluster.groups.items():
        held = {node for node in cluster.nodes if may_be_active(cluster.assignments[name, node], cluster.nodes[node])}
        made = {node for node in cluster.nodes if decisions[name, node].desired is GroupState.ACTIVE
                and cluster.assignments[name, node].desired is not GroupState.ACTIVE}
        assert len(held | made) <= max(spec.n_active, len(held))
        for node in made:
            fact = cluster.nodes[node]
            assert fact.current and fact.ready and fact.administrative is not Administrative.LOCKED
            running = any(row.state in RUNNING for row in cluster.assignments.values() if row.node == node)
            assert fact.data_current or running or not spec.movable


@settings(max_examples=scaled(40), deadline=None)
@given(clusters())
def test_from_any_snapshot_the_domain_comes_to_rest_with_n_active(cluster: Cluster) -> None:
    found = simulate(replace(cluster, maintenance=False), [], 1_000_000)
    assert found.settled
    end = found.cluster
    if any(not node.current and not node.gone for node in end.nodes.values()):
        return
    for name, spec in end.groups.items():
        able = [node for node in end.nodes.values() if not node_bar(node)
                and (not data_bar(node) or not spec.movable or end.assignments[name, node.name].state in RUNNING)]
        lame = [node for node in able if end.assignments[name, node.name].state is GroupState.SHUTDOWN]
        active = [row for row in end.assignments.values() if row.group == name and row.state is GroupState.ACTIVE]
        assert min(spec.n_active, len(able)) - len(lame) <= len(active) <= spec.n_active


def test_what_was_active_on_a_node_that_is_gone_is_disabled() -> None:
    cluster = change(domain(), f"fence {C0}")
    after = apply(cluster, schedule(cluster, 7), 7)
    row = after.assignments[CONTROLLER, C0]
    assert (row.state, row.desired, row.told_active, row.stopped) == (
        GroupState.DISABLED, GroupState.DISABLED, False, True)
    assert row.changed_ms == 7


def test_an_order_counts_until_a_later_one_is_confirmed() -> None:
    """Otherwise two nodes would be active when the leader changes its mind while an order is on its way."""
    cluster = change(domain(), f"fence {C0}")
    told = apply(cluster, schedule(cluster, 0), 0)
    withdrawn = with_node(with_node(told, C0, current=True, gone=False), C1, ready=False)
    withdrawn = apply(withdrawn, schedule(withdrawn, 0), 0)
    assert withdrawn.assignments[CONTROLLER, C1].desired is GroupState.DISABLED
    assert schedule(withdrawn, 0).decisions[CONTROLLER, C0].desired is GroupState.STANDBY
    rows = {key: confirm(row) if key[1] == C1 else row for key, row in withdrawn.assignments.items()}
    assert schedule(replace(withdrawn, assignments=rows), 0).decisions[CONTROLLER, C0].desired is GroupState.ACTIVE


def test_a_confirmed_end_is_remembered_until_the_next_order_to_go_active() -> None:
    row = Assignment("g", C0, desired=GroupState.STANDBY, state=GroupState.STANDBY, told_active=True)
    ended = confirm(row)
    assert (ended.told_active, ended.stopped) == (False, True)
    assert not may_be_active(replace(ended, state=GroupState.GO_STANDBY), Node(C0))
    assert may_be_active(replace(row, told_active=False, state=GroupState.GO_STANDBY), Node(C0))
    assert not confirm(replace(ended, state=GroupState.ACTIVE)).stopped, "it says so itself, whoever ordered it"


def test_a_daemon_that_restarts_on_the_active_node_keeps_its_groups() -> None:
    cluster = domain()
    for name in cluster.groups:
        cluster = with_row(cluster, name, C0, state=GroupState.INITIAL)
    decisions = schedule(cluster, 0).decisions
    assert decisions[CONTROLLER, C0].desired is GroupState.ACTIVE
    assert decisions[CONTROLLER, C1].desired is GroupState.STANDBY


def test_nothing_is_known_of_a_silent_node_that_was_never_heard() -> None:
    cluster = with_node(new_domain(), C0, current=False)
    decisions = schedule(cluster, 0).decisions
    assert decisions[CONTROLLER, C0].desired is GroupState.INITIAL, "no order is made up for it"
    assert decisions[CONTROLLER, C1].desired is GroupState.STANDBY
    assert "silent" in decisions[CONTROLLER, C1].reason


def test_flags_of_failures() -> None:
    def flags(cluster: Cluster, name: str, node: str) -> tuple[bool, bool, bool]:
        decision = schedule(cluster, 0).decisions[name, node]
        return decision.recover, decision.escalate, decision.clear_fatal

    fatal = Condition.FATAL_FAILURE
    assert flags(domain(), CONTROLLER, C0) == (False, False, False)
    assert flags(failed(domain(), CONTROLLER, C0), CONTROLLER, C0) == (True, False, False)
    assert flags(failed(domain(), CONTROLLER, C0, fatal), CONTROLLER, C0) == (True, True, False)
    assert flags(failed(domain(), OAM, C0, fatal), OAM, C0) == (True, False, True), "this group reboots no node"
    assert flags(failed(domain(), CONTROLLER, C1, fatal), CONTROLLER, C1) == (True, True, False)
    assert flags(failed(domain(), WEB, C0, fatal), WEB, C0) == (True, False, True)
    silent = with_node(failed(domain(), CONTROLLER, C1, fatal), C1, current=False)
    assert flags(silent, CONTROLLER, C1) == (False, False, False)


def test_rows_that_are_missing_or_left_over_disturb_nothing() -> None:
    whole = domain(groups=[group("g")])
    stale = Assignment("old", C0, state=GroupState.ACTIVE, status=Status.FAILED)
    lost = Assignment("g", "controller-9", state=GroupState.ACTIVE, status=Status.FAILED)
    rows = {("g", C0): whole.assignments["g", C0], ("old", C0): stale, ("g", "controller-9"): lost}
    partly = replace(whole, assignments=rows)
    assert set(schedule(partly, 0).decisions) == {("g", C0), ("g", C1)} == set(complete(partly).assignments)
    assert schedule(partly, 0).decisions["g", C1].desired is GroupState.STANDBY
    after = apply(partly, schedule(partly, 0), 0)
    assert after.assignments["old", C0] == stale
    assert simulate(partly, [f"swact {C0}"]).settled and explain(partly, "g", 0).places
    assert [alarm.entity[-12:] for alarm in watch(Watch(), partly, "controller", 0)[1].raised] == []
    assert service_node(partly, C1).active_services == "no"
