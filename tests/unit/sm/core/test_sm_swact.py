# SPDX-License-Identifier: Apache-2.0
"""Swact and lock checks with the texts that clients show, and the marks of a swact."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.records import replace
from sm.contract.states import (
    Administrative,
    Condition,
    GroupState,
    Impact,
    Operational,
    SchedulingState,
    Status,
)
from sm.core.model import MemberSpec
from sm.core.swact import (
    ErrorCode,
    NodeAction,
    begin_swact,
    check,
    lock_check,
    swact_check,
    swact_log,
)
from tests.unit.sm.core.scheduler.domains import (
    C0,
    C1,
    C2,
    CONTROLLER,
    PATCHING,
    WEB,
    active_active,
    domain,
    with_node,
    with_row,
)

NOT_READY = f"{CONTROLLER} on {C1} is not ready to take service, "


@pytest.mark.parametrize(("fields", "details"), [
    ({"state": GroupState.DISABLED}, "service not in the active or standby state"),
    ({"state": GroupState.GO_STANDBY}, "service not in the active or standby state"),
    ({"desired": GroupState.ACTIVE}, "services transitioning state"),
    ({"status": Status.FAILED, "condition": Condition.ACTION_FAILURE}, "service is failed"),
    ({"status": Status.DEGRADED, "condition": Condition.DATA_SYNCING}, "service is syncing data"),
    ({"status": Status.DEGRADED, "condition": Condition.DATA_STANDALONE}, "service is degraded, data-standalone"),
    ({"status": Status.DEGRADED, "condition": Condition.FD_LIMIT_REACHED}, "service is degraded"),
    ({"status": Status.DEGRADED}, "service is degraded"),
])
def test_swact_is_refused_for_the_state_of_a_group(fields: dict[str, Any], details: str) -> None:
    verdict = swact_check(with_row(domain(), CONTROLLER, C1, **fields), C0)
    assert (verdict.code, verdict.details) == (ErrorCode.ACTION_FAILED, NOT_READY + details)


@pytest.mark.parametrize("fields", [{}, {"status": Status.WARN}])
def test_swact_is_permitted(fields: dict[str, Any]) -> None:
    assert swact_check(with_row(domain(), CONTROLLER, C1, **fields), C0).allowed


@pytest.mark.parametrize(("fields", "details"), [
    ({"administrative": Administrative.LOCKED}, "is locked"),
    ({"operational": Operational.DISABLED}, "is disabled"),
    ({"ready": False}, "is disabled"),
    ({"current": False}, "does not communicate"),
    ({"data_current": False}, "lacks data that was accepted"),
])
def test_swact_is_refused_for_the_state_of_the_node(fields: dict[str, Any], details: str) -> None:
    assert swact_check(with_node(domain(), C1, **fields), C0).details == (
        f"{C1} is not ready to take service, {C1} {details}")


def test_a_state_that_both_nodes_share_is_no_obstacle() -> None:
    """A group that is not in service on the origin either loses nothing."""
    cluster = with_row(domain(), PATCHING, C0, state=GroupState.DISABLED)
    cluster = with_row(cluster, PATCHING, C1, state=GroupState.DISABLED, desired=GroupState.DISABLED)
    assert swact_check(cluster, C0).allowed


def test_active_active_groups_do_not_count() -> None:
    assert swact_check(with_row(domain(), WEB, C1, state=GroupState.DISABLED), C0).allowed


def test_there_must_be_a_peer_and_the_same_software() -> None:
    assert swact_check(domain([C0]), C0).details == "no peer available"
    assert swact_check(domain(), C0, in_sync=False).details == (
        "Deployment data in both controllers is not in sync.")


def test_one_of_several_peers_is_enough() -> None:
    cluster = with_node(domain([C0, C1, C2], [active_active("w", 3)]), C1, ready=False)
    assert swact_check(cluster, C0).allowed
    assert swact_check(with_node(cluster, C2, ready=False), C0).details == (
        f"{C1} is not ready to take service, {C1} is disabled")


def test_only_checks_are_checked() -> None:
    cluster = with_row(domain(), CONTROLLER, C1, status=Status.FAILED)
    sole = {C0: [f"{WEB}-member"]}
    refused = {action: not check(cluster, C0, action, sole).allowed for action in NodeAction}
    assert [action for action, no in refused.items() if no] == [
        NodeAction.SWACT_PRE_CHECK, NodeAction.SWACT, NodeAction.LOCK_PRE_CHECK, NodeAction.LOCK]
    assert [action.refused_status for action in NodeAction] == [200, 400, 400, 200, 400, 400, 400]
    assert check(cluster, "controller-9", NodeAction.UNLOCK, {}).code is ErrorCode.HOST_NOT_FOUND


def test_the_sole_provider_of_a_critical_service_is_not_locked() -> None:
    members = (MemberSpec("horizon", Impact.CRITICAL), MemberSpec("lighttpd", Impact.CRITICAL),
               MemberSpec("motd", Impact.MINOR))
    cluster = domain(groups=[replace(active_active(WEB), members=members)])
    running = {C0: ["horizon"], C1: ["horizon", "lighttpd", "motd"]}
    verdict = lock_check(cluster, C1, running)
    assert (verdict.code, verdict.impact) == (ErrorCode.SOLE_PROVIDER, ("lighttpd",))
    assert verdict.details == f"{C1} is the sole provider of some services."
    assert lock_check(cluster, C0, running).allowed


def test_a_service_of_a_single_node_does_not_stop_its_lock() -> None:
    """Simplex has one active member by design."""
    assert lock_check(domain([C0], [active_active("w", 1)]), C0, {C0: ["w-member"]}).allowed


def test_a_swact_marks_what_moves_and_ends_another() -> None:
    cluster = with_row(domain(), PATCHING, C1, scheduling=SchedulingState.SWACT)
    marked = begin_swact(cluster, C0, force=True)
    assert {key for key, row in marked.assignments.items() if row.scheduling is not SchedulingState.NONE} == {
        (name, C0) for name in cluster.groups if name != WEB}
    assert marked.assignments[CONTROLLER, C0].scheduling is SchedulingState.SWACT_FORCE


def test_a_swact_is_logged() -> None:
    assert swact_log(C0, force=False) == ("host=controller-0", "Swact issued against host controller-0")
    assert swact_log(C0, force=True)[1] == "Swact-Force issued against host controller-0"
