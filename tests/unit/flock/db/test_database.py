# SPDX-License-Identifier: Apache-2.0
"""Transactions on SQLite: commit, rollback, isolation, one writer at a time, errors by their meaning, forks."""
from __future__ import annotations

import datetime
import enum
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from flock.core.errors import StaleWrite, Unavailable
from flock.db import (
    Database,
    DeadlockError,
    DuplicateEntry,
    EnumText,
    Json,
    NestedWriter,
    ReferenceError,
    UtcTime,
    WriteInReader,
    columns,
    compare_and_set,
    from_conf,
    metadata,
    revision_column,
    utcnow,
)
from flock.db import database as database_module
from flock.testing.fixtures import private_conf


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


METADATA = metadata()
HOST = sa.Table(
    "host", METADATA, *columns(),
    sa.Column("name", sa.String(32), nullable=False, unique=True),
    sa.Column("colour", EnumText(Colour)),
    sa.Column("data", Json),
    sa.Column("seen", UtcTime),
    revision_column(),
)
PORT = sa.Table("port", METADATA, *columns(), sa.Column("host_id", sa.ForeignKey("host.id"), nullable=False))


@pytest.fixture
def db(database: Database) -> Database:
    METADATA.create_all(database.engine)
    return database


def add(db: Database, name: str) -> str:
    with db.writer() as conn:
        conn.execute(sa.insert(HOST).values(name=name))
        return str(conn.execute(sa.select(HOST.c.uuid).where(HOST.c.name == name)).scalar_one())


def names(db: Database) -> list[str]:
    with db.reader() as conn:
        return list(conn.execute(sa.select(HOST.c.name).order_by(HOST.c.id)).scalars())


