# SPDX-License-Identifier: Apache-2.0
"""Why a database cannot serve: the operator reads the cause, and the caller gets an Unavailable that it retries."""
from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from flock.core.errors import Unavailable
from flock.db import Database, DeadlockError, DuplicateEntry
from flock.db.outage import unavailable


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


class ServerError(Exception):
    """An error of psycopg2 with its code."""

    def __init__(self, pgcode: str, text: str) -> None:
        super().__init__(text)
        self.pgcode = pgcode


@pytest.mark.parametrize(("code", "reason"), [
    ("53100", "its disk is full, free space on it"), ("53200", "it has no memory left"),
    ("53300", "it has no connection left"), ("25006", "it can only be read"), ("57P01", "it shuts down"),
    ("57P03", "it is starting"), ("58030", "its disk fails")])
def test_conditions_of_postgresql_are_named(code: str, reason: str) -> None:
    driver = ServerError(code, "some words of the server")
    for error in (driver, sa.exc.OperationalError("INSERT", {}, driver)):
        found = unavailable(error)
        assert type(found) is Unavailable and f"({reason})" in str(found)


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03"])
def test_collisions_of_postgresql_may_be_repeated(code: str) -> None:
    assert isinstance(unavailable(sa.exc.DBAPIError("UPDATE", {}, ServerError(code, "collision"))), DeadlockError)


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
    assert unavailable(ValueError("other")) is None
