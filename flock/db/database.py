# SPDX-License-Identifier: Apache-2.0
"""The database of one subsystem: reading and writing transactions on SQLAlchemy Core connections."""
from __future__ import annotations

import contextlib
import datetime
import logging
import math
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from oslo_config import cfg
from oslo_db import exception as db_errors
from oslo_db.sqlalchemy import enginefacade
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url

from flock.db import options
from flock.db.outage import DeadlockError, unavailable
from flock.db.schema import NO_TIME
from flock.foreign.database import start

LOG = logging.getLogger(__name__)
T = TypeVar("T")

DuplicateEntry = db_errors.DBDuplicateEntry
ReferenceError = db_errors.DBReferenceError
CONNECT_TIMEOUT_S = 5
LOCK_TIMEOUT_S = 15
STATEMENT_TIMEOUT_S = 60
TIMESTAMP_OID = 1114
# Uses a connection that was idle for at most this time without a ping.
TRUSTED_S = 1.0


@dataclass(frozen=True, slots=True)
class _Open:
    """What a process has opened: oslo.db's facade, its engine, and the engine in the isolation level of readers."""

    pid: int
    facade: Any
    engine: Engine
    reading: Engine


class NestedWriter(RuntimeError):
    """A thread requested a writer inside its own writer, which would block for ever."""


class WriteInReader(RuntimeError):
    """A statement inside a reader changes rows."""


class Rehearsal(Protocol):
    """Looks at a transaction that is going to be undone: ``before`` its first statement and ``after`` its last one."""

    def before(self, conn: Connection) -> None: ...

    def after(self, conn: Connection) -> None: ...


