# SPDX-License-Identifier: Apache-2.0
"""Alarms 400.001 and 400.002 and logs 401.001 and 401.002, with their texts."""
from __future__ import annotations

from typing import Any

import pytest

from sm.contract.states import Administrative, Availability, GroupState, Operational, Status
from sm.core.cluster import Cluster
from sm.core.redundancy import HOLD_MS, Report, Watch, first_watch, redundancy_loss, watch
from tests.unit.sm.core.scheduler.domains import (
    C0,
    C1,
    C2,
    CONTROLLER,
    WEB,
    active_active,
    domain,
    group,
    with_node,
    with_row,
)

PREFIX = f"Service group {CONTROLLER}"
GROUP_ENTITY = f"service_domain=controller.service_group={CONTROLLER}"


def seen(*steps: tuple[Cluster, int]) -> tuple[Watch, Report]:
    """The last report of a watch over some snapshots."""
    view, report = Watch(), Report()
    for cluster, now_ms in steps:
        view, report = watch(view, cluster, "controller", now_ms)
    return view, report


@pytest.mark.parametrize(("status", "severity", "word"), [
    (Status.WARN, "minor", "warning"), (Status.DEGRADED, "major", "degraded"), (Status.FAILED, "critical", "failure")])
def test_the_status_of_a_group_on_a_host(status: Status, severity: str, word: str) -> None:
    reason = "keystone(disabled, failed), rabbit(enabled-active, degraded)"
    _, report = seen((with_row(domain(), CONTROLLER, C0, status=status, reason=reason), 0))
    alarm, = report.raised
    assert (alarm.id, alarm.severity, alarm.entity) == ("400.001", severity, f"{GROUP_ENTITY}.host={C0}")
    assert alarm.text == f"{PREFIX} {word}; {reason}"
    _, report = seen((with_row(domain(), CONTROLLER, C0, status=status), 0))
    assert report.raised[0].text == f"{PREFIX} {word}"


def test_an_alarm_is_raised_once_changed_and_cleared() -> None:
    well, warned = domain(), with_row(domain(), CONTROLLER, C0, status=Status.WARN)
    failed = with_row(domain(), CONTROLLER, C0, status=Status.FAILED)
    assert seen((well, 0), (warned, 1), (warned, 2))[1] == Report()
    report = seen((well, 0), (warned, 1), (failed, 2))[1]
    assert [alarm.severity for alarm in report.raised] == ["critical"] and report.cleared == ()
    report = seen((well, 0), (warned, 1), (well, 2))[1]
    assert [alarm.id for alarm in report.cleared] == ["400.001"] and report.raised == ()


def test_a_stopped_node_has_no_status() -> None:
    failed = with_row(domain(), CONTROLLER, C1, status=Status.FAILED)
    report = seen((failed, 0), (with_node(failed, C1, current=False, gone=True), 1))[1]
    assert [alarm.id for alarm in report.cleared] == ["400.001"]


@pytest.mark.parametrize(("name", "states", "severity", "text"), [
    ("g", "s-", "critical", "has no active members available; expected 1 active member"),
    ("g", "a-", "major", "loss of redundancy; expected 1 standby member but no standby members available"),
    ("g", "as", None, None),
    ("two", "as-", "major",
     "loss of redundancy; expected 2 standby members but only 1 standby member available"),
    ("two", "a--", "major", "loss of redundancy; expected 2 standby members but no standby members available"),
    ("w", "a-", "major", "loss of redundancy; expected 2 active members but only 1 active member available"),
    ("w", "--", "critical", "has no active members available; expected 2 active members"),
    ("w", "aa", None, None),
    ("three", "aa-", "major", "loss of redundancy; expected 3 active members but only 2 active members available"),
])
def test_redundancy(name: str, states: str, severity: str | None, text: str | None) -> None:
    groups = {"g": group("g"), "two": group("two", m_standby=2), "w": active_active("w"),
              "three": active_active("three", 3)}
    cluster = domain([C0, C1, C2][:len(states)], [groups[name]])
    word = {"a": GroupState.ACTIVE, "s": GroupState.STANDBY, "-": GroupState.DISABLED}
    for node, state in zip(sorted(cluster.nodes), states, strict=True):
        cluster = with_row(cluster, name, node, state=word[state])
    expected = None if severity is None else (severity, f"Service group {name} {text}")
    assert redundancy_loss(cluster, cluster.groups[name]) == expected


@pytest.mark.parametrize("fields", [
    {"administrative": Administrative.LOCKED}, {"operational": Operational.DISABLED}, {"ready": False},
    {"availability": Availability.FAILED}, {"current": False}, {"current": False, "gone": True},
    {"data_current": False},
])
def test_nodes_that_could_not_take_over_do_not_count(fields: dict[str, Any]) -> None:
    cluster = with_node(domain(), C1, **fields)
    why = "; the data of controller-1 is not current" if fields == {"data_current": False} else ""
    assert redundancy_loss(cluster, cluster.groups[CONTROLLER]) == (
        "major", f"{PREFIX} loss of redundancy; expected 1 standby member but no standby members available{why}")


def test_a_failed_standby_is_none() -> None:
    cluster = with_row(domain(), CONTROLLER, C1, status=Status.FAILED)
    assert redundancy_loss(cluster, cluster.groups[CONTROLLER]) is not None


