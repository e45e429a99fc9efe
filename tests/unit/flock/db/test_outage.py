# SPDX-License-Identifier: Apache-2.0
"""Why a database cannot serve: the operator reads the cause, and the caller gets an Unavailable that it retries."""
from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import psycopg2.errorcodes
import psycopg2.errors
import pytest
import sqlalchemy as sa
from oslo_db import exception as db_errors
from sqlalchemy.dialects import postgresql

from flock.core.errors import Unavailable
from flock.db import Database, DeadlockError, DuplicateEntry
from flock.db.outage import unavailable

DIALECT = postgresql.dialect()


@pytest.fixture
def db(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path}/outage.sqlite")
    with database.writer() as conn:
        conn.exec_driver_sql("CREATE TABLE item (name TEXT UNIQUE)")
    yield database
    database.dispose()


def put(db: Database, name: str) -> None:
    with db.writer() as conn:
        conn.execute(sa.text("INSERT INTO item VALUES (:name)"), {"name": name})


def test_a_full_disk_is_named_and_nothing_of_the_transaction_stays(db: Database) -> None:
    put(db, "before")
    with db.reader() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar()

    with pytest.raises(Unavailable, match=r"database is not available \(its disk is full, free space on it\)"), \
            db.writer() as conn:
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        conn.execute(sa.text("INSERT INTO item VALUES ('small')"))
        conn.execute(sa.text("INSERT INTO item VALUES (:name)"), {"name": "x" * 100_000})

    with db.writer() as conn:
        conn.exec_driver_sql("PRAGMA max_page_count=100000")
    put(db, "after")
    with db.reader() as conn:
        assert conn.execute(sa.text("SELECT name FROM item")).scalars().all() == ["before", "after"]


def test_a_database_that_can_only_be_read_is_named(db: Database) -> None:
    with pytest.raises(Unavailable, match="it can only be read"), db.writer() as conn:
        conn.exec_driver_sql("PRAGMA query_only=1")
        conn.execute(sa.text("INSERT INTO item VALUES ('a')"))


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="its file cannot be opened"), \
            Database(f"sqlite:///{tmp_path}/no/such/folder/db.sqlite").reader():
        pass


