# SPDX-License-Identifier: Apache-2.0
"""Explanations: where a group is and why, what would move it, what stops that."""
from __future__ import annotations

import pytest

from flock.core.records import replace
from sm.contract.states import Condition, GroupState
from sm.core.explain import explain
from sm.core.simulate import change, simulate
from tests.unit.sm.core.scheduler.domains import (
    C0,
    C1,
    C2,
    CONTROLLER,
    OAM,
    WEB,
    domain,
    failed,
    group,
    with_node,
    with_row,
)


def test_a_healthy_group() -> None:
    assert explain(domain(), CONTROLLER, 0).text().splitlines() == [
        "controller-services: 1 active and 1 standby, moves together with oam-services",
        "  controller-0 active, wanted active: controller-services stays on controller-0: it is healthy there; a move "
        "takes a failure that cannot be repaired in place, a lost network, or host-swact",
        "  controller-1 standby, wanted standby: controller-services is standby on controller-1: controller-0 has it "
        "active",
        "What would move it:",
        "  if controller-0 is fenced or its permission to be active ends: it becomes active on controller-1",
        "  if controller-0 falls silent: it stays on controller-0",
        "  if controller-services fails on controller-0 beyond repair: it becomes active on controller-1",
        "  if controller-0 loses the oam network: it becomes active on controller-1",
        "  on host-swact controller-0: it becomes active on controller-1",
        "What stops a move now:",
        "  nothing",
    ]


def test_an_active_active_group() -> None:
    found = explain(domain(), WEB, 0)
    assert found.kind == "2 active, moves alone"
    assert found.moves[0] == ("if controller-0 is fenced or its permission to be active ends: it becomes active on "
                              "controller-1")


@pytest.mark.parametrize(("words", "stop"), [
    (f"lock {C1}", "controller-1 is locked"),
    (f"outdate {C1}", "controller-1 lacks data that was accepted; only an operator can permit that loss (sm "
                      "force-active)"),
    (f"unhealthy {C1}", "controller-1 is not ready: it is not configured, its tests have not passed, or it is marked "
                        "unhealthy; controller-services cannot be standby there"),
    ("maintenance", "the domain is in maintenance mode"),
])
def test_what_stops_a_move(words: str, stop: str) -> None:
    assert explain(change(domain(), words), CONTROLLER, 0).stops == (stop,)


def test_a_target_that_has_failed() -> None:
    found = explain(failed(domain(), OAM, C1, Condition.RECOVERY_FAILURE), CONTROLLER, 0)
    assert found.stops == ("oam-services has failed on controller-1 (recovery-failure)",)


def test_a_target_that_is_still_changing() -> None:
    cluster = with_row(domain(), OAM, C1, state=GroupState.GO_STANDBY)
    assert explain(cluster, CONTROLLER, 0).stops == ("controller-1 is still changing: oam-services go-standby",)
    cluster = with_row(domain(), OAM, C1, state=GroupState.DISABLED)
    assert "not standby and healthy with all that moves together" in explain(cluster, CONTROLLER, 0).stops[0]


def test_nobody_can_take_over() -> None:
    found = explain(change(domain(), f"lock {C1}"), CONTROLLER, 0)
    assert f"if {C0} is fenced or its permission to be active ends: it is active nowhere" in found.moves
    assert found.moves[-1] == (f"on host-swact {C0}: refused: {C1} is not ready to take service, {C1} is locked")


def test_a_silent_active_node() -> None:
    found = explain(change(domain(), f"silent {C0}"), CONTROLLER, 0)
    assert found.moves == (f"if {C0} is fenced or its permission to be active ends: it becomes active on {C1}",)
    assert "counts as active until it is fenced" in found.stops[0]


def test_a_lost_network_is_not_lost_again() -> None:
    cluster = with_node(with_node(domain(), C0, score=-4), C1, score=-4)
    assert not [line for line in explain(cluster, CONTROLLER, 0).moves if "oam network" in line]


def test_the_explanation_is_what_then_happens() -> None:
    cluster = domain([C0, C1, C2], [group("g", m_standby=1), group("h")])
    found = explain(cluster, "g", 0)
    end = simulate(cluster, [f"fence {C0}"]).cluster
    active = [node for node in cluster.nodes if end.assignments["g", node].state is GroupState.ACTIVE]
    assert found.moves[0].endswith(f"it becomes active on {active[0]}")
    assert f"{C2} is not standby and healthy with all that moves together" in found.stops


def test_a_group_that_does_not_exist() -> None:
    with pytest.raises(KeyError):
        explain(replace(domain(), groups={}), CONTROLLER, 0)
