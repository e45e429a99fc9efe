# SPDX-License-Identifier: Apache-2.0
"""What assignments shall be, given the seats: break before make, standbys, and the reasons."""
from __future__ import annotations

from typing import Any

import pytest

from sm.contract.states import Administrative, Availability, GroupState, Operational, Status
from sm.core.cluster import Cluster
from sm.core.scheduler import apply, schedule
from sm.core.simulate import change, simulate
from sm.core.swact import begin_swact
from tests.unit.sm.core.scheduler.domains import (
    AGGREGATE,
    C0,
    C1,
    C2,
    CONTROLLER,
    OAM,
    WEB,
    active_active,
    decided,
    domain,
    failed,
    group,
    states,
    wanted,
    with_node,
    with_row,
)

ACTIVE, STANDBY, DISABLED = GroupState.ACTIVE, GroupState.STANDBY, GroupState.DISABLED
THREE = [C0, C1, C2]
MOVING = [GroupState.GO_STANDBY, GroupState.DISABLING, GroupState.GO_ACTIVE, ACTIVE, GroupState.UNKNOWN,
          GroupState.INITIAL]


def leaving(state: GroupState) -> Cluster:
    """The active node was told to go standby; two groups of one aggregate, of which one is in ``state``."""
    cluster = begin_swact(domain(groups=[group(CONTROLLER, AGGREGATE), group(OAM, AGGREGATE)]), C0, force=False)
    cluster = apply(cluster, schedule(cluster, 0), 0)
    cluster = with_row(cluster, OAM, C0, state=STANDBY, told_active=False)
    return with_row(cluster, CONTROLLER, C0, state=state, told_active=False)


@pytest.mark.parametrize("state", MOVING)
def test_nothing_is_made_before_all_of_the_aggregate_is_broken(state: GroupState) -> None:
    cluster = leaving(state)
    assert wanted(cluster, CONTROLLER) == wanted(cluster, OAM) == [STANDBY, STANDBY]
    assert f"controller-0 has not yet said that it is standby or disabled (controller-services {state})" in decided(
        cluster, OAM, C1).reason


@pytest.mark.parametrize("state", [STANDBY, DISABLED])
def test_it_is_made_then(state: GroupState) -> None:
    assert wanted(leaving(state), OAM)[1] is wanted(leaving(state), CONTROLLER)[1] is ACTIVE


@pytest.mark.parametrize("state", [*MOVING, STANDBY, DISABLED])
def test_what_a_silent_node_did_when_it_was_last_heard_holds(state: GroupState) -> None:
    cluster = with_node(leaving(state), C0, current=False)
    active = [ACTIVE] if state in (STANDBY, DISABLED) else [STANDBY]
    assert wanted(cluster, OAM)[1:] == active
    assert decided(cluster, OAM, C0).desired is STANDBY, "nothing new can be asked of it"
    gone = with_node(cluster, C0, gone=True)
    assert wanted(gone, OAM) == wanted(gone, CONTROLLER) == [DISABLED, ACTIVE]


def test_a_node_on_its_way_to_standby_that_was_never_told_to_go_active_delays_nobody() -> None:
    cluster = domain(THREE, [group("g")])
    cluster = with_row(cluster, "g", C2, state=GroupState.DISABLING, stopped=True)
    cluster = change(cluster, f"fence {C0}")
    assert wanted(cluster, "g")[:2] == [DISABLED, ACTIVE]
    unsure = with_row(cluster, "g", C2, stopped=False, told_active=False)
    assert wanted(unsure, "g")[:2] == [DISABLED, STANDBY]


@pytest.mark.parametrize("fields", [
    {"ready": False}, {"operational": Operational.DISABLED}, {"availability": Availability.FAILED}])
def test_nothing_stays_on_a_node_that_must_not_serve(fields: dict[str, Any]) -> None:
    end = simulate(with_node(domain(), C0, **fields), []).cluster
    assert states(end, CONTROLLER) == states(end, WEB) == [DISABLED, ACTIVE]


def test_a_locked_node_keeps_its_standby_and_gives_up_the_rest() -> None:
    end = simulate(with_node(domain(), C1, administrative=Administrative.LOCKED, operational=Operational.DISABLED),
                   []).cluster
    assert states(end, CONTROLLER) == [ACTIVE, STANDBY]
    assert states(end, WEB) == [ACTIVE, DISABLED]
    assert "controller-1 is locked and takes over nothing" in decided(end, CONTROLLER, C1).reason
    assert states(simulate(end, [f"fence {C0}"]).cluster, CONTROLLER) == [DISABLED, STANDBY]
    assert states(simulate(change(domain(), f"lock {C0}"), []).cluster, CONTROLLER) == [STANDBY, ACTIVE]


