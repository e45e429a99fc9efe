# SPDX-License-Identifier: Apache-2.0
"""Trap messages of each kind, with the numbers and cuts that the MIB wants."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import Fault
from fm.core import lifecycle, notice
from fm.core.records import Event, Notice, NoticeKind

NOW = datetime(2026, 3, 1, 10, 20, 30, tzinfo=UTC)
FAULT = Fault("200.004", AlarmState.SET, "host", "host=a", Severity.CRITICAL, "r" * 600,
              AlarmType.DEPLOYMENT_IN_PROGRESS, "certificate-expiration", "p" * 600)
ALARM = lifecycle.decide_set(None, FAULT, NOW, NOW, "u").alarm


def trap(kind: NoticeKind, event: Event) -> dict[str, object]:
    return notice.trap_message(notice.as_payload(Notice(kind, event)), "R", "s")


@pytest.mark.parametrize(("kind", "event", "operation", "keys"), [
    (NoticeKind.SET, lifecycle.event_of(ALARM, AlarmState.SET, "u", NOW), "wrsAlarmCritical", 11),
    (NoticeKind.CLEAR, lifecycle.clear_event(ALARM, NOW, "u"), "wrsAlarmClear", 5),
    (NoticeKind.HIERARCHICAL_CLEAR, lifecycle.hierarchical_clear("host=a", NOW, "u"), "wrsAlarmHierarchicalClear", 4),
    (NoticeKind.LOG, lifecycle.log_event(FAULT, NOW, "u"), "wrsAlarmMessage", 11)])
def test_kinds(kind: NoticeKind, event: Event, operation: str, keys: int) -> None:
    message = trap(kind, event)
    alarm = message["alarm"]
    assert message["operation_type"] == operation and isinstance(alarm, dict) and len(alarm) == keys
    assert all(isinstance(value, str) and len(value) <= 254 for value in alarm.values())


def test_what_the_mib_does_not_know_becomes_zero() -> None:
    alarm = trap(NoticeKind.SET, lifecycle.event_of(ALARM, AlarmState.SET, "u", NOW))["alarm"]
    assert isinstance(alarm, dict)
    assert (alarm["wrsAlarmActiveEventType"], alarm["wrsAlarmActiveProbableCause"]) == ("0", "0")
