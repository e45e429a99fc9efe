# SPDX-License-Identifier: Apache-2.0
"""Requests against the tables over a database: exact, next, bulk; what is hidden; what a transaction reads."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from flock.db import Database, utcnow
from fm.db.tables import ALARM, EVENT_LOG, EVENT_SUPPRESSION, METADATA, SILENCE
from fm.snmp.agentx.messages import Get, GetBulk, SearchRange, Syntax, Variable
from fm.snmp.objects import ACTIVE_ENTRY, ACTIVE_TABLE, EVENT_ENTRY, EVENT_TABLE, OBJECTS, ActiveColumn, Oid
from fm.snmp.responder import RANGES_MAX, REPETITIONS_MAX, Responder
from fm.snmp.tables import active_table, event_table

BASE = {"entity_type_id": "host", "severity": "major", "reason_text": "r", "probable_cause": "unknown",
        "proposed_repair_action": "p", "service_affecting": True, "suppression": True}
ALARM_BASE = {**BASE, "alarm_type": "equipment", "inhibit_alarms": False, "ack_comment": ""}
EVENT_BASE = {**BASE, "event_log_type": "equipment", "state": "set"}


class Desk:
    """The responder with the database behind it, and how often it was asked."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.readers = 0
        self.responder = Responder((active_table("sys"), event_table("sys")), self.reader)
        self._transaction = 0

    def reader(self) -> Any:
        self.readers += 1
        return self.db.reader()

    def alarm(self, number: int, alarm_id: str = "100.101", **values: Any) -> None:
        row = {**ALARM_BASE, "id": number, "alarm_id": alarm_id, "entity_instance_id": f"host=h{number}",
               "timestamp": utcnow(), "last_refreshed": utcnow(), **values}
        with self.db.writer() as conn:
            conn.execute(sa.insert(ALARM).values(row))

    def event(self, number: int, event_log_id: str = "100.101", **values: Any) -> None:
        row = {**EVENT_BASE, "id": number, "event_log_id": event_log_id, "entity_instance_id": "host=h",
               "timestamp": utcnow(), **values}
        with self.db.writer() as conn:
            conn.execute(sa.insert(EVENT_LOG).values(row))

    def ask(self, request: Get | GetBulk, transaction: int | None = None, now_s: float = 0.0) -> tuple[Variable, ...]:
        self._transaction += 1
        return self.responder.answer(request, transaction or self._transaction, now_s).variables

    def get(self, name: Oid) -> Variable:
        return self.ask(Get((SearchRange(name),)))[0]

    def following(self, name: Oid, end: Oid = (), include: bool = False, **more: Any) -> Variable:
        return self.ask(Get((SearchRange(name, end, include),), following=True), **more)[0]

    def walk(self, table: Oid) -> list[Oid]:
        """All names of a table as a manager finds them."""
        found, end = [table], (*table[:-1], table[-1] + 1)
        while (variable := self.following(found[-1], end)).syntax is not Syntax.END_OF_MIB_VIEW:
            found.append(variable.name)
        return found[1:]


@pytest.fixture
def desk(database: Database) -> Desk:
    METADATA.create_all(database.engine)
    with database.writer() as conn:
        for alarm_id, status in (("100.101", "unsuppressed"), ("100.102", "suppressed"), ("200.001", "unsuppressed")):
            conn.execute(sa.insert(EVENT_SUPPRESSION).values(
                alarm_id=alarm_id, description="d", suppression_status=status, set_for_deletion=False,
                mgmt_affecting="none", degrade_affecting="none"))
    return Desk(database)


def test_a_walk_goes_through_columns_and_rows(desk: Desk) -> None:
    for number in (3, 7, 12):
        desk.alarm(number)
    assert desk.walk(ACTIVE_TABLE) == [(*ACTIVE_ENTRY, column, row) for column in range(2, 13) for row in (3, 7, 12)]
    desk.event(5)
    assert desk.walk(EVENT_TABLE) == [(*EVENT_ENTRY, column, 5) for column in range(2, 14)]


def test_a_walk_of_everything_goes_from_one_table_into_the_other(desk: Desk) -> None:
    desk.alarm(1)
    desk.event(1)
    assert desk.following((*ACTIVE_ENTRY, 12, 1)).name == (*EVENT_ENTRY, 2, 1)
    assert desk.following((*ACTIVE_ENTRY, 12, 1), EVENT_TABLE).syntax is Syntax.END_OF_MIB_VIEW
    assert desk.following(OBJECTS).name == (*ACTIVE_ENTRY, 2, 1)


def test_suppressed_and_masked_alarms_are_not_there(desk: Desk) -> None:
    desk.alarm(1, "100.102")
    desk.alarm(2, "200.001", entity_instance_id="host=x", inhibit_alarms=True, suppression=False)
    desk.alarm(3, entity_instance_id="host=x.port=1")
    desk.alarm(4)
    assert [name[-1] for name in desk.walk(ACTIVE_TABLE)[:3]] == [2, 4, 2]
    assert desk.get((*ACTIVE_ENTRY, 3, 1)).syntax is Syntax.NO_SUCH_INSTANCE
    assert desk.get((*ACTIVE_ENTRY, 3, 3)).syntax is Syntax.NO_SUCH_INSTANCE