class Database:
    """``with db.reader() as conn`` / ``with db.writer() as conn``: one transaction each, on a Core connection.

    A writer commits when the block ends and rolls back when it raises. On SQLite a writer takes the write lock when it
    begins, so the rows that it reads cannot change until it commits; readers see the last commit and block no writer.
    On PostgreSQL each statement sees the last commit anyway, so a reader sends no BEGIN and COMMIT.
    ``sqlite_references`` False makes SQLite ignore foreign keys, which migrations need. Creates the engine at first
    use and again after a fork. Raises Unavailable with the reason when the database cannot be reached or cannot store.
    """

    def __init__(self, connection_url: str, *, max_pool_size: int = 10, max_overflow: int = 10,
                 pool_timeout_s: int = 10, busy_timeout_s: int = 15, sqlite_synchronous: bool = True,
                 sqlite_references: bool = True) -> None:
        self.url = make_url(connection_url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        # thread_checkin yields to other threads after each transaction; native threads do not need that.
        self._settings: dict[str, Any] = {"max_retries": 0, "thread_checkin": False}
        if self.is_sqlite:
            self._settings |= {"sqlite_fk": sqlite_references, "sqlite_synchronous": sqlite_synchronous}
        else:
            self._settings |= {
                "max_pool_size": max_pool_size, "max_overflow": max_overflow, "pool_timeout": pool_timeout_s}
        self._busy_timeout_s = busy_timeout_s
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: _Open | None = None
        self._anchor: Any = None

    @contextlib.contextmanager
    def reader(self) -> Iterator[Connection]:
        """A transaction that only reads; a write raises WriteInReader. Inside a writer it sees the last commit."""
        with self._mode("read"), self._translated(), self._opened().reading.connect() as conn:
            yield conn

    @contextlib.contextmanager
    def writer(self) -> Iterator[Connection]:
        """A transaction that writes; NestedWriter when this thread already has a writer of the same database."""
        if "write" in getattr(self._local, "modes", ()):
            raise NestedWriter(f"a writer of {self.url.render_as_string()} inside a writer")
        rehearsal: Rehearsal | None = getattr(self._local, "rehearsal", None)
        with self._mode("write"), self._translated(), self._opened().engine.begin() as conn:
            if rehearsal is None:
                yield conn
                return
            rehearsal.before(conn)
            yield conn
            rehearsal.after(conn)
            conn.rollback()

    @contextlib.contextmanager
    def rehearsed(self, rehearsal: Rehearsal) -> Iterator[None]:
        """Undo the writer of this thread inside the block instead of committing it. ``rehearsal`` sees both ends of it.

        A second writer would not see what the first did, so the block must have at most one that ends.
        """
        self._local.rehearsal = rehearsal
        try:
            yield
        finally:
            self._local.rehearsal = None

    def transact(self, work: Callable[[Connection], T], attempts_max: int = 5) -> T:
        """Run ``work(conn)`` in a writer and return its result; retry after a deadlock or serialization failure.

        ``work`` must be repeatable. DeadlockError (an Unavailable) after ``attempts_max`` attempts.
        """
        for attempt in range(1, attempts_max + 1):
            try:
                with self.writer() as conn:
                    return work(conn)
            except DeadlockError:
                if attempt == attempts_max:
                    raise
                LOG.info("transaction collided with another one, attempt %d of %d", attempt, attempts_max)
                time.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311 - spreads retries, guards nothing
        raise ValueError("attempts_max must be at least 1")

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, for migrations and inspection."""
        return self._opened().engine

    def dispose(self) -> None:
        """Close all connections; the next use opens new ones."""
        with self._lock:
            self._drop_anchor()
            if self._open is not None and self._open.pid == os.getpid():
                self._open.facade.dispose_pool()
            self._open = None

    def _opened(self) -> _Open:
        found = self._open
        if found is None or found.pid != os.getpid():
            with self._lock:
                found = self._open
                if found is None or found.pid != os.getpid():
                    found = self._open = self._make()
        return found

    def _make(self) -> _Open:
        facade = enginefacade.transaction_context()
        facade.configure(connection=self._full_url(), **self._settings)
        if self.is_sqlite:
            facade.append_on_engine_create(self._prepare_sqlite)
        else:
            facade.append_on_engine_create(_prepare_server)
        facade.append_on_engine_create(self._refuse_writes_of_readers)
        self._anchor = None
        start(facade)
        engine: Engine = facade.writer.get_engine()
        reading = engine.execution_options(isolation_level="AUTOCOMMIT") if _is_postgresql(engine) else engine
        return _Open(os.getpid(), facade, engine, reading)

    def _full_url(self) -> str:
        url = self.url
        if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
            url = url.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT_S)})
        if self.is_sqlite and "timeout" not in url.query:
            url = url.update_query_dict({"timeout": str(self._busy_timeout_s)})
        return url.render_as_string(hide_password=False)

    def _refuse_writes_of_readers(self, engine: Engine) -> None:
        """Refuse writes in readers: PostgreSQL would commit such a write and SQLite would roll it back."""

        @event.listens_for(engine, "before_cursor_execute")
        def refuse(_conn: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
            changes = context is not None and (context.isinsert or context.isupdate or context.isdelete)
            if changes and getattr(self._local, "modes", ())[-1:] == ["read"]:
                raise WriteInReader("a statement that changes rows inside a reader")

    def _prepare_sqlite(self, engine: Engine) -> None:
        in_file = bool(self.url.database) and self.url.database != ":memory:"

        @event.listens_for(engine, "connect")
        def configure(dbapi_connection: Any, _record: Any) -> None:
            if in_file:
                dbapi_connection.execute("PRAGMA journal_mode=WAL")

        @event.listens_for(engine, "before_cursor_execute", retval=True)
        def lock_first(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any,
                       _many: bool) -> tuple[str, Any]:
            if statement == "BEGIN" and getattr(self._local, "modes", ())[-1:] == ["write"]:
                statement = "BEGIN IMMEDIATE"
            return statement, parameters

        if in_file:
            # Keeps one connection open: when its last connection closes, SQLite copies the whole log into the file.
            self._anchor = engine.raw_connection()
            self._anchor.cursor().execute("SELECT count(*) FROM sqlite_master").fetchone()

    def _drop_anchor(self) -> None:
        anchor, self._anchor = self._anchor, None
        if anchor is not None and self._open is not None and self._open.pid == os.getpid():
            anchor.close()

    @contextlib.contextmanager
    def _mode(self, mode: str) -> Iterator[None]:
        """Record the mode of this thread's innermost block, because a writer of SQLite locks when it begins."""
        if not hasattr(self._local, "modes"):
            self._local.modes = []
        self._local.modes.append(mode)
        try:
            yield
        finally:
            self._local.modes.pop()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Exception as exc:
            if isinstance(getattr(exc, "inner_exception", None), WriteInReader):
                raise WriteInReader(str(exc)) from None
            outage = unavailable(exc)
            if outage is None:
                raise
            raise outage from exc


def _is_postgresql(engine: Engine) -> bool:
    return engine.dialect.name == "postgresql"


def _prepare_server(engine: Engine) -> None:
    """Limit statements and lock waits on PostgreSQL, and read times before the year 1 as ``NO_TIME``.

    Python cannot represent such a time; without this, one such row would fail every list that contains it.
    """
    _ask_idle_connections(engine)
    if not _is_postgresql(engine):
        return
    _switch_silently(engine)

    extensions = engine.dialect.dbapi.extensions  # type: ignore[union-attr]

    def read_time(text: str | None, cursor: Any) -> datetime.datetime | None:
        try:
            moment: datetime.datetime | None = extensions.PYDATETIME(text, cursor)
        except (ValueError, OverflowError):
            LOG.error("a stored time cannot be read: %.60r", text)  # noqa: TRY400
            return NO_TIME.replace(tzinfo=None)
        return moment

    times = extensions.new_type((TIMESTAMP_OID,), "TIMESTAMP", read_time)

    @event.listens_for(engine, "connect")
    def configure(dbapi_connection: Any, _record: Any) -> None:
        extensions.register_type(times, dbapi_connection)
        with dbapi_connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'")
            cursor.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT_S}s'")
            cursor.execute("SET TIME ZONE 'UTC'")
        dbapi_connection.commit()


