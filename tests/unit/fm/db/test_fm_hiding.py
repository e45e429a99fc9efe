# SPDX-License-Identifier: Apache-2.0
"""What SQL finds silenced is what the rule says, with the silences named in the condition and with too many for that.
"""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from flock.db import new_uuid
from flock.sim import scaled
from fm.core.silencing import NO_SILENCES, Silences
from fm.db import hiding
from fm.db.tables import ALARM, EVENT_LOG, EVENT_SUPPRESSION, METADATA, SILENCE
from fm.resources.silence import store

NOW = datetime(2026, 3, 1, tzinfo=UTC)
IDS = ("100.101", "100.102")
ENTITY = st.text(alphabet="ab=.,%_", min_size=1, max_size=5)
ENDS = st.sampled_from([None, NOW - timedelta(seconds=1), NOW, NOW + timedelta(seconds=1)])
SILENCED = st.tuples(st.none() | st.sampled_from(IDS), st.none() | ENTITY, ENDS)
COMMON = {"entity_type_id": "t", "timestamp": NOW, "severity": "major", "reason_text": "", "probable_cause": "unknown",
          "proposed_repair_action": "", "service_affecting": False, "suppression": False}


def fill(conn: sa.Connection, silences: list[tuple[str | None, str | None, datetime | None]],
         pairs: set[tuple[str, str]]) -> None:
    METADATA.create_all(conn)
    conn.execute(sa.insert(EVENT_SUPPRESSION), [
        {"alarm_id": ident, "description": "", "suppression_status": "unsuppressed", "set_for_deletion": False,
         "mgmt_affecting": "none", "degrade_affecting": "none"} for ident in IDS])
    for ident, entity, end in silences:
        store.insert(conn, new_uuid(), {"alarm_id": ident, "entity_instance_id": entity, "expires_at": end,
                                        "comment": "", "created_by": ""}, NOW)
    for ident, entity in pairs:
        conn.execute(sa.insert(ALARM).values(
            **COMMON, alarm_id=ident, entity_instance_id=entity, alarm_type="other", inhibit_alarms=False,
            ack_comment="", last_refreshed=NOW))
        for state in ("set", "log"):
            conn.execute(sa.insert(EVENT_LOG).values(
                **COMMON, event_log_id=ident, entity_instance_id=entity, event_log_type="other", state=state))


def chosen(conn: sa.Connection, table: sa.Table, ident: str, condition: sa.ColumnElement[bool] | None,
           **values: str) -> set[tuple[str, str]]:
    query = sa.select(table.c[ident], table.c.entity_instance_id).where(
        sa.false() if condition is None else condition, *(table.c[name] == value for name, value in values.items()))
    return {(row[0], row[1]) for row in conn.execute(query)}


@pytest.mark.parametrize("few", [hiding.FEW, -1])
@pytest.mark.soak
@settings(max_examples=scaled(60), deadline=None)
@given(silences=st.lists(SILENCED, max_size=4), pairs=st.sets(st.tuples(st.sampled_from(IDS), ENTITY), max_size=5))
def test_sql_agrees_with_the_rule(few: int, silences: list[tuple[str | None, str | None, datetime | None]],
                                  pairs: set[tuple[str, str]]) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as conn:
        fill(conn, silences, pairs)
        rule = store.silences(conn, NOW)
        hides = hiding.read(conn, NOW)
        if few < 0:
            hides = hiding.Hiding(NOW, None, ())
        expected = {pair for pair in pairs if rule.hiding(*pair) is not None}
        assert chosen(conn, ALARM, "alarm_id", hides.alarm_silenced()) == expected
        assert chosen(conn, EVENT_LOG, "event_log_id", hides.event_silenced(), state="set") == expected
        assert chosen(conn, EVENT_LOG, "event_log_id", hides.event_silenced(), state="log") == set()
        known, found = hiding.known_ids(conn, IDS, NOW)
        assert known == dict.fromkeys(IDS, False)
        assert {pair for pair in pairs if found.hiding(*pair) is not None} == expected
        assert store.number(conn, NOW) == len([end for _, _, end in silences if end is None or end > NOW])
    engine.dispose()


def test_nothing_is_added_to_conditions_when_there_is_no_silence() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as conn:
        METADATA.create_all(conn)
        hides = hiding.read(conn, NOW)
        assert (hides.alarm_silenced(), hides.event_silenced(), hiding.silences(conn, NOW)) == (None, None, hides)
        assert str(hides.not_masked()) == "true" and hiding.known_ids(conn, [], NOW) == ({}, NO_SILENCES)
    engine.dispose()


def test_more_than_a_few_are_not_named() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as conn:
        fill(conn, [("100.101", f"host=h{number}", None) for number in range(hiding.FEW)], set())
        assert len(hiding.read(conn, NOW).silences or ()) == hiding.FEW
        store.insert(conn, new_uuid(), {"alarm_id": "100.101", "entity_instance_id": None, "expires_at": None,
                                        "comment": "", "created_by": ""}, NOW)
        assert hiding.read(conn, NOW).silences is None and hiding.silences(conn, NOW).silences is None
    engine.dispose()


def test_ended_silences_are_removed_and_the_next_end_is_known() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as conn:
        later = NOW + timedelta(hours=1)
        fill(conn, [("100.101", None, NOW), ("100.101", None, later), ("100.102", None, None)], set())
        assert (store.next_end(conn), store.number(conn, NOW)) == (NOW, 2)
        assert store.delete_expired(conn, NOW) == 1 and store.next_end(conn) == later
        assert conn.execute(sa.select(sa.func.count()).select_from(SILENCE)).scalar() == 2
        assert isinstance(store.silences(conn, NOW), Silences)
    engine.dispose()
