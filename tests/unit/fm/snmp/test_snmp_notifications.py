# SPDX-License-Identifier: Apache-2.0
"""Which notification tells a notice, and its variables in their order."""
from __future__ import annotations

from typing import Any

import pytest

from fm.core.notice import WARM_START_NOTICE
from fm.core.records import NoticeKind
from fm.snmp.notifications import notification
from fm.snmp.objects import ACTIVE_ENTRY, EVENT_ENTRY, NOTIFICATIONS, WARM_START

PAYLOAD: dict[str, Any] = {
    "kind": NoticeKind.SET.value, "uuid": "u" * 36, "event_log_id": "100.101", "state": "set", "entity_type_id": "host",
    "entity_instance_id": "host=c0", "timestamp": "2026-03-01T10:20:30.456789", "severity": "major",
    "reason_text": "hot", "event_log_type": "equipment", "probable_cause": "threshold-crossed",
    "proposed_repair_action": "cool",
    "service_affecting": True, "suppression": True}
WHERE = b"region=R.system=S.host=c0"
WHEN = bytes((0x07, 0xEA, 3, 1, 10, 20, 30, 4)) + b"+\0\0"


def told(**changes: Any) -> tuple[tuple[int, ...], list[tuple[tuple[int, ...], Any]]]:
    found = notification(PAYLOAD | changes, "R", "S")
    return found.trap_oid, list(found.variables)


@pytest.mark.parametrize(("severity", "number", "rank"), [
    ("critical", 1, 4), ("major", 2, 3), ("minor", 3, 2), ("warning", 4, 1)])
def test_a_raised_alarm_is_told_by_its_severity(severity: str, number: int, rank: int) -> None:
    oid, variables = told(severity=severity)
    assert oid == (*NOTIFICATIONS, number)
    assert variables == [((*ACTIVE_ENTRY, column, 0), value) for column, value in (
        (3, b"100.101"), (4, WHERE), (5, WHEN), (6, rank), (7, b"hot"), (8, 4), (9, 50), (10, b"cool"), (11, 1),
        (12, 1))]


def test_a_clear_is_told_short() -> None:
    oid, variables = told(kind=NoticeKind.CLEAR.value, state="clear")
    assert oid == (*NOTIFICATIONS, 9)
    assert variables == [((*ACTIVE_ENTRY, column, 0), value)
                         for column, value in ((3, b"100.101"), (4, WHERE), (5, WHEN), (7, b"hot"))]


def test_a_hierarchical_clear_names_no_alarm() -> None:
    oid, variables = told(kind=NoticeKind.HIERARCHICAL_CLEAR.value, state="clear", event_log_id=" ")
    assert oid == (*NOTIFICATIONS, 99)
    assert variables == [((*ACTIVE_ENTRY, column, 0), value) for column, value in ((4, WHERE), (5, WHEN), (7, b"hot"))]


def test_a_log_is_a_message_of_the_event_table() -> None:
    oid, variables = told(kind=NoticeKind.LOG.value, state="log", severity="not-applicable", event_log_id="200.021")
    assert oid == (*NOTIFICATIONS, 5)
    assert variables == [((*EVENT_ENTRY, column, 0), value) for column, value in (
        (3, b"200.021"), (5, WHERE), (6, WHEN), (7, 0), (8, b"hot"), (9, 4), (10, 50), (11, b"N/A"), (12, 1), (13, 0))]


def test_a_severity_of_none_is_a_message() -> None:
    assert told(severity="not-applicable")[0] == (*NOTIFICATIONS, 5)


def test_a_change_of_suppression_is_the_standard_warm_start() -> None:
    found = notification(WARM_START_NOTICE, "R", "S")
    assert (found.trap_oid, found.variables) == (WARM_START, ())