def _switch_silently(engine: Engine) -> None:
    """Switch a connection between readers and writers without a message to the server.

    When a reader ends, SQLAlchemy names the isolation level of writers, for which psycopg2 would send a SET. If the
    server has died, that SET fails after the reader has read, and the pool never gets the connection back.
    """
    dialect = engine.dialect
    name_level = dialect.set_isolation_level

    def switch(dbapi_connection: Any, level: Any) -> None:
        if level not in ("AUTOCOMMIT", dialect.default_isolation_level):
            name_level(dbapi_connection, level)
        elif not dbapi_connection.closed:  # the next statement on a closed one reports that
            dbapi_connection.autocommit = level == "AUTOCOMMIT"

    dialect.set_isolation_level = switch  # type: ignore[method-assign]


def _ask_idle_connections(engine: Engine) -> None:
    """Ping a connection before its use only when it was idle for longer than ``TRUSTED_S``, not before each use."""
    idle_since_s: dict[int, float] = {}
    ping = engine.dialect.do_ping

    @event.listens_for(engine, "checkin")
    def returned(dbapi_connection: Any, _record: Any) -> None:
        idle_since_s[id(dbapi_connection)] = time.monotonic()

    @event.listens_for(engine, "close")
    def closed(dbapi_connection: Any, _record: Any) -> None:
        idle_since_s.pop(id(dbapi_connection), None)

    def ping_when_idle(dbapi_connection: Any) -> bool:
        idle_s = time.monotonic() - idle_since_s.get(id(dbapi_connection), -math.inf)
        return idle_s <= TRUSTED_S or ping(dbapi_connection)

    engine.dialect.do_ping = ping_when_idle  # type: ignore[method-assign]


def from_conf(conf: cfg.ConfigOpts) -> Database:
    """The database that group ``[database]`` of ``conf`` names; ValueError when it names none."""
    options.register(conf)
    group = conf.database
    if not group.connection:
        raise ValueError("[database] connection is not set")
    return Database(
        group.connection, max_pool_size=group.max_pool_size, max_overflow=group.max_overflow,
        pool_timeout_s=group.pool_timeout_s, busy_timeout_s=group.busy_timeout_s,
        sqlite_synchronous=group.sqlite_synchronous)
