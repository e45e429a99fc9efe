# SPDX-License-Identifier: Apache-2.0
"""Lists over a connection that breaks: the list fails as a whole, no row is taken for an unreadable one."""
from __future__ import annotations

import sqlite3
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa
from oslo_db.exception import DBConnectionError
from sqlalchemy.engine import Connection

from flock.db.paging import rows

TABLE = sa.Table("thing", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String))


class Breaking:
    """Passes statements on; raises ``errors[number]`` in place of the statement of that number."""

    def __init__(self, conn: Connection, errors: dict[int, Exception]) -> None:
        self._conn = conn
        self._errors = errors
        self.asked = 0

    def execute(self, statement: Any) -> Any:
        self.asked += 1
        if self.asked in self._errors:
            raise self._errors[self.asked]
        return self._conn.execute(statement)


BUSY = sa.exc.OperationalError("SELECT", {}, type("Busy", (sqlite3.OperationalError,), {
    "sqlite_errorname": "SQLITE_BUSY"})("database is locked"))


@pytest.mark.parametrize("errors", [
    {1: DBConnectionError()}, {1: ValueError("year 0"), 4: DBConnectionError()},
    {1: sa.exc.OperationalError("SELECT", {}, psycopg2.OperationalError("SSL SYSCALL error"))},
    {1: ValueError("year 0"), 4: BUSY}],
    ids=["broken at once", "broken one by one", "broken without oslo.db", "locked one by one"])
def test_a_database_that_does_not_serve_ends_the_list(errors: dict[int, Exception]) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as conn:
        TABLE.create(conn)
        conn.execute(sa.insert(TABLE), [{"name": "a"}, {"name": "b"}, {"name": "c"}])
        breaking: Any = Breaking(conn, errors)
        with pytest.raises(type(errors[max(errors)])):
            rows(breaking, sa.select(TABLE), TABLE.c.id)
        assert breaking.asked == max(errors)


def test_an_unreadable_row_is_left_out() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as conn:
        TABLE.create(conn)
        conn.execute(sa.insert(TABLE), [{"name": "a"}, {"name": "b"}])
        breaking: Any = Breaking(conn, {1: ValueError("year 0"), 4: ValueError("year 0")})
        assert rows(breaking, sa.select(TABLE), TABLE.c.id) == [{"id": 1, "name": "a"}]