def test_without_room_for_a_standby_the_node_that_is_left_is_disabled() -> None:
    end = simulate(domain(groups=[group("g", m_standby=0)]), [f"swact {C0}"]).cluster
    assert states(end, "g") == [DISABLED, ACTIVE]


@pytest.mark.parametrize("words", [f"lock {C1}", f"unhealthy {C1}", f"fence {C1}", f"fail g {C1}", f"cut {C1} mgmt"])
def test_another_node_becomes_standby_when_one_is_worse(words: str) -> None:
    end = simulate(domain(THREE, [group("g")]), [words]).cluster
    assert states(end, "g") == [ACTIVE, DISABLED, STANDBY]
    ends = {"lock": "unlock", "unhealthy": "healthy", "fence": "return", "fail": "heal g", "cut": "mend"}
    again = simulate(end, [f"{ends[words.split()[0]]} {C1}"]).cluster
    assert states(again, "g") == [ACTIVE, DISABLED, STANDBY], "and stays so"


def test_the_node_that_was_left_becomes_the_standby() -> None:
    end = simulate(domain(THREE, [group("g")]), [f"swact {C0}"]).cluster
    assert states(end, "g") == [STANDBY, ACTIVE, DISABLED]
    end = simulate(domain(THREE, [group("g")]), [f"fail g {C0}"]).cluster
    assert states(end, "g") == [DISABLED, ACTIVE, STANDBY], "unless it failed and another is there"


def test_a_standby_that_failed_tries_again_where_nobody_else_can_be_one() -> None:
    decision = decided(failed(domain(), CONTROLLER, C1), CONTROLLER, C1)
    assert (decision.desired, decision.recover) == (STANDBY, True)


def test_a_new_group_of_an_aggregate_is_active_where_the_others_are() -> None:
    cluster = domain(groups=[group(CONTROLLER, AGGREGATE)])
    grown = domain(groups=[group(CONTROLLER, AGGREGATE), group(OAM, AGGREGATE)])
    rows = {**grown.assignments, **cluster.assignments}
    cluster = type(cluster)(grown.groups, cluster.nodes, rows)
    for node in (C0, C1):
        cluster = with_row(cluster, OAM, node, state=GroupState.INITIAL, desired=GroupState.INITIAL, told_active=False,
                           stopped=False)
    assert wanted(cluster, OAM) == [STANDBY, STANDBY]
    assert wanted(cluster, CONTROLLER) == [ACTIVE, STANDBY], "the others are not disturbed"
    assert states(simulate(cluster, []).cluster, OAM) == [ACTIVE, STANDBY]


@pytest.mark.parametrize(("cluster", "node", "reason"), [
    (domain(), C0, "controller-services stays on controller-0: it is healthy there; a move takes a failure that cannot "
                   "be repaired in place, a lost network, or host-swact"),
    (with_row(domain(), CONTROLLER, C0, status=Status.DEGRADED), C0,
     "controller-services stays on controller-0: it is degraded but serving there; a move takes a failure that cannot "
     "be repaired in place, a lost network, or host-swact"),
    (with_row(domain(), CONTROLLER, C0, state=GroupState.GO_ACTIVE), C0,
     "controller-services stays on controller-0: it is going active there"),
    (domain(), C1, "controller-services is standby on controller-1: controller-0 has it active"),
    (change(domain(), f"silent {C1}"), C1,
     "controller-services on controller-1 is left as it is: controller-1 is silent and cannot be told anything"),
    (change(domain(), f"lock {C0}"), C0,
     "controller-services leaves controller-0 and becomes standby there: controller-0 is locked"),
    (change(domain(), f"unhealthy {C0}"), C0,
     "controller-services is disabled on controller-0: controller-0 is not ready: it is not configured, its tests have "
     "not passed, or it is marked unhealthy"),
])
def test_reasons(cluster: Cluster, node: str, reason: str) -> None:
    assert decided(cluster, CONTROLLER, node).reason == reason


def test_reasons_of_groups_that_run_everywhere_and_of_spare_nodes() -> None:
    cluster = domain(THREE, [active_active("w")])
    assert decided(cluster, "w", C0).reason == (
        "w stays on controller-0: it runs on 2 nodes at once, and this one is able")
    assert decided(cluster, "w", C2).reason == (
        "w is disabled on controller-2: 2 active and 0 standby are enough, and other nodes have them")
