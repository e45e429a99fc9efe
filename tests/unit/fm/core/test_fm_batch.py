# SPDX-License-Identifier: Apache-2.0
"""Batches: order, refusals that stop nobody, containment of clears, net change, notices."""
from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultOutcome, FaultRequest
from fm.core.batch import Batch, touched
from fm.core.ledger import Scene
from fm.core.records import Alarm, NoticeKind

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KNOWN = {"100.101": False, "100.114": False, "200.001": False, "300.001": True}
UUID = "0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77"


def fault(alarm_id: str, entity: str, **changes: object) -> Fault:
    base = Fault(alarm_id, AlarmState.SET, "host", entity, Severity.MAJOR, "reason", AlarmType.OTHER, "unknown")
    return replace(base, **changes)


def batch(alarms: list[Alarm] | None = None, used: tuple[str, ...] = ()) -> Batch:
    numbers = itertools.count(1)
    return Batch(Scene(alarms or [], KNOWN, used), NOW, lambda: f"fresh-{next(numbers)}")


def put(work: Batch, *items: object) -> list[FaultOutcome]:
    return [work.apply(FaultRequest(str(number), **item)) for number, item in enumerate(items)]  # type: ignore[arg-type]


def active(work: Batch) -> list[tuple[str, str]]:
    change = work.net_change()
    return sorted(alarm.key for alarm in (*change.inserted, *(update.alarm for update in change.updated)))


def code(outcome: FaultOutcome) -> object:
    return outcome.error and outcome.error["code"]


def test_requests_take_effect_in_order() -> None:
    work = batch()
    outcomes = put(work, {"fault": fault("100.101", "host=a")}, {"clear": AlarmKey("100.101", "host=a")},
                   {"fault": fault("100.101", "host=a")})
    assert [outcome.count for outcome in outcomes] == [1, 1, 1]
    assert [event.state.value for event in work.events] == ["set", "clear", "set"]
    change = work.net_change()
    assert [alarm.uuid for alarm in change.inserted] == [outcomes[2].uuid] and not change.updated


def test_one_bad_request_stops_nobody() -> None:
    work = batch()
    outcomes = put(work, {"fault": fault("999.001", "host=a")}, {"fault": fault("100.101", "")}, {},
                   {"fault": fault("100.101", "host=a"), "clear": AlarmKey("100.101", "host=b")},
                   {"fault": fault("100.101", "host=ok")})
    assert [code(outcome) for outcome in outcomes] == [
        "fm.alarm.unknown_id", "fm.fault.invalid", "fm.fault.invalid", "fm.fault.invalid", None]
    assert active(work) == [("100.101", "host=ok")]


@pytest.mark.parametrize(("cleared", "left"), [
    ("host=c0", ["host=c01", "host=c0x", "other=c0"]),
    ("host=c0.ntp", ["host=c0", "host=c0,x=1", "host=c0.ntp=10.0.0.1", "host=c0.port=p", "host=c01", "host=c0x",
                     "other=c0"]),
    ("host=c0.port=p", ["host=c0", "host=c0,x=1", "host=c0.ntp", "host=c0.ntp=10.0.0.1", "host=c01", "host=c0x",
                        "other=c0"]),
    ("%", ["host=c0", "host=c0,x=1", "host=c0.ntp", "host=c0.ntp=10.0.0.1", "host=c0.port=p", "host=c01", "host=c0x",
           "other=c0"])])
def test_clears_follow_containment(cleared: str, left: list[str]) -> None:
    for form in ({"clear": AlarmKey("100.114", cleared)}, {"clear_all_below": cleared}):
        work = batch()
        everything = ["host=c0", "host=c0.ntp", "host=c0.ntp=10.0.0.1", "host=c0.port=p", "host=c0,x=1", "host=c01",
                      "host=c0x", "other=c0"]
        put(work, *({"fault": fault("100.114", entity)} for entity in everything))
        put(work, form)
        assert [entity for _, entity in active(work)] == sorted(left)


def test_an_exact_clear_leaves_what_is_below() -> None:
    work = batch()
    put(work, {"fault": fault("100.114", "host=a")}, {"fault": fault("100.114", "host=a.ntp")},
        {"clear": AlarmKey("100.114", "host=a"), "clear_exact": True})
    assert active(work) == [("100.114", "host=a.ntp")]


def test_clear_all_tells_outputs_once_more() -> None:
    work = batch()
    put(work, {"fault": fault("300.001", "host=c0.port=u1")}, {"fault": fault("100.101", "host=c0")},
        {"clear_all_below": "host=c0"}, {"clear_all_below": "host=c0"})
    assert [event.state.value for event in work.events] == ["set", "set", "clear", "clear"]
    # 300.001 is suppressed by the operator: stored, told to the system log only.
    assert [(notice.kind, notice.hidden, notice.swept) for notice in work.notices] == [
        (NoticeKind.SET, True, False), (NoticeKind.SET, False, False), (NoticeKind.CLEAR, True, True),
        (NoticeKind.CLEAR, False, True), (NoticeKind.HIERARCHICAL_CLEAR, False, False)]


def test_a_notice_knows_its_alarm() -> None:
    work = batch()
    put(work, {"fault": fault("100.101", "host=c0", severity=Severity.MAJOR)},
        {"fault": fault("100.101", "host=c0", severity=Severity.CRITICAL)}, {"clear": AlarmKey("100.101", "host=c0")})
    first, second, last = work.notices
    assert first.alarm_uuid == second.alarm_uuid == last.alarm_uuid == first.event.uuid != second.event.uuid
    assert first.raised_at == second.raised_at == last.raised_at == NOW
    assert [notice.severity_before for notice in work.notices] == [None, Severity.MAJOR, Severity.CRITICAL]


def test_a_fault_of_state_clear_clears_its_pair() -> None:
    work = batch()
    outcomes = put(work, {"fault": fault("100.101", "host=a")},
                   {"fault": fault("100.101", "host=a", alarm_state=AlarmState.CLEAR)})
    assert outcomes[1].count == 1 and active(work) == []


def test_a_uuid_in_use_is_a_conflict_unless_the_pair_is_active() -> None:
    work = batch(used=(UUID,))
    assert code(put(work, {"fault": fault("100.101", "host=a", uuid=UUID)})[0]) == "fm.alarm.uuid_in_use"
    put(work, {"fault": fault("100.101", "host=a")})
    assert code(put(work, {"fault": fault("100.101", "host=a", uuid=UUID, reason_text="new")})[0]) is None


def test_logs_take_any_id_and_touch_no_alarm() -> None:
    work = batch()
    outcome, = put(work, {"fault": fault("999.999", "host=a", alarm_state=AlarmState.LOG, severity=Severity.CLEAR)})
    assert outcome.uuid == work.events[0].uuid and work.events[0].state is AlarmState.LOG
    assert work.net_change().inserted == ()


def test_touched_names_what_must_be_loaded_and_nothing_unstorable() -> None:
    scope = touched([
        FaultRequest("1", fault=fault("100.101", "host=a", uuid=UUID)), FaultRequest("2", clear_all_below="host=b"),
        FaultRequest("3", clear=AlarmKey("100.101", "host=c")),
        FaultRequest("4", clear=AlarmKey("100.101", "host=d"), clear_exact=True),
        FaultRequest("5", fault=fault("100.101", "nul\x00")), FaultRequest("6", clear_all_below="x" * 300)])
    assert (scope.entities, scope.below, scope.uuids) == ({"host=a", "host=d"}, {"host=b", "host=c"}, {UUID})
