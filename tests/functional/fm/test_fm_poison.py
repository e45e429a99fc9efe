# SPDX-License-Identifier: Apache-2.0
"""Rows that no release of this program would write: lists, summaries, library queries and clears go on. About 5 s."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from flock.db import new_uuid, utcnow
from fm.db.tables import ALARM, EVENT_LOG, EVENT_SUPPRESSION, SILENCE
from tests.functional.fm.cases import Seen, fault

HOSTILE = "\x01\x1b[31m \u202e %s {} </script> \U0001f600 \ufffd " + "x" * 20_000
ODD: list[dict[str, Any]] = [
    {"severity": "catastrophic"}, {"severity": "not-applicable"}, {"severity": "clear"}, {"severity": ""},
    {"alarm_type": "weather"}, {"probable_cause": "sunspots"}, {"entity_instance_id": ""},
    {"entity_type_id": HOSTILE[:250]}, {"reason_text": HOSTILE}, {"entity_instance_id": "..,,==" + HOSTILE[:20]},
    {"updated_at": None}, {"ack_user": HOSTILE[:200], "ack_comment": HOSTILE, "ack_at": None},
    {"time_to_live_s": -5}, {"time_to_live_s": 2**31 - 1}, {"inhibit_alarms": True, "entity_instance_id": "=."}]
# What only an engine without types would take, and what only the other would.
WRONG_TYPES = {
    "sqlite": [{"timestamp": "yesterday"}, {"last_refreshed": "soon"}, {"service_affecting": "perhaps"},
               {"reason_text": b"\xff\xfe"}, {"severity": 5}, {"time_to_live_s": "long"}],
    "postgresql": [{"timestamp": "infinity"}, {"timestamp": "0044-03-15 12:00:00 BC"},
                   {"last_refreshed": "-infinity"}]}


def insert(seen: Seen, table: sa.Table, values: dict[str, Any]) -> None:
    """Write a row as it is: no type of ours looks at it."""
    raw = sa.table(table.name, *(sa.column(name) for name in values))
    with seen.fm.db.writer() as conn:
        conn.execute(sa.insert(raw).values(**values))


def row(number: int, odd: dict[str, Any], type_name: str, id_name: str) -> dict[str, Any]:
    """A whole row with one odd part."""
    now = utcnow().replace(tzinfo=None)
    common = {"uuid": new_uuid(), id_name: "100.101", "entity_type_id": "host",
              "entity_instance_id": f"host=odd{number}", "timestamp": now, "severity": "major", "reason_text": "odd",
              type_name: "other", "probable_cause": "unknown", "proposed_repair_action": "",
              "service_affecting": False, "suppression": True, "created_at": now}
    return {**common, **odd}


@pytest.fixture
def poisoned(seen: Seen) -> Iterator[Seen]:
    """A service with two good alarms among many odd rows in every table that lists read."""
    seen.v2.set_fault(fault("100.101", "host=good1"))
    odd = ODD + WRONG_TYPES[seen.fm.db.url.get_backend_name()]
    now = utcnow().replace(tzinfo=None)
    for number, part in enumerate(odd):
        alarm = row(number, part, "alarm_type", "alarm_id")
        insert(seen, ALARM, {"inhibit_alarms": False, "ack_user": "", "ack_comment": "", "last_refreshed": now,
                             "time_to_live_s": 0, "flapping": False, **alarm})
        event = {name: value for name, value in row(number, part, "event_log_type", "event_log_id").items()
                 if name in EVENT_LOG.c}
        insert(seen, EVENT_LOG, {"state": ("set", "clear", "weird")[number % 3], **event})
    entry = {"description": HOSTILE[:200], "set_for_deletion": False, "degrade_affecting": "sometimes"}
    insert(seen, EVENT_SUPPRESSION, {"uuid": new_uuid(), "alarm_id": "odd", "suppression_status": "maybe",
                                     "mgmt_affecting": "often", "created_at": now, **entry})
    of_odd_id = row(99, {"alarm_id": "odd"}, "alarm_type", "alarm_id")
    insert(seen, ALARM, {"inhibit_alarms": False, "ack_user": "", "ack_comment": "", "last_refreshed": now,
                         "time_to_live_s": 0, "flapping": False, **of_odd_id})
    insert(seen, SILENCE, {"uuid": new_uuid(), "alarm_id": "", "entity_instance_id": "=", "comment": HOSTILE,
                           "created_by": "", "created_at": now})
    seen.v2.set_fault(fault("100.103", "host=good2", "critical"))
    yield seen
    with seen.fm.db.writer() as conn:
        for table in (ALARM, EVENT_LOG, SILENCE):
            conn.execute(sa.delete(table))
        conn.execute(sa.delete(EVENT_SUPPRESSION).where(EVENT_SUPPRESSION.c.alarm_id == "odd"))


GOOD = {"host=good1", "host=good2"}


ALARM_LISTS = ("alarms", "alarms/detail", "alarms?full=True", "alarms?with_count=True", "alarms?sort_key=timestamp",
               "alarms?q.field=severity&q.op=ge&q.value=warning", "alarms?include_suppress=True&limit=1000")
EVENT_LISTS = ("event_log", "event_log/detail", "event_log?limit=500",
               "event_log?include_suppress=True&with_count=True")
OTHERS = ("alarms/summary", "alarms/summary?by=host", "alarms/summary?by=group", "event_suppression", "silences",
          "event_log?format=csv")


def ask(seen: Seen, path: str) -> Any:
    reply = seen.http.get(path if path.startswith("http") else f"{seen.fm.base}/v1/{path}")
    assert reply.status_code == 200, (path, reply.text)
    return reply.json() if "json" in reply.headers["Content-Type"] else reply.text


def test_every_view_answers_and_shows_the_good_ones(poisoned: Seen) -> None:
    for path in ALARM_LISTS:
        alarms = ask(poisoned, path)["alarms"]
        assert {alarm["entity_instance_id"] for alarm in alarms} >= GOOD, path
        assert len(alarms) > 8, "odd rows that can be shown are shown"
    for path in EVENT_LISTS:
        assert {event["entity_instance_id"] for event in ask(poisoned, path)["event_log"]} >= GOOD, path
    for path in OTHERS:
        ask(poisoned, path)
    assert poisoned.summary()["critical"] == 1
    assert "host=good1" in poisoned.cli("alarm-list") and "host=good1" in poisoned.cli("event-list", "--nopaging")
    for collection in ("alarms", "event_log"):
        found: set[str] = set()
        url = f"{collection}?limit=7"
        while url:
            page = ask(poisoned, url)
            found |= {item["entity_instance_id"] for item in page[collection]}
            url = page.get("next")
        assert found >= GOOD


def test_raisers_go_on(poisoned: Seen) -> None:
    found = poisoned.v2.get_faults_by_id("100.101")
    assert found is not None and "host=good1" in {alarm.entity_instance_id for alarm in found}
    for number in range(len(ODD)):
        poisoned.v2.set_fault(fault("100.101", f"host=odd{number}", "minor"))
        assert poisoned.v2.clear_fault("100.101", f"host=odd{number}") is True
    assert poisoned.v2.clear_all("host=good1") is True
    assert poisoned.v2.clear_all("host=good2") is True
