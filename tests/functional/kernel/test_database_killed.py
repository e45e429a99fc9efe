# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL dies at each step of a request: the caller gets 503, or the result if it was read before, never 500."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import webob
from oslo_config import cfg
from sqlalchemy import event

from flock import conf as flock_conf
from flock.api import ANYONE, Call, Dialect, Rule, build_app, slice_of
from flock.core.errors import NotFound, Unavailable
from flock.db import Database
from flock.testing.identity import trusting
from flock.testing.services.postgresql import PostgresServer
from flock.testing.services.process import wait_for

METADATA = sa.MetaData()
ITEM = sa.Table("item", METADATA, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20)))
ONE = sa.text("SELECT 1")
SLEEP = sa.text("SELECT pg_sleep(30)")
End = Callable[[], None]
Work = Callable[[Database, End], Any]


class Subject:
    """A database, its server, and an API of one operation that runs ``work(database, end of the server)``."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        server.start()
        self.db = Database(server.create_database(), max_pool_size=2, max_overflow=0, pool_timeout_s=1)
        METADATA.create_all(self.db.engine)
        with self.db.writer() as conn:
            conn.execute(sa.insert(ITEM), [{"name": f"n{number}"} for number in range(3000)])
        self.db.dispose()
        self._work: Work = ask
        self._end: End = server.kill
        conf = cfg.ConfigOpts()
        flock_conf.setup("t-api", "t", [], conf=conf, logging_too=False)
        subject = self

        class Thing:
            def get(self, call: Call) -> Any:
                return {"result": subject._work(subject.db, subject._end)}

        self._app = build_app(conf, "t", [slice_of({"/v1/thing": Thing}, [
            Rule("t:get", ANYONE, "GET", "/v1/thing")])], dialect=Dialect(), authenticate=trusting)

    def get(self, work: Work, end: End | None = None) -> webob.Response:
        """The reply of a request that does ``work``."""
        self._work, self._end = work, end or self.server.kill
        return webob.Request.blank("/v1/thing").get_response(self._app)

    def serves_again(self) -> None:
        """The server starts; requests are served, and no connection is missing in the pool."""
        self.server.start()
        assert self.db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        wait_for(lambda: self.get(ask).status_int == 200, 10, "the database to serve")
        with self.db.reader() as one, self.db.reader() as other:
            assert one.execute(ONE).scalar() == other.execute(ONE).scalar() == 1


@pytest.fixture
def subject(own_postgres: PostgresServer) -> Iterator[Subject]:
    found = Subject(own_postgres)
    yield found
    found.db.dispose()


def ask(db: Database, _end: End) -> Any:
    with db.reader() as conn:
        return conn.execute(ONE).scalar()


def before_connecting(db: Database, end: End) -> Any:
    end()
    return ask(db, end)


def while_the_first_connection_is_made(db: Database, end: End) -> Any:
    db.dispose()
    event.listen(db.engine, "connect", lambda *_: end(), insert=True, once=True)
    return ask(db, end)


def while_a_further_connection_is_made(db: Database, end: End) -> Any:
    db.dispose()
    with db.reader() as conn:
        conn.execute(ONE)
        event.listen(db.engine, "connect", lambda *_: end(), insert=True, once=True)
        return ask(db, end)


def between_two_requests(db: Database, end: End) -> Any:
    ask(db, end)
    end()
    return ask(db, end)


def while_an_idle_connection_is_asked(db: Database, end: End) -> Any:
    ask(db, end)
    ping = db.engine.dialect.do_ping
    db.engine.dialect.do_ping = lambda conn: (end(), conn.cursor().execute("SELECT 1"), True)[-1]  # type: ignore
    try:
        return ask(db, end)
    finally:
        db.engine.dialect.do_ping = ping  # type: ignore[method-assign]


def before_a_statement(db: Database, end: End) -> Any:
    with db.reader() as conn:
        end()
        return conn.execute(ONE).scalar()


def in_a_statement(db: Database, end: End) -> Any:
    with db.reader() as watcher, db.reader() as conn:
        number = conn.execute(sa.text("SELECT pg_backend_pid()")).scalar()
        active = sa.text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid AND query LIKE '%pg_sleep%'")

        def end_when_active() -> None:
            wait_for(lambda: watcher.execute(active, {"pid": number}).scalar(), 10, "the statement to run")
            end()

        thread = threading.Thread(target=end_when_active)
        thread.start()
        try:
            return conn.execute(SLEEP).scalar()
        finally:
            thread.join(20)


def while_rows_are_fetched(db: Database, end: End) -> Any:
    with db.writer() as conn:
        parts = conn.execution_options(yield_per=100).execute(sa.select(ITEM)).partitions()
        next(parts)
        end()
        return sum(len(part) for part in parts)


def in_a_write(db: Database, end: End) -> Any:
    with db.writer() as conn:
        conn.execute(ONE)
        end()
        conn.execute(sa.insert(ITEM), {"name": "lost"})


def in_a_repeated_transaction(db: Database, end: End) -> Any:
    def work(conn: sa.Connection) -> None:
        end()
        conn.execute(sa.insert(ITEM), {"name": "lost"})

    db.transact(work)


def in_a_savepoint(db: Database, end: End) -> Any:
    with db.writer() as conn, conn.begin_nested():
        conn.execute(sa.insert(ITEM), {"name": "lost"})
        end()


def after_an_error_that_the_block_caught(db: Database, end: End) -> Any:
    with db.writer() as conn:
        conn.execute(ONE)
        end()
        try:
            conn.execute(ONE)
        except Exception:  # noqa: BLE001 - as careless code would
            conn.execute(sa.insert(ITEM), {"name": "lost"})


def in_the_commit(db: Database, end: End) -> Any:
    with db.writer() as conn:
        conn.execute(sa.insert(ITEM), {"name": "lost"})
        end()


def in_the_rollback(db: Database, end: End) -> Any:
    with db.writer() as conn:
        conn.execute(sa.insert(ITEM), {"name": "lost"})
        end()
        raise NotFound(resource="Thing", id="x")


STEPS = [before_connecting, while_the_first_connection_is_made, while_a_further_connection_is_made,
         between_two_requests, while_an_idle_connection_is_asked, before_a_statement, in_a_statement,
         while_rows_are_fetched, in_a_write, in_a_repeated_transaction, in_a_savepoint,
         after_an_error_that_the_block_caught, in_the_commit, in_the_rollback]


def test_a_server_that_is_killed_at_any_step_costs_a_503_and_no_connection_of_the_pool(
        subject: Subject, caplog: pytest.LogCaptureFixture) -> None:
    for step in STEPS:
        reply = subject.get(step)
        assert (step.__name__, reply.status_int) == (step.__name__, 503), reply.text
        assert "database is not available" in reply.text and reply.headers["Retry-After"]
        subject.serves_again()
    assert "unhandled error" not in caplog.text
    with subject.db.reader() as conn:
        assert conn.execute(sa.select(ITEM.c.name).where(ITEM.c.name == "lost")).all() == []


@pytest.mark.parametrize("step", [between_two_requests, in_a_statement, while_rows_are_fetched, in_the_commit])
def test_a_server_that_shuts_down_costs_a_503(subject: Subject, step: Work) -> None:
    reply = subject.get(step, subject.server.stop)
    assert reply.status_int == 503, reply.text
    subject.serves_again()


def test_a_reader_that_has_read_needs_the_server_no_more(subject: Subject) -> None:
    def work(db: Database, end: End) -> Any:
        for _ in range(3):
            with db.reader() as conn:
                found = conn.execute(ONE).scalar()
        with db.reader() as conn:
            found = conn.execute(ONE).scalar()
            end()
        return found

    for _ in range(3):
        reply = subject.get(work)
        assert (reply.status_int, reply.json) == (200, {"result": 1})
        subject.serves_again()


def test_readers_and_writers_take_turns_on_one_connection_and_a_reader_sends_its_statement_alone(
        subject: Subject) -> None:
    """A message that the pool sends for itself is a round trip for each reader and one more step that can fail."""
    (subject.server.folder / "data" / "postgresql.auto.conf").write_text("log_statement = 'all'\n")
    subject.server.stop()
    subject.server.start()
    ask(subject.db, subject.server.kill)
    begin = len(subject.server.log())
    for number in range(3):
        ask(subject.db, subject.server.kill)
        with subject.db.writer() as conn:
            conn.execute(sa.insert(ITEM), {"name": f"turn {number}"})
    sent = [line.split("statement: ")[1] for line in subject.server.log()[begin:].splitlines() if "statement: " in line]
    assert [statement.split()[0] for statement in sent] == ["SELECT", "BEGIN", "INSERT", "COMMIT"] * 3
    with pytest.raises(Exception, match="roll back"), subject.db.writer() as conn:
        conn.execute(sa.insert(ITEM), {"name": "rolled back"})
        raise RuntimeError("roll back")
    with subject.db.reader() as conn:
        names = conn.execute(sa.select(ITEM.c.name).where(ITEM.c.name.like("%r%"))).scalars().all()
    assert names == ["turn 0", "turn 1", "turn 2"]


def test_a_statement_beyond_the_time_limit_is_an_outage(subject: Subject) -> None:
    with pytest.raises(Unavailable, match="a statement took too long"), subject.db.reader() as conn:
        conn.exec_driver_sql("SET statement_timeout = '50ms'")
        conn.execute(SLEEP)