def test_types_survive(db: Database) -> None:
    seen = datetime.datetime(2026, 5, 1, 12, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    with db.writer() as conn:
        conn.execute(sa.insert(HOST).values(name="a", colour=Colour.RED, data={"x": [1, None]}, seen=seen))
    with db.reader() as conn:
        row = conn.execute(sa.select(HOST)).one()
    assert (row.colour, row.data, row.seen) == (Colour.RED, {"x": [1, None]}, seen)
    assert row.seen.tzinfo is datetime.UTC
    assert len(row.uuid) == 36
    assert abs(row.created_at - utcnow()) < datetime.timedelta(minutes=1)
    assert row.updated_at is None


def test_bad_values_are_refused(db: Database) -> None:
    for values in ({"colour": "green"}, {"seen": datetime.datetime(2026, 1, 1)}):  # noqa: DTZ001
        with pytest.raises(Exception, match="green|without zone"), db.writer() as conn:
            conn.execute(sa.insert(HOST).values(name="a", **values))
    assert names(db) == []


def test_rollback_when_the_block_raises(db: Database) -> None:
    with pytest.raises(RuntimeError), db.writer() as conn:
        conn.execute(sa.insert(HOST).values(name="a"))
        raise RuntimeError("changed my mind")
    assert names(db) == []
    add(db, "b")
    assert names(db) == ["b"]


def test_readers_see_the_last_commit_while_a_writer_works(db: Database) -> None:
    add(db, "a")
    with db.writer() as conn:
        conn.execute(sa.insert(HOST).values(name="b"))
        seen: list[str] = []
        thread = threading.Thread(target=lambda: seen.extend(names(db)))
        thread.start()
        thread.join(5)
        assert seen == ["a"]


@pytest.mark.parametrize("change", [sa.insert(HOST).values(name="b"), sa.update(HOST).values(name="b"),
                                    sa.delete(HOST)], ids=["insert", "update", "delete"])
def test_readers_change_nothing(db: Database, change: sa.sql.dml.UpdateBase) -> None:
    add(db, "a")
    with pytest.raises(WriteInReader), db.reader() as conn:
        conn.execute(change)
    assert names(db) == ["a"]


def test_nested_writer_is_refused_instead_of_waiting_for_itself(db: Database) -> None:
    with db.writer(), pytest.raises(NestedWriter), db.writer():
        pass
    add(db, "after")


def test_reader_inside_a_writer_sees_the_last_commit(db: Database) -> None:
    with db.writer() as conn:
        conn.execute(sa.insert(HOST).values(name="a"))
        assert names(db) == []
        conn.execute(sa.insert(HOST).values(name="b"))
    assert names(db) == ["a", "b"]


def test_duplicates_and_references_have_their_own_errors(db: Database) -> None:
    add(db, "a")
    with pytest.raises(DuplicateEntry) as duplicate:
        add(db, "a")
    assert duplicate.value.columns == ["name"]
    with pytest.raises(ReferenceError), db.writer() as conn:
        conn.execute(sa.insert(PORT).values(host_id=99))


def test_busy_writer_times_out_as_deadlock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/busy.sqlite"
    first, second = Database(url), Database(url, busy_timeout_s=1)
    METADATA.create_all(first.engine)
    with first.writer():
        with pytest.raises(DeadlockError) as busy, second.writer():
            pass
        assert isinstance(busy.value, Unavailable)
        assert busy.value.http == 503
    add(second, "a")
    first.dispose()
    second.dispose()


def test_transact_repeats_after_a_deadlock(db: Database) -> None:
    attempts = []

    def work(conn: sa.Connection) -> str:
        attempts.append(1)
        conn.execute(sa.insert(HOST).values(name="a"))
        if len(attempts) < 3:
            raise DeadlockError(service="database", reason="test")
        return "done"

    assert db.transact(work) == "done"
    assert (len(attempts), names(db)) == (3, ["a"])
    attempts.clear()

    def never(conn: sa.Connection) -> None:
        attempts.append(1)
        raise DeadlockError(service="database", reason="test")

    with pytest.raises(DeadlockError):
        db.transact(never, attempts_max=2)
    assert len(attempts) == 2


def test_compare_and_set(db: Database) -> None:
    uuid = add(db, "a")
    with db.writer() as conn:
        assert compare_and_set(conn, HOST, uuid, 0, {"name": "b"}) == 1
    with pytest.raises(StaleWrite, match=f"host {uuid} was changed"), db.writer() as conn:
        compare_and_set(conn, HOST, uuid, 0, {"name": "c"})
    with db.writer() as conn:
        assert compare_and_set(conn, HOST, 1, 1, {"name": "d"}) == 2
    assert names(db) == ["d"]
    with db.reader() as conn:
        assert conn.execute(sa.select(HOST.c.updated_at)).scalar_one() is not None


def test_durable_by_default_and_in_wal_mode(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/durable.sqlite")
    with db.reader() as conn:
        pragmas = [conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "journal_mode",
                                                                                "foreign_keys")]
    assert pragmas == [2, "wal", 1]
    db.dispose()


def test_unreachable_server_is_unavailable_in_time() -> None:
    db = Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    with pytest.raises(Unavailable, match="database is not available"), db.reader():
        pass


def test_a_fork_opens_its_own_connections(db: Database) -> None:
    add(db, "parent")
    child = os.fork()
    if child == 0:
        try:
            add(db, "child")
            os._exit(0 if names(db) == ["parent", "child"] else 3)
        finally:
            os._exit(4)
    assert os.waitpid(child, 0)[1] == 0
    assert names(db) == ["parent", "child"]


def test_dispose_from_another_thread_and_use_again(db: Database) -> None:
    add(db, "a")
    thread = threading.Thread(target=db.dispose)
    thread.start()
    thread.join(5)
    assert names(db) == ["a"]


def test_from_conf(tmp_path: Path) -> None:
    conf = private_conf()
    with pytest.raises(ValueError, match="connection is not set"):
        from_conf(conf)
    conf.set_override("connection", f"sqlite:///{tmp_path}/c.sqlite", group="database")
    db = from_conf(conf)
    METADATA.create_all(db.engine)
    add(db, "a")
    db.dispose()
    assert (tmp_path / "c.sqlite").exists()


class TestIdleConnections:
    """A server is asked whether it is there after a while without use only."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[sa.Engine, list[str]]]:
        engine = sa.create_engine("sqlite://", poolclass=sa.pool.QueuePool, pool_pre_ping=True)
        asked: list[str] = []

        def ping(_connection: object) -> bool:
            asked.append("ping")
            return len(asked) > 1

        monkeypatch.setattr(engine.dialect, "do_ping", ping)
        database_module._ask_idle_connections(engine)
        yield engine, asked
        engine.dispose()

    def test_busy_ones_are_trusted(self, asked: tuple[sa.Engine, list[str]]) -> None:
        engine, pings = asked
        for _ in range(3):
            with engine.connect() as conn:
                conn.execute(sa.text("SELECT 1"))
        assert pings == []

    def test_idle_ones_are_asked_and_replaced(self, asked: tuple[sa.Engine, list[str]],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
        engine, pings = asked
        with engine.connect() as conn:
            first = conn.connection.dbapi_connection
        monkeypatch.setattr(database_module, "TRUSTED_S", -1.0)
        with engine.connect() as conn:
            second = conn.connection.dbapi_connection
        with engine.connect() as conn:
            third = conn.connection.dbapi_connection
        assert pings == ["ping", "ping"]
        assert first is not second
        assert second is third
