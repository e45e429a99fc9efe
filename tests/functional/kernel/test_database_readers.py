# SPDX-License-Identifier: Apache-2.0
"""Readers and writers that share one connection: what a reader sends, and that it leaves writers transactional."""
from __future__ import annotations

import pytest
import sqlalchemy as sa
from oslo_db.exception import DBError

from flock.core.errors import Unavailable
from flock.db import Database, columns, metadata

METADATA = metadata()
THING = sa.Table("thing", METADATA, *columns(), sa.Column("name", sa.String(16)))
PID = "SELECT pg_backend_pid()"


class Refused(Exception):
    """Ends a writer."""


@pytest.fixture
def one(database: Database) -> Database:
    """A database with one connection, so that readers and writers share it."""
    METADATA.create_all(database.engine)
    database.dispose()
    return Database(database.url.render_as_string(hide_password=False), max_pool_size=1, max_overflow=0)


def refused_write(db: Database) -> None:
    with pytest.raises(Refused), db.writer() as conn:
        conn.execute(sa.insert(THING).values(name="never"))
        raise Refused


def names(db: Database) -> list[str]:
    with db.reader() as conn:
        return list(conn.execute(sa.select(THING.c.name)).scalars())


def test_a_reader_sends_nothing_but_its_statements(one: Database, database: Database) -> None:
    if one.is_sqlite:
        pytest.skip("SQLite has no connection to save messages on")
    with one.writer() as conn:
        conn.execute(sa.insert(THING).values(name="kept"))
    for _ in range(3):
        with one.reader() as conn:
            pid = conn.execute(sa.text(PID)).scalar_one()
        with database.reader() as other:
            last, state = other.execute(
                sa.text("SELECT query, state FROM pg_stat_activity WHERE pid = :pid"), {"pid": pid}).one()
        assert (last, state) == (PID, "idle")
    one.dispose()


def test_a_writer_after_a_reader_is_one_transaction(one: Database) -> None:
    assert names(one) == []
    refused_write(one)
    assert names(one) == []
    with pytest.raises((DBError, sa.exc.DBAPIError)), one.reader() as conn:
        conn.execute(sa.text("SELECT nothing FROM nowhere"))
    refused_write(one)
    assert names(one) == []
    one.dispose()


def test_a_writer_after_a_reader_whose_connection_broke_is_one_transaction(one: Database, database: Database) -> None:
    if one.is_sqlite:
        pytest.skip("SQLite has no connection to break")
    with pytest.raises(Unavailable), one.reader() as conn:
        pid = conn.execute(sa.text(PID)).scalar_one()
        with database.reader() as other:
            other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        conn.execute(sa.text(PID))
    refused_write(one)
    assert names(one) == []
    one.dispose()
