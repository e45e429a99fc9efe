# SPDX-License-Identifier: Apache-2.0
"""Set, keep, refresh and clear of one alarm as a table."""
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import Fault
from fm.core import lifecycle

NOW = datetime(2026, 3, 1, 10, 20, 30, 456, tzinfo=UTC)
LATER = NOW + timedelta(seconds=7)
FAULT = Fault("200.004", AlarmState.SET, "host", "host=worker-0", Severity.CRITICAL, "it failed",
              AlarmType.OPERATIONAL_VIOLATION, "unknown")


def existing(**changes: object) -> lifecycle.SetDecision:
    return lifecycle.decide_set(None, replace(FAULT, **changes), NOW, NOW, "u-1")


def test_a_new_alarm_logs_a_set_event_of_the_same_uuid() -> None:
    decision = existing()
    assert decision.alarm.uuid == "u-1" and decision.alarm.created_at == NOW
    assert decision.event is not None
    assert (decision.event.uuid, decision.event.state, decision.event.timestamp) == ("u-1", AlarmState.SET, NOW)


def test_a_given_uuid_is_kept() -> None:
    given = "0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77"
    decision = existing(uuid=given)
    assert decision.alarm.uuid == given and decision.event is not None and decision.event.uuid == given


@pytest.mark.parametrize("change", [
    {"severity": Severity.MAJOR}, {"reason_text": "worse"}, {"proposed_repair_action": "reboot"},
    {"alarm_type": AlarmType.EQUIPMENT}, {"probable_cause": "out-of-memory"}, {"service_affecting": True},
    {"suppression": True}, {"inhibit_alarms": True}])
def test_a_change_keeps_the_uuid_and_logs_an_event_of_its_own(change: dict[str, object]) -> None:
    decision = lifecycle.decide_set(existing().alarm, replace(FAULT, **change), LATER, LATER, "u-2")
    assert decision.alarm.uuid == "u-1" and decision.alarm.created_at == NOW and decision.alarm.timestamp == LATER
    assert decision.event is not None and decision.event.uuid == "u-2"
    for name, value in change.items():
        assert getattr(decision.alarm, name) == value


def test_a_change_withdraws_the_acknowledgement_and_a_refresh_keeps_it() -> None:
    seen = replace(existing().alarm, ack_user="operator", ack_comment="on it", ack_at=NOW)
    assert lifecycle.decide_set(seen, FAULT, LATER, LATER, "u-2").alarm.ack_user == "operator"
    changed = lifecycle.decide_set(seen, replace(FAULT, severity=Severity.MINOR), LATER, LATER, "u-2").alarm
    assert (changed.ack_user, changed.ack_comment, changed.ack_at) == ("", "", None)


def test_an_unchanged_set_only_refreshes_the_time() -> None:
    decision = lifecycle.decide_set(existing().alarm, FAULT, LATER, LATER, "u-2")
    assert decision.event is None and decision.alarm == replace(
        existing().alarm, timestamp=LATER, last_refreshed=LATER)


def test_an_unchanged_set_is_logged_on_demand() -> None:
    decision = lifecycle.decide_set(existing().alarm, FAULT, LATER, LATER, "u-2", log_unchanged=True)
    assert decision.event is not None and decision.event.uuid == "u-2"


def test_keep_existing_leaves_everything_alone_and_notes_that_the_raiser_lives() -> None:
    fault = replace(FAULT, severity=Severity.MINOR, keep_existing_alarm=True)
    assert lifecycle.decide_set(existing().alarm, fault, LATER, LATER, "u-2") == (
        lifecycle.SetDecision(replace(existing().alarm, last_refreshed=LATER), None))


def test_keep_existing_sets_what_is_not_there() -> None:
    assert existing(keep_existing_alarm=True).event is not None


def test_a_clear_event_copies_the_alarm() -> None:
    event = lifecycle.clear_event(existing().alarm, LATER, "u-9")
    assert (event.uuid, event.state, event.timestamp) == ("u-9", AlarmState.CLEAR, LATER)
    assert (event.severity, event.reason_text) == (Severity.CRITICAL, "it failed")


def test_a_log_without_severity_is_not_applicable() -> None:
    event = lifecycle.log_event(replace(FAULT, alarm_state=AlarmState.MSG, severity=Severity.CLEAR), NOW, "u-3")
    assert (event.state, event.severity) == (AlarmState.LOG, Severity.NOT_APPLICABLE)
