# SPDX-License-Identifier: Apache-2.0
"""How many statements a request costs: a fixed number, whatever is stored. More is slower for everybody."""
from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import webob
from sqlalchemy import event

from flock.api import build_app
from flock.db import Database
from flock.testing.fixtures import private_conf
from flock.testing.identity import trusting
from fm.contract.rpc import FaultRequest, FmManager
from fm.core.retention import Limits
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.raiser import requests as make
from fm.resources.alarm.reading import AlarmReads

HEADERS = {"X-Roles": "configurator", "X-Project-Name": "services", "X-User-Name": "u", "X-User-Id": "1"}
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
numbers = itertools.count()


class Faults:
    """A manager and an API on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.writer = Writer(database, lambda: Settings(Limits(100_000)))
        deps = [database, AlarmReads(database, clock_s=lambda: 0.0),
                (FmManager, Manager(database, self.writer))]
        self.app = build_app(private_conf(), "fm", deps=deps, authenticate=trusting)
        # A first look says that nothing is held or counted, as at the start of the daemon.
        self.writer.release_due()

    def get(self, path: str) -> Any:
        response = webob.Request.blank(path, headers=HEADERS).get_response(self.app)
        assert response.status_int == 200, response.text
        return json.loads(response.text)

    @contextlib.contextmanager
    def counted(self) -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if statement.split()[0] in VERBS:
                seen.append(statement)

        event.listen(self.database.engine, "before_cursor_execute", note)
        yield seen
        event.remove(self.database.engine, "before_cursor_execute", note)


@pytest.fixture(params=[0, 300])
def faults(tmp_path: Any, request: pytest.FixtureRequest) -> Iterator[Faults]:
    database = Database(f"sqlite:///{tmp_path}/count.sqlite", sqlite_synchronous=False)
    METADATA.create_all(database.engine)
    synchronise(database)
    found = Faults(database)
    found.writer.apply(raised(3 + request.param))
    yield found
    database.dispose()


def raised(many: int) -> list[FaultRequest]:
    return [make.alarm_request("100.103", f"host=h{next(numbers)}", {}, {"severity": "major"}) for _ in range(many)]


@pytest.mark.parametrize(("path", "statements"), [
    ("/v1/alarms", 2), ("/v1/alarms/detail?limit=100", 2), ("/v1/alarms?expand=True&limit=2", 2),
    ("/v1/alarms?q.field=severity&q.op=eq&q.value=major", 2), ("/v1/event_log?limit=100", 2),
    ("/v1/event_log?alarms=True&limit=100", 2), ("/v1/event_suppression", 1)])
def test_lists(faults: Faults, path: str, statements: int) -> None:
    faults.get(path)
    with faults.counted() as seen:
        faults.get(path)
    assert len(seen) == statements, seen


def test_one_alarm(faults: Faults) -> None:
    uuid = faults.get("/v1/alarms?limit=1")["alarms"][0]["uuid"]
    with faults.counted() as seen:
        assert faults.get(f"/v1/alarms/{uuid}")["uuid"] == uuid
    assert len(seen) == 2, seen


def test_the_summary_is_counted_after_a_change_only(faults: Faults) -> None:
    before = faults.get("/v1/alarms/summary")["major"]
    with faults.counted() as seen:
        assert faults.get("/v1/alarms/summary")["major"] == before
    assert len(seen) == 1, seen
    faults.writer.apply(raised(1))
    with faults.counted() as seen:
        assert faults.get("/v1/alarms/summary")["major"] == before + 1
    assert len(seen) == 3, seen


class TestWriting:
    """Reading: one statement. Writing: alarms, events, answers; on PostgreSQL all new rows in one statement."""

    @pytest.mark.parametrize("many", [1, 2, 500])
    def test_a_batch_of_raises(self, faults: Faults, many: int) -> None:
        with faults.counted() as seen:
            faults.writer.apply(raised(many))
        assert len(seen) == 4, seen

    def test_a_raise_that_changes_nothing(self, faults: Faults) -> None:
        entity = f"host=h{next(numbers)}"
        make_one = [make.alarm_request("100.103", entity, {}, {"severity": "major"}) for _ in range(2)]
        faults.writer.apply(make_one[:1])
        with faults.counted() as seen:
            faults.writer.apply(make_one[1:])
        assert len(seen) == 3, seen

    def test_a_clear(self, faults: Faults) -> None:
        entity = f"host=h{next(numbers)}"
        faults.writer.apply([make.alarm_request("100.103", entity, {}, {"severity": "major"})])
        with faults.counted() as seen:
            assert faults.writer.apply([make.clear_request("100.103", entity, {}, False)])[0].count == 1
        assert len(seen) == 4, seen

    def test_a_request_that_comes_again_is_answered_from_memory(self, faults: Faults) -> None:
        again = raised(2)
        first = faults.writer.apply(again)
        with faults.counted() as seen:
            assert faults.writer.apply(again) == first
        assert [statement for statement in seen if "applied_request" in statement and statement.startswith("SELECT")]