def test_a_damaged_file_is_named_even_when_the_connection_is_being_prepared(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite").write_bytes(b"no database at all " * 1000)
    with pytest.raises(Unavailable, match="its file is damaged"), \
            Database(f"sqlite:///{tmp_path}/db.sqlite").reader():
        pass


def of_server(pgcode: str) -> psycopg2.Error:
    """psycopg2's error for a code of the server."""
    try:
        kind = psycopg2.errors.lookup(pgcode)
    except KeyError:  # one that the driver does not know gets its class of errors
        kind = psycopg2.DatabaseError
    return type(kind.__name__, (kind,), {"pgcode": pgcode})("some words of the server")


def wrapped(driver: psycopg2.Error, **options: Any) -> list[Exception]:
    """The forms in which SQLAlchemy and oslo.db raise an error of the driver."""
    alchemy = sa.exc.DBAPIError.instance("SELECT", {}, driver, psycopg2.Error, dialect=DIALECT, **options)
    return [driver, alchemy, db_errors.DBError(alchemy), db_errors.DBConnectionError(alchemy)]


@pytest.mark.parametrize(("code", "reason"), [
    ("53100", "its disk is full, free space on it"), ("53200", "it has no memory left"),
    ("53300", "it has no connection left"), ("25006", "it can only be read"), ("57P01", "it shuts down"),
    ("57P02", "it shuts down"), ("57P03", "it is starting"), ("58030", "its disk fails"),
    ("08006", "the connection broke"), ("57014", "a statement took too long"),
    ("25P03", "the transaction was idle for too long"), ("XX001", "its data is damaged")])
def test_conditions_of_postgresql_are_named(code: str, reason: str) -> None:
    for error in wrapped(of_server(code)):
        found = unavailable(error)
        assert type(found) is Unavailable and found.http == 503 and f"({reason})" in str(found)


# Without those of success and of warnings.
ERROR_CODE = re.compile("(?!0[0-2])[0-9A-Z]{5}")
CODES = sorted({value for name, value in vars(psycopg2.errorcodes).items()
                if not name.startswith("CLASS_") and isinstance(value, str) and ERROR_CODE.fullmatch(value)})
# Connection, resources, operator and system: the fault is the server's whatever the statement was.
SERVERS_CLASSES = ("08", "53", "57", "58")


def test_each_code_of_the_servers_classes_is_an_outage_and_each_code_of_a_statement_is_none() -> None:
    assert len(CODES) > 200
    for code in CODES:
        for error in wrapped(of_server(code))[:3]:
            if code.startswith(SERVERS_CLASSES):
                assert type(unavailable(error)) is Unavailable, code
            elif code[:2] in ("22", "23", "42"):
                assert unavailable(error) is None, code


@pytest.mark.parametrize("driver", [
    # As psycopg2 and libpq word it: while connecting, in a query, in a COPY or fetch, after the end.
    psycopg2.OperationalError('connection to server at "::1", port 5432 failed: FATAL:  it is starting up'),
    psycopg2.OperationalError('connection to server at "::1", port 5432 failed: server closed the connection'),
    psycopg2.OperationalError("timeout expired"),
    psycopg2.OperationalError("server didn't return client encoding"),
    psycopg2.OperationalError("server closed the connection unexpectedly"),
    psycopg2.OperationalError("SSL SYSCALL error: Connection reset by peer"),
    psycopg2.OperationalError("could not receive data from server: Connection timed out"),
    psycopg2.DatabaseError("server closed the connection unexpectedly"),
    psycopg2.DatabaseError("error with status PGRES_TUPLES_OK and no message from the libpq"),
    psycopg2.DatabaseError("lost synchronization with server: got message type"),
    psycopg2.InterfaceError("connection already closed"),
    psycopg2.InterfaceError("cursor already closed")], ids=str)
def test_a_connection_without_an_answer_is_an_outage_in_whatever_wrapper(driver: psycopg2.Error) -> None:
    for error in [*wrapped(driver), *wrapped(driver, connection_invalidated=True)]:
        found = unavailable(error)
        assert type(found) is Unavailable and str(driver) in str(found)


@pytest.mark.parametrize("error", [
    db_errors.DBConnectionError(),
    sa.exc.PendingRollbackError("Can't reconnect until invalid transaction is rolled back.", code="8s2b"),
    sa.exc.DBAPIError("SELECT", {}, Exception("of another driver"), connection_invalidated=True)], ids=repr)
def test_a_broken_connection_without_an_error_of_psycopg2_is_an_outage(error: Exception) -> None:
    assert "the connection broke" in str(unavailable(error))


def test_an_empty_pool_is_named() -> None:
    assert "all connections of this process are in use" in str(unavailable(sa.exc.TimeoutError("QueuePool limit")))


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03"])
def test_collisions_of_postgresql_may_be_repeated(code: str) -> None:
    for error in wrapped(of_server(code)):
        assert isinstance(unavailable(error), DeadlockError)


@pytest.mark.parametrize("error", [
    ValueError("other"), ConnectionResetError("of another service"), TimeoutError("of another service"),
    sa.exc.ResourceClosedError("This Connection is closed"), sa.exc.PendingRollbackError("inactive", code="8s2a"),
    sqlite3.OperationalError("Could not decode to UTF-8 column 'name'"),
    sa.exc.OperationalError(None, None, sqlite3.OperationalError("Could not decode to UTF-8 column 'name'")),
    psycopg2.ProgrammingError("no results to fetch"), psycopg2.DataError("unable to parse time")], ids=repr)
def test_errors_of_a_statement_a_value_or_another_service_are_no_outage(error: Exception) -> None:
    assert unavailable(error) is None


def test_a_server_that_refuses_the_connection_is_quoted() -> None:
    with pytest.raises(Unavailable, match="Connection refused"), \
            Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing").reader():
        pass


def test_defects_and_broken_rules_are_no_outage(db: Database) -> None:
    put(db, "a")
    with pytest.raises(DuplicateEntry):
        put(db, "a")
    with pytest.raises(Exception, match="no such table") as caught, db.reader() as conn:
        conn.execute(sa.text("SELECT * FROM nowhere"))
    assert not isinstance(caught.value, Unavailable)
