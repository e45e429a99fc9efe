# SPDX-License-Identifier: Apache-2.0
"""Many writers at once, on SQLite and on PostgreSQL: nothing is lost, nothing is done twice."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock.core.backoff import Backoff
from flock.core.errors import StaleWrite, Unavailable
from flock.db import Database, DeadlockError, DuplicateEntry, columns, compare_and_set, metadata, revision_column
from flock.db import database as database_module
from flock.db.outbox import Outbox, Policy, Relay, outbox_table
from flock.jobs.operations import OperationActive, Operations
from flock.jobs.steps import OperationView, State, Step, Steps
from flock.jobs.store import operations_table
from flock.testing.services.postgresql import PostgresServer
from flock.testing.services.process import wait_for

METADATA = metadata()
COUNTER = sa.Table("counter", METADATA, *columns(),
                   sa.Column("name", sa.String(16), unique=True),
                   sa.Column("value", sa.Integer, nullable=False), revision_column())
OUTBOX = outbox_table(METADATA, "outbox")
OPERATIONS = operations_table(METADATA, "operations")


@pytest.fixture
def db(database: Database) -> Database:
    METADATA.create_all(database.engine)
    with database.writer() as conn:
        conn.execute(sa.insert(COUNTER).values(name="c", value=0))
    return database


def together(count: int, work: Callable[[int], None]) -> list[BaseException]:
    """Run ``work(number)`` in threads that start at the same moment; the errors they raised."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait(20)
        try:
            work(number)
        except Exception as exc:
            errors.append(exc)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return errors


def test_compare_and_set_loses_no_increment(db: Database) -> None:
    stale = []

    def increment(_number: int) -> None:
        done = 0
        while done < 25:
            with db.reader() as conn:
                row = conn.execute(sa.select(COUNTER)).one()
            try:
                with db.writer() as conn:
                    compare_and_set(conn, COUNTER, row.uuid, row.revision, {"value": row.value + 1})
                done += 1
            except StaleWrite:
                stale.append(1)

    assert together(6, increment) == []
    with db.reader() as conn:
        row = conn.execute(sa.select(COUNTER)).one()
    assert (row.value, row.revision) == (150, 150)
    assert stale, "the test did not race at all"


def test_read_and_write_in_one_transaction_with_retries(db: Database) -> None:
    """``transact`` repeats what collides; SQLite writers queue up, PostgreSQL ones are serialized by the row lock."""
    def increment(_number: int) -> None:
        for _ in range(20):
            def work(conn: sa.Connection) -> None:
                value = conn.execute(sa.select(COUNTER.c.value).with_for_update()).scalar_one()
                conn.execute(sa.update(COUNTER).values(value=value + 1))
            db.transact(work)

    assert together(6, increment) == []
    with db.reader() as conn:
        assert conn.execute(sa.select(COUNTER.c.value)).scalar_one() == 120


def test_serialization_failures_are_repeated(db: Database) -> None:
    if db.is_sqlite:
        pytest.skip("SQLite has one writer at a time")

    def increment(_number: int) -> None:
        for _ in range(10):
            def work(conn: sa.Connection) -> None:
                conn.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
                value = conn.execute(sa.select(COUNTER.c.value)).scalar_one()
                conn.execute(sa.update(COUNTER).values(value=value + 1))
            db.transact(work, attempts_max=200)

    assert together(4, increment) == []
    with db.reader() as conn:
        assert conn.execute(sa.select(COUNTER.c.value)).scalar_one() == 40