def test_silenced_alarms_and_their_events_are_not_there(desk: Desk) -> None:
    desk.alarm(1, entity_instance_id="host=x.port=1")
    desk.alarm(2, entity_instance_id="host=xy")
    desk.event(1, entity_instance_id="host=x.port=1")
    with desk.db.writer() as conn:
        conn.execute(sa.insert(SILENCE).values(entity_instance_id="host=x", comment="", created_by="operator"))
    assert [name[-1] for name in desk.walk(ACTIVE_TABLE)[:2]] == [2, 2]
    assert desk.walk(EVENT_TABLE) == []


def test_logs_are_shown_whatever_is_suppressed(desk: Desk) -> None:
    desk.event(1, "100.102")
    desk.event(2, "100.102", state="log")
    desk.event(3, "200.021", state="log")
    assert [name[-1] for name in desk.walk(EVENT_TABLE)[:3]] == [2, 3, 2]


def test_exact_names(desk: Desk) -> None:
    desk.alarm(4, entity_instance_id="host=ü")
    assert desk.get((*ACTIVE_ENTRY, ActiveColumn.ENTITY_INSTANCE_ID, 4)) == Variable(
        (*ACTIVE_ENTRY, 4, 4), Syntax.OCTET_STRING, "system=sys.host=ü".encode())
    assert desk.get((*ACTIVE_ENTRY, ActiveColumn.ALARM_SEVERITY, 4)).value == 3
    for rest in ((3, 5), (3,), (3, 4, 0), (3, 2**32 - 1)):
        assert desk.get((*ACTIVE_ENTRY, *rest)).syntax is Syntax.NO_SUCH_INSTANCE, rest
    for name in ((*ACTIVE_ENTRY, 1, 4), (*ACTIVE_ENTRY, 13, 4), OBJECTS):
        assert desk.get(name).syntax is Syntax.NO_SUCH_OBJECT, name


def test_the_start_itself_counts_when_it_is_included(desk: Desk) -> None:
    desk.alarm(4)
    assert desk.following((*ACTIVE_ENTRY, 3, 4), include=True).name == (*ACTIVE_ENTRY, 3, 4)
    assert desk.following((*ACTIVE_ENTRY, 3, 4)).name == (*ACTIVE_ENTRY, 4, 4)


def test_bulk_repeats_until_the_end(desk: Desk) -> None:
    for number in range(1, 6):
        desk.alarm(number)
    end = (*ACTIVE_ENTRY, 4)
    found = desk.ask(GetBulk((SearchRange(ACTIVE_TABLE), SearchRange((*ACTIVE_ENTRY, 3), end)), 1, 10))
    assert [variable.name for variable in found] == [
        (*ACTIVE_ENTRY, 2, 1), *((*ACTIVE_ENTRY, 3, row) for row in range(1, 6)), (*ACTIVE_ENTRY, 3, 5)]
    assert found[-1].syntax is Syntax.END_OF_MIB_VIEW


def test_answers_are_bounded(desk: Desk) -> None:
    for number in range(1, 130):
        desk.alarm(number)
    assert len(desk.ask(GetBulk((SearchRange(ACTIVE_TABLE),), 0, 65535))) == REPETITIONS_MAX
    refused = desk.responder.answer(Get((SearchRange(ACTIVE_TABLE),) * (RANGES_MAX + 1)), 1, 0.0)
    assert refused.fault != 0 and refused.variables == ()


def test_rows_of_one_transaction_are_read_ahead_and_those_of_the_next_anew(desk: Desk) -> None:
    for number in range(1, 51):
        desk.alarm(number)
    name = ACTIVE_TABLE
    for _ in range(50):
        name = desk.following(name, transaction=77).name
    assert name == (*ACTIVE_ENTRY, 2, 50) and desk.readers == 3  # 1, then 8, then up to 64 rows
    for row in range(50):
        desk.following((*ACTIVE_ENTRY, 3, row), transaction=76)
    assert desk.readers == 4  # as many at once as the transaction before wanted
    desk.following((*ACTIVE_ENTRY, 2, 19), transaction=77)
    with desk.db.writer() as conn:
        conn.execute(sa.delete(ALARM).where(ALARM.c.id == 20))
    assert desk.following((*ACTIVE_ENTRY, 2, 19), transaction=77).name == (*ACTIVE_ENTRY, 2, 20)
    assert desk.following((*ACTIVE_ENTRY, 2, 19), transaction=78).name == (*ACTIVE_ENTRY, 2, 21)


def test_a_transaction_that_lasts_is_read_anew(desk: Desk) -> None:
    desk.alarm(1)
    assert desk.following(ACTIVE_TABLE, transaction=5, now_s=10.0).name == (*ACTIVE_ENTRY, 2, 1)
    desk.alarm(2, entity_instance_id="host=new")
    with desk.db.writer() as conn:
        conn.execute(sa.delete(ALARM).where(ALARM.c.id == 1))
    assert desk.following(ACTIVE_TABLE, transaction=5, now_s=13.0).name == (*ACTIVE_ENTRY, 2, 2)


def test_an_empty_table_is_at_its_end(desk: Desk) -> None:
    assert desk.following(ACTIVE_TABLE).syntax is Syntax.END_OF_MIB_VIEW
    assert desk.walk(EVENT_TABLE) == []
