# SPDX-License-Identifier: Apache-2.0
"""New rows of several tables at once: values, order, errors and the number of statements, on both engines."""
from __future__ import annotations

import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from flock.db import Database, DuplicateEntry, Json, ReferenceError, UtcTime, metadata
from flock.db.inserts import ROWS_MAX, Insertion, NewRows, insert_all

METADATA = metadata()
KIND = sa.Table("kind", METADATA, sa.Column("name", sa.String(64), primary_key=True))
THING = sa.Table(
    "thing", METADATA, sa.Column("id", sa.Integer, primary_key=True), sa.Column("timestamp", UtcTime, nullable=True),
    sa.Column("kind", sa.String(64), sa.ForeignKey("kind.name"), nullable=False), sa.Column("order", Json),
    sa.Column("good", sa.Boolean, nullable=False))
KINDS, THINGS = Insertion(KIND, ("name",)), Insertion(THING, ("timestamp", "kind", "order", "good"))
AT = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))


@pytest.fixture
def db(database: Database) -> Database:
    METADATA.create_all(database.engine)
    return database


def put(db: Database, *parts: NewRows) -> list[str]:
    """Store the parts in one transaction; the INSERT statements that did it."""
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "INSERT" in statement:
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with db.writer() as conn:
            insert_all(conn, parts)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return seen


def things(db: Database) -> list[Any]:
    with db.reader() as conn:
        return list(conn.execute(sa.select(THING).order_by(THING.c.id)).all())


def test_values_are_stored_as_single_statements_store_them(db: Database) -> None:
    name = "100 % 'quoted' \" \\ %s :x ü"
    put(db, NewRows(KINDS, [(name,)]), NewRows(THINGS, [(AT, name, {"a": [1, None]}, True), (None, name, None, False)]))
    first, second = things(db)
    assert (first.timestamp, first.kind, first.order, first.good) == (AT, name, {"a": [1, None]}, True)
    assert (second.timestamp, second.order, second.good) == (None, None, False)


def test_on_postgresql_all_is_one_statement_whatever_refers_to_what(db: Database) -> None:
    parts = [NewRows(KINDS, [("a",), ("b",)]), NewRows(THINGS, []), NewRows(THINGS, [(None, "b", 1, True)])]
    assert len(put(db, *parts)) == (2 if db.is_sqlite else 1)
    assert put(db, NewRows(THINGS, [])) == []
    if not db.is_sqlite:
        put(db, NewRows(THINGS, [(None, "later", 1, True)]), NewRows(KINDS, [("later",)]))


def test_many_rows_keep_their_order(db: Database) -> None:
    many = 2 * ROWS_MAX + 1
    put(db, NewRows(KINDS, [("a",)]), NewRows(THINGS, [(None, "a", number, True) for number in range(many)]))
    assert [row.order for row in things(db)] == list(range(many))


def test_a_refused_row_takes_all_others_with_it(db: Database) -> None:
    put(db, NewRows(KINDS, [("a",)]))
    with pytest.raises(DuplicateEntry):
        put(db, NewRows(THINGS, [(None, "a", 1, True)]), NewRows(KINDS, [("b",), ("a",)]))
    with pytest.raises(ReferenceError):
        put(db, NewRows(KINDS, [("b",)]), NewRows(THINGS, [(None, "nowhere", 1, True)]))
    assert things(db) == []
    with db.reader() as conn:
        assert conn.execute(sa.select(KIND.c.name)).scalars().all() == ["a"]