def test_a_lock_that_stays_held_is_reported_in_time(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    if db.is_sqlite:
        pytest.skip("covered by the unit tests")
    monkeypatch.setattr(database_module, "LOCK_TIMEOUT_S", 1)
    other = Database(db.url.render_as_string(hide_password=False))
    with db.writer() as conn:
        conn.execute(sa.update(COUNTER).values(value=1))
        with pytest.raises(DeadlockError), other.writer() as second:
            second.execute(sa.update(COUNTER).values(value=2))
    other.dispose()


def test_a_server_that_goes_away_and_returns(services_folder: Path) -> None:
    if not PostgresServer.available():
        pytest.skip("PostgreSQL is not installed")
    folder = services_folder / "comes-and-goes"
    folder.mkdir()
    server = PostgresServer(folder)
    server.start()
    try:
        db = Database(server.create_database())
        METADATA.create_all(db.engine)
        with db.writer() as conn:
            conn.execute(sa.insert(COUNTER).values(name="kept", value=1))
        server.stop()
        for _ in range(2):
            with pytest.raises(Unavailable), db.reader() as conn:
                conn.execute(sa.select(COUNTER)).all()
        server.start()
        with db.reader() as conn:
            assert conn.execute(sa.select(COUNTER.c.name)).scalars().all() == ["kept"]
        with pytest.raises(Unavailable), db.reader() as conn:
            server.stop()
            conn.execute(sa.select(COUNTER)).all()
        db.dispose()
    finally:
        server.stop()


def test_unique_name_is_given_once(db: Database) -> None:
    def insert(number: int) -> None:
        with db.writer() as conn:
            conn.execute(sa.insert(COUNTER).values(name="same", value=number))

    errors = together(6, insert)
    assert [type(error) for error in errors] == [DuplicateEntry] * 5
    assert all(error.columns == ["name"] for error in errors)  # type: ignore[attr-defined]


def test_outbox_order_with_concurrent_producers_and_relays(db: Database) -> None:
    outbox = Outbox(db, OUTBOX)
    got: list[tuple[int, int]] = []
    lock = threading.Lock()
    flaky = {(key, 7) for key in range(4)}

    def handler(payload: list[int]) -> None:
        item = (payload[0], payload[1])
        with lock:
            if item in flaky:
                flaky.discard(item)
                raise ConnectionError("once")
            got.append(item)

    relays = [Relay(outbox, {"n": handler}, Policy(batch_max=7, poll_s=0.05, retry=Backoff(0.05))) for _ in range(3)]
    for relay in relays:
        relay.start()

    def produce(key: int) -> None:
        for number in range(20):
            with db.writer() as conn:
                outbox.put(conn, key=str(key), kind="n", payload=[key, number])
            relays[key % 3].nudge()

    try:
        assert together(4, produce) == []
        wait_for(lambda: len(got) >= 80, 60, "all messages to be delivered")
        wait_for(lambda: relays[0].backlog() == 0, 20, "the outbox to be empty")
    finally:
        assert all([relay.stop(10) for relay in relays])
    assert len(got) == 80
    for key in range(4):
        assert [number for owner, number in got if owner == key] == list(range(20))


def test_one_operation_per_subject_under_contention(db: Database) -> None:
    operations = Operations(db, OPERATIONS, {"k": Steps("k", Step("s", lambda view: None))}, owner="me")

    def record(_number: int) -> None:
        with db.writer() as conn:
            operations.record(conn, kind="k", subject="host", params={})

    errors = together(6, record)
    assert [type(error) for error in errors] == [OperationActive] * 5
    assert len(operations.active_of("host")) == 1


def test_two_processes_share_the_operations(db: Database) -> None:
    ran: list[tuple[str, str]] = []
    lock = threading.Lock()

    def runner(owner: str) -> Operations:
        def work(view: OperationView) -> dict[str, Any]:
            with lock:
                ran.append((owner, view.subject))
            time.sleep(0.005)
            return {}

        return Operations(db, OPERATIONS, {"k": Steps("k", Step("s", work))}, owner=owner, threads_max=2, poll_s=0.05)

    runners = [runner("one"), runner("two")]
    with db.writer() as conn:
        uuids = [runners[0].record(conn, kind="k", subject=f"s{number}", params={}) for number in range(40)]
    for each in runners:
        each.start()
    assert {runners[0].wait(uuid, 60).state for uuid in uuids} == {State.DONE}
    assert all([each.stop(10) for each in runners])
    assert sorted(subject for _, subject in ran) == sorted(f"s{number}" for number in range(40))
