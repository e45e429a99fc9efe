# SPDX-License-Identifier: Apache-2.0
"""Two managers on one PostgreSQL change the same alarm at the same moment: neither takes back what the other wrote.

The second transaction runs as a whole between the read and the write of the first one, at a place chosen by the test.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from flock.db import Database, new_uuid
from flock.testing.interleave import before_statement
from flock.testing.services.postgresql import PostgresServer
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import Fault
from fm.contract.rpc import FaultRequest
from fm.core.retention import Limits
from fm.db.tables import ALARM, METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer

FAULT = Fault("100.101", AlarmState.SET, "host", "host=a", Severity.MAJOR, "reason", AlarmType.OTHER, "unknown",
              timestamp="2026-01-01 00:00:00")
LATER = replace(FAULT, timestamp="2026-01-02 00:00:00")


class TwoManagers:
    """An alarm, and two managers with connections of their own."""

    def __init__(self, url: str) -> None:
        self.databases = [Database(url), Database(url)]
        METADATA.create_all(self.databases[0].engine)
        synchronise(self.databases[0])
        self.first, self.second = (Manager(db, Writer(db, lambda: Settings(Limits(1000)))) for db in self.databases)
        self.uuid = self.put(self.first, FAULT)

    @staticmethod
    def put(manager: Manager, fault: Fault) -> str:
        (outcome,) = manager.apply(requests=[FaultRequest(new_uuid(), fault=fault)])
        assert outcome.error is None and outcome.uuid is not None
        return outcome.uuid

    def in_between(self, first: Callable[[], object], second: Callable[[], object]) -> Any:
        """``second`` as a whole, after ``first`` has read and before it writes; the row afterwards."""
        with before_statement(self.databases[0], "UPDATE alarm", second):
            first()
        with self.databases[1].reader() as conn:
            return conn.execute(sa.select(ALARM)).one()

    def acknowledge(self, manager: Manager) -> None:
        manager.acknowledge(uuid=self.uuid, user="operator", comment="on it")


@pytest.fixture
def two(postgres: PostgresServer) -> Iterator[TwoManagers]:
    url = postgres.create_database()
    found = TwoManagers(url)
    yield found
    for database in found.databases:
        database.dispose()
    postgres.drop_database(url)


def test_a_refresh_keeps_the_acknowledgement_of_the_same_moment(two: TwoManagers) -> None:
    row = two.in_between(lambda: two.put(two.first, LATER), lambda: two.acknowledge(two.second))
    assert (row.ack_user, row.ack_comment) == ("operator", "on it") and row.ack_at is not None
    assert row.timestamp.day == 2


def test_an_acknowledgement_keeps_the_refresh_of_the_same_moment(two: TwoManagers) -> None:
    row = two.in_between(lambda: two.acknowledge(two.first), lambda: two.put(two.second, LATER))
    assert row.ack_user == "operator" and row.timestamp.day == 2


def test_a_change_ends_the_acknowledgement_of_the_same_moment(two: TwoManagers) -> None:
    """Whoever acknowledged has seen the alarm as it was before."""
    row = two.in_between(lambda: two.put(two.first, replace(LATER, severity=Severity.CRITICAL)),
                         lambda: two.acknowledge(two.second))
    assert (row.severity, row.ack_user, row.ack_comment, row.ack_at) == ("critical", "", "", None)


def test_two_refreshes_leave_one_alarm(two: TwoManagers) -> None:
    row = two.in_between(lambda: two.put(two.first, LATER),
                         lambda: two.put(two.second, replace(FAULT, time_to_live_s=9)))
    assert (row.timestamp.day, row.time_to_live_s, row.uuid) == (2, 9, two.uuid)
