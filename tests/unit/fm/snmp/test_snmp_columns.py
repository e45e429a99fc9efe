# SPDX-License-Identifier: Apache-2.0
"""Values of columns: cuts on whole characters, times, numbers."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fm.contract.enums import AlarmType
from fm.snmp.columns import (
    TEXT_OCTETS_MAX,
    active_value,
    date_and_time,
    event_type,
    event_value,
    from_alarm,
    from_event,
    text,
)
from fm.snmp.objects import ActiveColumn, EventColumn

MOMENT = datetime(2026, 3, 1, 10, 20, 30, 456789, tzinfo=UTC)
OCTETS = bytes((0x07, 0xEA, 3, 1, 10, 20, 30, 4)) + b"+\0\0"
ROW = {"uuid": "u" * 36, "entity_instance_id": "host=ü", "timestamp": MOMENT, "severity": "critical",
       "reason_text": "r", "probable_cause": "threshold-crossed", "proposed_repair_action": "p",
       "service_affecting": True, "suppression": False}


@given(st.text(max_size=400))
def test_a_text_is_cut_between_characters(words: str) -> None:
    octets = text(words)
    assert len(octets) <= TEXT_OCTETS_MAX
    shown = octets.decode()
    whole = words.encode(errors="replace").decode()
    assert whole.startswith(shown)
    if shown != whole:
        assert len(octets) + len(whole[len(shown)].encode()) > TEXT_OCTETS_MAX


def test_a_character_that_does_not_fit_is_left_out() -> None:
    assert text("a" * 254 + "é") == b"a" * 254
    assert text("a" * 253 + "é") == b"a" * 253 + "é".encode()


@pytest.mark.parametrize("moment", [
    MOMENT, MOMENT.replace(tzinfo=None), MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))])
def test_a_time_is_told_in_utc_to_a_tenth_of_a_second(moment: datetime) -> None:
    assert date_and_time(moment) == OCTETS


def test_types_that_the_mib_does_not_know_are_other() -> None:
    assert [event_type(kind) for kind in AlarmType] == [*range(11), 0]
    assert event_type("anything") == 0


def test_an_alarm_shows_in_all_columns() -> None:
    fault = from_alarm({**ROW, "alarm_id": "100.101", "alarm_type": "equipment"}, "system=s.")
    assert {column: active_value(fault, column) for column in ActiveColumn if column > 1} == {
        ActiveColumn.UUID: b"u" * 36, ActiveColumn.ALARM_ID: b"100.101",
        ActiveColumn.ENTITY_INSTANCE_ID: "system=s.host=ü".encode(), ActiveColumn.DATE_AND_TIME: OCTETS,
        ActiveColumn.ALARM_SEVERITY: 4, ActiveColumn.REASON_TEXT: b"r", ActiveColumn.EVENT_TYPE: 4,
        ActiveColumn.PROBABLE_CAUSE: 50, ActiveColumn.PROPOSED_REPAIR_ACTION: b"p", ActiveColumn.SERVICE_AFFECTING: 1,
        ActiveColumn.SUPPRESSION_ALLOWED: 0}


@pytest.mark.parametrize(("state", "number"), [("clear", 0), ("set", 1), ("log", 3)])
def test_an_event_shows_in_all_columns(state: str, number: int) -> None:
    row = {**ROW, "event_log_id": "200.021", "event_log_type": "deployment in progress", "state": state,
           "severity": "not-applicable", "probable_cause": "certificate-expiration", "suppression": True}
    fault = from_event(row, "")
    assert {column: event_value(fault, column) for column in EventColumn if column > 1} == {
        EventColumn.UUID: b"u" * 36, EventColumn.EVENT_ID: b"200.021", EventColumn.STATE: number,
        EventColumn.ENTITY_INSTANCE_ID: "host=ü".encode(), EventColumn.DATE_AND_TIME: OCTETS, EventColumn.SEVERITY: 0,
        EventColumn.REASON_TEXT: b"r", EventColumn.EVENT_TYPE: 0, EventColumn.PROBABLE_CAUSE: 0,
        EventColumn.PROPOSED_REPAIR_ACTION: b"p", EventColumn.SERVICE_AFFECTING: 1, EventColumn.SUPPRESSION_ALLOWED: 1}
