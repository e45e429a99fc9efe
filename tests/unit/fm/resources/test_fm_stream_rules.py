# SPDX-License-Identifier: Apache-2.0
"""Where a stream begins, which events it carries (the same as the event list on SQL), and how they are written."""
from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flock.core.errors import FlockError
from flock.db import Database, new_uuid
from flock.db.inserts import insert_all
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.core.filters import parse
from fm.core.records import Event
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.resources.event_log import store as events
from fm.resources.event_stream import rules
from fm.resources.event_stream.rules import Start

AT = datetime(2026, 3, 1, 10, 20, 30, tzinfo=UTC)


@pytest.mark.parametrize(("after", "oldest", "newest", "begin"), [
    (None, 5, 9, Start(9)), (None, None, 0, Start(0)), (9, 5, 9, Start(9)), (5, 5, 9, Start(5)), (4, 5, 9, Start(4)),
    (0, 1, 9, Start(0)), (0, None, 0, Start(0)),
    (3, 5, 9, Start(4, {"after": 3, "oldest": 5, "newest": 9})),
    (0, 2, 9, Start(1, {"after": 0, "oldest": 2, "newest": 9})),
    (10, 5, 9, Start(9, {"after": 10, "oldest": 5, "newest": 9})),
    (7, None, 0, Start(0, {"after": 7, "oldest": None, "newest": 0}))])
def test_where_to_begin(after: int | None, oldest: int | None, newest: int, begin: Start) -> None:
    assert rules.start(after, oldest, newest) == begin


@pytest.mark.parametrize("text", ["-1", "x", "1.0", "9223372036854775808", "1" * 400, "\u0661"])
def test_a_bad_event_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(FlockError) as caught:
        rules.parse_id("after", text)
    assert caught.value.http == 400 and "after" in str(caught.value)
    assert rules.parse_id("after", "") is None and rules.parse_id("after", str(rules.ID_MAX)) == rules.ID_MAX


FILTERS = [
    ("severity", "eq", "ma"), ("severity", "ne", "major"), ("severity", "ge", "minor"), ("severity", "lt", "major"),
    ("entity_instance_id", "eq", "c1"), ("entity_instance_id", "ne", "c1"), ("entity_instance_id", "gt", "host=c1"),
    ("event_log_id", "eq", "200"), ("event_log_type", "eq", "equipment"), ("event_log_type", "eq", "equip"),
    ("event_log_type", "ne", "equipment"), ("entity_type_id", "eq", ""), ("start", "eq", "2026-03-01T10:20:35"),
    ("end", "eq", "2026-03-01T10:20:35"), ("uuid", "eq", "x")]


def stored(database: Database) -> None:
    METADATA.create_all(database.engine)
    synchronise(database)
    found = []
    mixed = itertools.product(("200.004", "100.101", "200.020"), ("host=c1", "host=c10.port=C1"),
                              (AlarmState.SET, AlarmState.CLEAR, AlarmState.LOG),
                              ((Severity.CRITICAL, AlarmType.EQUIPMENT), (Severity.MAJOR, AlarmType.OTHER),
                               (Severity.NOT_APPLICABLE, AlarmType.EQUIPMENT)))
    for number, (ident, entity, state, (severity, kind)) in enumerate(mixed):
        found.append(Event(new_uuid(), ident, state, "host", entity, AT + timedelta(seconds=number / 4), severity, "r",
                           kind, "unknown", "", False, False))
    with database.writer() as conn:
        insert_all(conn, [events.new_rows(found, AT)])
        conn.exec_driver_sql(
            "UPDATE event_suppression SET suppression_status = 'suppressed' WHERE alarm_id = '100.101'")


def test_a_row_is_judged_as_the_event_list_judges_it(database: Database) -> None:
    stored(database)
    states: list[tuple[str, ...]] = [(), events.ALARM_STATES, events.LOG_STATES]
    with database.reader() as conn:
        rows = events.after_id(conn, 0, 1000)
        for one, chosen, hidden_too in itertools.product([(), *((item,) for item in FILTERS)], states, (False, True)):
            filters = parse([field for field, _, _ in one], [op for _, op, _ in one], [value for _, _, value in one],
                            events.FILTER_FIELDS)
            listed = events.listing(conn, filters=filters, states=chosen, include_suppress=hidden_too,
                                    sort=(("id", False),), marker=None, limit=None) or []
            judge = rules.wanted(filters, chosen, hidden_too)
            assert [row["id"] for row in rows if judge(row)] == [row["id"] for row in listed], (one, chosen, hidden_too)
    assert len(rows) == 54


def test_frames() -> None:
    row: dict[str, Any] = {"state": "clear"}
    frame = rules.event_frame(7, row, {"reason_text": "two\nlines \u00e9"}).decode()
    head, data, *rest = frame.split("\ndata: ")
    assert head == "id: 7\nevent: fm.alarm.clear" and not rest and data.endswith("\n\n")
    assert data.count("\n") == 2, "a line end in a text must not end the message"
    assert json.loads(data) == {"reason_text": "two\nlines \u00e9"}
    assert rules.gap_frame(rules.start(3, 5, 9)) == (
        b'id: 4\nevent: fm.stream.gap\ndata: {"after": 3, "oldest": 5, "newest": 9}\n\n')
    assert rules.heartbeat(4) == b": heartbeat\nid: 4\n\n" and rules.comment("x") == b": x\n\n"
    assert rules.retry(3000) == b"retry: 3000\n\n"
