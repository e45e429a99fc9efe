# SPDX-License-Identifier: Apache-2.0
"""Which nodes a unit is active on: stickiness, failures, scores, preferences, swacts, and one move at a time."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from flock.core.records import replace
from sm.contract.states import (
    Administrative,
    Availability,
    Condition,
    GroupState,
    Operational,
    SchedulingState,
    Status,
)
from sm.core.cluster import Cluster, Health
from sm.core.scheduler import apply, schedule
from sm.core.scheduler.seats import FAILBACK_AFTER_MS
from sm.core.simulate import change, simulate
from sm.core.swact import begin_swact
from tests.unit.sm.core.scheduler.domains import (
    AGGREGATE,
    C0,
    C1,
    C2,
    CONTROLLER,
    OAM,
    PATCHING,
    WEB,
    active_active,
    decided,
    domain,
    failed,
    group,
    new_domain,
    states,
    wanted,
    with_node,
    with_row,
)

ACTIVE, STANDBY, DISABLED = GroupState.ACTIVE, GroupState.STANDBY, GroupState.DISABLED
NODES = tuple(f"controller-{n}" for n in range(5))


def done(cluster: Cluster, *changes: str) -> Cluster:
    found = simulate(cluster, changes)
    assert found.settled
    return found.cluster


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize(("active", "standby"), [(1, 1), (1, 2), (2, 1), (3, 2)])
def test_n_active_and_m_standby_over_two_to_five_nodes(count: int, active: int, standby: int) -> None:
    end = done(new_domain(NODES[:count], [group("g", n_active=active, m_standby=standby)]))
    found = states(end, "g")
    actives = min(active, count)
    assert found.count(ACTIVE) == actives
    assert found.count(STANDBY) == min(standby, count - actives)
    assert found.count(DISABLED) == max(0, count - active - standby)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_active_active_groups_have_no_standby(count: int) -> None:
    end = done(new_domain(NODES[:count], [active_active("web", 2)]))
    assert states(end, "web") == ([ACTIVE, ACTIVE] + [DISABLED] * 3)[:count]


def test_there_is_no_failback() -> None:
    end = done(domain(), f"fence {C0}")
    end = done(end, f"return {C0}")
    assert states(end, CONTROLLER) == states(end, PATCHING) == [STANDBY, ACTIVE]
    assert states(end, WEB) == [ACTIVE, ACTIVE]


def test_an_aggregate_moves_together_and_other_groups_stay() -> None:
    end = done(domain(), f"fail {OAM} {C0}")
    assert states(end, OAM) == states(end, CONTROLLER) == [STANDBY, ACTIVE]
    assert states(end, PATCHING) == [ACTIVE, STANDBY]


@pytest.mark.parametrize("worse", [Health(failed=1), Health(failed=2)])
def test_a_failure_is_repaired_in_place_when_nobody_is_healthier(worse: Health) -> None:
    cluster = with_row(failed(domain(), CONTROLLER, C0), CONTROLLER, C1, health=worse)
    decision = decided(cluster, CONTROLLER, C0)
    assert (decision.desired, decision.recover, decision.escalate) == (ACTIVE, True, False)
    assert "repaired in place" in decision.reason and "controller-1 is no healthier" in decision.reason


@pytest.mark.parametrize(("fields", "because"), [
    ({"administrative": Administrative.LOCKED}, "controller-1 is locked"),
    ({"ready": False}, "controller-1 is not ready"),
    ({"operational": Operational.DISABLED}, "controller-1 is disabled"),
    ({"availability": Availability.FAILED}, "controller-1 has failed"),
    ({"current": False}, "controller-1 is silent"),
    ({"current": False, "gone": True}, "controller-1 is stopped"),
    ({"data_current": False}, "controller-1 lacks data"),
])
def test_a_failed_group_stays_where_no_other_node_can_take_it(fields: dict[str, object], because: str) -> None:
    decision = decided(failed(with_node(domain(), C1, **fields), CONTROLLER, C0), CONTROLLER, C0)
    assert (decision.desired, decision.recover) == (ACTIVE, True)
    assert because in decision.reason


@pytest.mark.parametrize("status", [Status.WARN, Status.DEGRADED])
def test_minor_and_major_failures_move_nothing(status: Status) -> None:
    cluster = with_row(domain(), CONTROLLER, C0, status=status, health=Health(degraded=1))
    decision = decided(cluster, CONTROLLER, C0)
    assert (decision.desired, decision.recover) == (ACTIVE, True)
    assert wanted(cluster, CONTROLLER) == [ACTIVE, STANDBY]


def test_failed_actions_are_tried_again_where_the_group_is_active() -> None:
    """A move would begin with stopping what does not stop."""
    cluster = failed(domain(), CONTROLLER, C0, Condition.ACTION_FAILURE)
    assert wanted(cluster, CONTROLLER) == [ACTIVE, STANDBY]
    assert decided(cluster, CONTROLLER, C0).recover


def test_a_group_that_never_starts_moves_to_where_it_is_healthy() -> None:
    cluster = failed(domain(), CONTROLLER, C0, Condition.ACTION_FAILURE, state=GroupState.GO_ACTIVE)
    assert wanted(cluster, CONTROLLER) == wanted(cluster, OAM) == [DISABLED, STANDBY]


def test_a_group_that_was_shut_down_is_active_elsewhere() -> None:
    cluster = with_row(domain(), OAM, C0, state=GroupState.SHUTDOWN)
    assert "oam-services failed on controller-0 beyond repair (shutdown)" in decided(cluster, CONTROLLER, C0).reason
    assert states(done(cluster), CONTROLLER)[1] is states(done(cluster), OAM)[1] is ACTIVE


@pytest.mark.parametrize("state", [GroupState.GO_STANDBY, GroupState.INITIAL, GroupState.DISABLING])
def test_a_failed_group_waits_for_a_target_that_is_still_changing(state: GroupState) -> None:
    cluster = with_row(failed(domain(), CONTROLLER, C0), CONTROLLER, C1, state=state)
    assert decided(cluster, CONTROLLER, C0).desired is ACTIVE


@pytest.mark.parametrize("begin", [
    lambda cluster: failed(cluster, "g", C0), lambda cluster: with_node(cluster, C0, score=-4),
    lambda cluster: begin_swact(cluster, C0, force=False)])
def test_no_node_is_left_while_the_target_would_have_to_wait(begin: Callable[[Cluster], Cluster]) -> None:
    """A silent third node that may be active would keep the target from going active: nothing would run."""
    cluster = domain((C0, C1, C2), [group("g", m_standby=2)])
    assert decided(begin(cluster), "g", C0).desired is not ACTIVE
    unsure = with_row(cluster, "g", C2, state=GroupState.GO_STANDBY, stopped=False, told_active=False)
    assert decided(begin(with_node(unsure, C2, current=False)), "g", C0).desired is ACTIVE
    gone = with_node(unsure, C2, current=False, gone=True)
    assert decided(begin(gone), "g", C0).desired is not ACTIVE


def test_a_better_score_takes_over_and_an_equal_one_does_not() -> None:
    end = done(domain(), f"cut {C0} oam")
    assert states(end, CONTROLLER) == [STANDBY, ACTIVE]
    assert states(done(end, f"mend {C0}"), CONTROLLER) == [STANDBY, ACTIVE]
    both = done(domain(), f"cut {C0} mgmt,cluster-host", f"cut {C1} cluster-host,mgmt")
    assert states(both, CONTROLLER) == [ACTIVE, STANDBY]


@pytest.mark.parametrize("fields", [
    {"status": Status.DEGRADED}, {"status": Status.FAILED}, {"state": GroupState.GO_STANDBY}, {"state": DISABLED},
    {"health": Health(warned=1)},
])
def test_a_score_moves_nothing_to_a_standby_that_is_not_well(fields: dict[str, object]) -> None:
    cluster = with_row(with_node(domain(), C0, score=-4), OAM, C1, **fields)
    assert decided(cluster, CONTROLLER, C0).desired is ACTIVE
    assert decided(cluster, CONTROLLER, C0).scheduling is SchedulingState.NONE


def test_only_one_node_of_a_unit_is_left_at_a_time() -> None:
    cluster = domain(NODES, [group("g", n_active=2, m_standby=3)])
    cluster = with_node(with_node(cluster, C0, score=-1), C1, score=-2)
    decisions = schedule(cluster, 0).decisions
    assert [decisions["g", name].desired for name in NODES[:2]] == [ACTIVE, STANDBY], "the worst first"
    end = done(cluster)
    assert states(end, "g") == [STANDBY, STANDBY, ACTIVE, ACTIVE, STANDBY]


def test_no_move_by_score_begins_while_another_is_under_way() -> None:
    cluster = domain(NODES[:4], [group("g", n_active=2, m_standby=2)])
    cluster = with_row(with_node(cluster, C0, score=-1), "g", C1, state=GroupState.GO_ACTIVE)
    assert decided(cluster, "g", C0).desired is ACTIVE


def test_a_preferred_node_gets_its_groups_back_after_a_minute() -> None:
    cluster = done(domain(groups=[group("g", preferred=(C0, C1))]), f"fence {C0}")
    back = change(cluster, f"return {C0}", 100_000)
    soon = simulate(back, [], 100_000)
    assert states(soon.cluster, "g") == [ACTIVE, STANDBY]
    assert FAILBACK_AFTER_MS < soon.steps[-1].at_ms < FAILBACK_AFTER_MS + 10_000
    rows = with_row(cluster, "g", C0, state=STANDBY, desired=STANDBY, changed_ms=5_000)
    rows = with_node(rows, C0, current=True, gone=False)
    early = schedule(rows, 5_000 + FAILBACK_AFTER_MS - 1)
    assert (early.decisions["g", C1].desired, early.again_ms) == (ACTIVE, 5_000 + FAILBACK_AFTER_MS)
    assert schedule(rows, 5_000 + FAILBACK_AFTER_MS).decisions["g", C1].desired is STANDBY


def test_a_preference_gives_way_to_lost_networks() -> None:
    cluster = with_node(domain(groups=[group("g", preferred=(C1,))]), C1, score=-1)
    assert schedule(cluster, 10 ** 9) == schedule(cluster, 0)


def test_a_preference_decides_who_begins() -> None:
    end = done(new_domain(groups=[group("g", preferred=(C1, C0))]))
    assert states(end, "g") == [STANDBY, ACTIVE]


def test_too_many_active_nodes_leave_the_best() -> None:
    cluster = with_row(domain(), CONTROLLER, C1, state=ACTIVE, desired=ACTIVE, changed_ms=9_000)
    assert wanted(cluster, CONTROLLER) == [ACTIVE, STANDBY], "the one that has been active for longer"
    assert wanted(with_row(cluster, CONTROLLER, C0, changed_ms=20_000), CONTROLLER) == [STANDBY, ACTIVE]
    assert wanted(with_node(cluster, C0, data_current=False), CONTROLLER) == [STANDBY, ACTIVE]
    assert wanted(with_node(cluster, C0, score=-1), CONTROLLER) == [STANDBY, ACTIVE]
    assert wanted(failed(cluster, OAM, C0), CONTROLLER)[1] is ACTIVE


def test_old_data_is_never_made_active() -> None:
    cluster = done(domain(), f"outdate {C1}", f"fence {C0}")
    assert states(cluster, CONTROLLER) == states(cluster, PATCHING) == [DISABLED, STANDBY]
    assert states(cluster, WEB) == [DISABLED, ACTIVE], "active/active groups have no data of their own"
    reason = decided(cluster, CONTROLLER, C1).reason
    assert "active nowhere: controller-1 lacks data" in reason
    assert states(done(cluster, f"update {C1}"), CONTROLLER) == [DISABLED, ACTIVE]


def test_an_order_on_its_way_to_a_node_that_lost_its_data_is_withdrawn() -> None:
    cluster = change(domain(), f"fence {C0}")
    cluster = apply(cluster, schedule(cluster, 0), 0)
    assert cluster.assignments[CONTROLLER, C1].told_active
    assert wanted(with_node(cluster, C1, data_current=False), CONTROLLER) == [DISABLED, STANDBY]


def test_a_node_that_is_active_stays_so_with_old_data() -> None:
    assert wanted(with_node(domain(), C0, data_current=False), CONTROLLER) == [ACTIVE, STANDBY]


def test_a_swact_that_nobody_can_follow_is_given_up() -> None:
    cluster = begin_swact(change(domain(), f"lock {C1}"), C0, force=True)
    decision = decided(cluster, CONTROLLER, C0)
    assert (decision.desired, decision.scheduling) == (ACTIVE, SchedulingState.NONE)
    assert "given up" in decision.reason


def test_the_target_of_a_swact_fails_while_the_old_side_is_still_stopping() -> None:
    cluster = begin_swact(domain(), C0, force=False)
    cluster = apply(cluster, schedule(cluster, 0), 0)
    cluster = with_row(cluster, CONTROLLER, C0, state=GroupState.GO_STANDBY)
    cluster = failed(cluster, CONTROLLER, C1, Condition.ACTION_FAILURE)
    assert wanted(cluster, CONTROLLER) == wanted(cluster, OAM) == [ACTIVE, STANDBY]
    assert decided(cluster, CONTROLLER, C0).scheduling is SchedulingState.NONE


def test_the_target_of_a_swact_fails_to_start() -> None:
    cluster = begin_swact(domain(groups=[group("g")]), C0, force=False)
    marked = {"desired": STANDBY, "state": STANDBY, "scheduling": SchedulingState.SWACT, "told_active": False}
    cluster = failed(with_row(cluster, "g", C0, **marked), "g", C1, Condition.ACTION_FAILURE, desired=ACTIVE,
                     state=GroupState.GO_ACTIVE)
    assert wanted(cluster, "g") == [STANDBY, DISABLED], "first the other side stops"
    assert states(done(cluster), "g") == [ACTIVE, STANDBY]


def test_a_forced_swact_does_not_fail_back() -> None:
    cluster = begin_swact(domain(groups=[group("g")]), C0, force=True)
    marked = {"desired": STANDBY, "state": STANDBY, "scheduling": SchedulingState.SWACT_FORCE, "told_active": False}
    cluster = failed(with_row(cluster, "g", C0, **marked), "g", C1, Condition.ACTION_FAILURE, desired=ACTIVE,
                     state=GroupState.GO_ACTIVE)
    assert wanted(cluster, "g") == [STANDBY, ACTIVE]
    assert decided(cluster, "g", C1).recover


@pytest.mark.parametrize("verb", ["swact", "swact-force"])
def test_a_swact_to_a_worse_node_holds_but_a_failure_there_ends_it(verb: str) -> None:
    there = done(domain(), f"cut {C1} mgmt", f"{verb} {C0}")
    assert states(there, CONTROLLER) == [STANDBY, ACTIVE]
    assert states(done(there, f"fail {OAM} {C1}"), CONTROLLER) == [ACTIVE, STANDBY]
    assert states(done(there, f"fence {C1}"), CONTROLLER) == [ACTIVE, DISABLED]
    again = done(done(there, f"lock {C0}"), f"unlock {C0}")
    assert states(again, CONTROLLER) == [ACTIVE, STANDBY], "it has been away, so its networks count again"
    mended = done(there, f"mend {C1}")
    assert mended.assignments[CONTROLLER, C0].scheduling is SchedulingState.NONE


def test_a_move_by_score_that_ends_on_a_worse_node_is_undone() -> None:
    """Nobody asked for it, so it does not hold as a swact does."""
    cluster = with_node(domain(), C0, score=-1)
    cluster = apply(cluster, schedule(cluster, 0), 0)
    assert cluster.assignments[CONTROLLER, C0].scheduling is SchedulingState.MOVE
    for name in (CONTROLLER, OAM, PATCHING):
        cluster = with_row(cluster, name, C0, state=STANDBY, told_active=False)
    turned = with_node(with_node(cluster, C0, score=0), C1, score=-4)
    found = simulate(turned, [])
    assert any("goes active on controller-1: a move from controller-0 to a better node has begun" in line
               for step in found.steps for line in step.decisions)
    assert states(found.cluster, CONTROLLER) == [ACTIVE, STANDBY]


def test_a_swact_outlives_a_moment_of_silence() -> None:
    cluster = begin_swact(domain(), C0, force=False)
    cluster = apply(cluster, schedule(cluster, 0), 0)
    silent = with_node(cluster, C0, current=False)
    silent = apply(silent, schedule(silent, 0), 0)
    assert states(done(with_node(silent, C0, current=True)), CONTROLLER) == [STANDBY, ACTIVE]


def test_maintenance_moves_nothing_but_what_is_asked_for() -> None:
    cluster = replace(domain(), maintenance=True)
    for broken in (failed(cluster, CONTROLLER, C0), with_node(cluster, C0, score=-4),
                   with_node(cluster, C0, current=False, gone=True)):
        result = schedule(broken, 0)
        assert result.logs == () and not any(decision.recover for decision in result.decisions.values())
    assert "maintenance" in decided(cluster, CONTROLLER, C0).reason
    assert states(done(cluster, f"swact {C0}"), CONTROLLER) == [STANDBY, ACTIVE]


def test_a_move_that_had_begun_ends_in_maintenance() -> None:
    cluster = failed(domain(), CONTROLLER, C0)
    cluster = replace(apply(cluster, schedule(cluster, 0), 0), maintenance=True)
    assert states(done(cluster), CONTROLLER)[1] is ACTIVE


def test_groups_of_one_aggregate_take_as_many_seats_as_each_wants() -> None:
    groups = [group("a", AGGREGATE, n_active=1), group("b", AGGREGATE, n_active=2)]
    end = done(new_domain((C0, C1, C2), groups))
    assert (states(end, "a"), states(end, "b")) == ([ACTIVE, STANDBY, DISABLED], [ACTIVE, ACTIVE, STANDBY])


def test_a_score_moves_nothing_before_the_other_nodes_can_have_told_theirs() -> None:
    """A cable that is cut takes a network from both ends, but each learns of its own loss first."""
    cluster = with_node(domain(), C0, score=-4, score_from_ms=1_000)
    early = schedule(cluster, 999)
    assert early.decisions[OAM, C0].desired is ACTIVE and early.again_ms == 1_000
    assert schedule(cluster, 1_000).decisions[OAM, C0].desired is STANDBY
    both = with_node(cluster, C1, score=-4)
    assert schedule(both, 1_000).decisions[OAM, C0].desired is ACTIVE
    regained = with_node(with_node(domain(), C0, score=-4), C1, score_from_ms=1_000)
    assert schedule(regained, 999).decisions[OAM, C0].desired is ACTIVE