def test_a_loss_is_an_alarm_when_it_lasts() -> None:
    well, lost = domain(groups=[group(CONTROLLER)]), None
    lost = with_node(well, C1, current=False, gone=True)
    assert seen((well, 0), (lost, 10), (lost, 9 + HOLD_MS))[1] == Report()
    _, report = seen((well, 0), (lost, 10), (lost, 10 + HOLD_MS))
    alarm, = report.raised
    assert (alarm.id, alarm.entity) == ("400.002", GROUP_ENTITY)
    assert alarm.repair == ("Bring a controller node back in to service, otherwise contact next level of support")
    assert [(log.id, log.text) for log in report.logs] == [("401.002", alarm.text)]
    assert seen((well, 0), (lost, 10), (lost, 10 + HOLD_MS), (lost, 10 ** 6))[1] == Report()
    _, report = seen((well, 0), (lost, 10), (lost, 10 + HOLD_MS), (well, 10 ** 6))
    assert report.cleared == (alarm,)
    assert [(log.id, log.text) for log in report.logs] == [("401.002", f"{PREFIX} redundancy restored")]


def test_a_loss_that_ends_soon_is_told_nobody() -> None:
    """A swact has nothing active for a moment."""
    well = domain(groups=[group(CONTROLLER)])
    moving = with_row(well, CONTROLLER, C0, state=GroupState.GO_STANDBY)
    report = seen((well, 0), (moving, 10), (well, 1_000), (moving, HOLD_MS))[1]
    assert report.raised == () and [log.id for log in report.logs] == ["401.001"]


def test_changes_of_state_are_logged() -> None:
    old = with_row(domain(), CONTROLLER, C0, status=Status.DEGRADED, reason="rabbit(enabled-active, degraded)")
    new = with_row(old, CONTROLLER, C0, state=GroupState.GO_STANDBY, status=Status.NONE)
    _, report = seen((old, 0), (new, 1))
    log, = report.logs
    assert (log.id, log.entity) == ("401.001", f"{GROUP_ENTITY}.host={C0}")
    assert log.text == f"{PREFIX} state change from active-degraded to go-standby on host {C0}"
    _, report = seen((new, 0), (old, 1))
    assert report.logs[0].text == (f"{PREFIX} state change from go-standby to active-degraded on host {C0}; "
                                   "rabbit(enabled-active, degraded)")
    assert seen((old, 0))[1].logs == (), "the first look is no change"


def test_groups_that_are_no_more_have_no_alarms() -> None:
    lost = with_row(domain(groups=[group(CONTROLLER), active_active(WEB)]), WEB, C1, state=GroupState.DISABLED)
    view, _ = seen((lost, 0), (lost, HOLD_MS))
    assert [alarm.id for alarm in view.alarms.values()] == ["400.002"]
    _, report = watch(view, domain(groups=[group(CONTROLLER)]), "controller", 2 * HOLD_MS)
    assert [alarm.id for alarm in report.cleared] == ["400.002"]


def test_a_new_leader_clears_what_its_predecessor_left_and_raises_what_holds() -> None:
    cluster = with_node(domain(groups=[group(CONTROLLER), active_active(WEB)]), C1, current=False, gone=True)
    cluster = with_row(cluster, WEB, C0, status=Status.WARN)
    view, report = watch(first_watch(cluster, "controller"), cluster, "controller", 0)
    assert [(alarm.id, alarm.severity) for alarm in report.raised] == [("400.001", "minor")]
    assert len(report.cleared) == 3 and {alarm.id for alarm in report.cleared} == {"400.001"}
    view, report = watch(view, cluster, "controller", HOLD_MS)
    assert sorted(alarm.entity for alarm in report.raised) == [
        f"service_domain=controller.service_group={name}" for name in (CONTROLLER, WEB)]
    assert report.cleared == ()
    _, report = watch(first_watch(cluster, "controller"), domain(groups=[group(CONTROLLER), active_active(WEB)]),
                      "controller", 0)
    assert report.raised == () and len(report.cleared) == 6


def test_what_a_node_has_not_told_a_new_leader_yet_stands_as_it_was() -> None:
    """Otherwise each change of the leader would clear an alarm and raise it again."""
    failed = with_row(domain(), CONTROLLER, C0, status=Status.FAILED)
    unheard = with_node(domain(), C0, current=False)
    report = seen((failed, 0), (unheard, 1))[1]
    assert report.cleared == () and report.raised == ()
    assert [alarm.id for alarm in seen((failed, 0), (unheard, 1), (domain(), 2))[1].cleared] == ["400.001"]
    gone = with_node(domain(), C0, current=False, gone=True)
    assert [alarm.id for alarm in seen((failed, 0), (unheard, 1), (gone, 2))[1].cleared] == ["400.001"]
    new, _ = watch(first_watch(unheard, "controller"), unheard, "controller", 0)
    after, report = watch(new, failed, "controller", 1)
    assert [alarm.entity for alarm in report.raised if alarm.id == "400.001"] == [f"{GROUP_ENTITY}.host={C0}"]
    assert after.alarms["400.001", f"{GROUP_ENTITY}.host={C0}"].severity == "critical"
