# SPDX-License-Identifier: Apache-2.0
"""Reads rows from the open database and writes the rows that changed; a row that cannot be read is left alone.

All names in the statements are those of the row types, never of users.
"""
from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from sm.catalogue.problems import Problem
from sm.catalogue.rows import key_of
from sm.store.schema import ALL_TYPES, columns, from_sql, quoted, to_sql


def read(connection: sqlite3.Connection, table: str) -> tuple[tuple[Any, ...], list[Problem]]:
    """The rows of a table in the order in which they were added, and what is wrong with those that are left out."""
    row_type = ALL_TYPES[table]
    found, wrong = [], []
    names = quoted(column.name for column in columns(table))
    for number, *stored in connection.execute(f'SELECT id, {names} FROM "{table}" ORDER BY id'):  # noqa: S608
        fields = {}
        for column, value in zip(columns(table), stored, strict=True):
            try:
                fields[column.name] = from_sql(column, value)
            except ValueError as error:
                wrong.append(Problem(table, f"row {number}", column.name, f"{error}; the row is ignored"))
        if len(fields) == len(stored):
            found.append(row_type(**fields))
    return tuple(found), wrong


def write(connection: sqlite3.Connection, table: str, before: Iterable[Any], after: Iterable[Any]) -> None:
    """Make ``after`` of a table that holds ``before``; unchanged rows are not touched, and numbers stay."""
    was = {key_of(row): row for row in before}
    now = {key_of(row): row for row in after}
    for key, row in was.items():
        if key not in now:
            delete(connection, table, row)
    for key, row in now.items():
        if was.get(key) != row:
            put(connection, table, row)


def put(connection: sqlite3.Connection, table: str, row: Any) -> None:
    """Add the row, or change the one with its key."""
    names = [column.name for column in columns(table)]
    changed = [name for name in names if name not in row.KEY]
    updates = ", ".join(f'"{name}" = excluded."{name}"' for name in changed)
    values = ", ".join("?" * len(names))
    otherwise = f"UPDATE SET {updates}" if updates else "NOTHING"
    statement = (f'INSERT INTO "{table}" ({quoted(names)}) VALUES ({values}) '  # noqa: S608
                 f"ON CONFLICT ({quoted(row.KEY)}) DO {otherwise}")
    connection.execute(statement, [to_sql(getattr(row, name)) for name in names])


def delete(connection: sqlite3.Connection, table: str, row: Any) -> None:
    """Remove the row with this row's key."""
    where = " AND ".join(f'"{name}" = ?' for name in row.KEY)
    statement = f'DELETE FROM "{table}" WHERE {where}'  # noqa: S608
    connection.execute(statement, [to_sql(getattr(row, name)) for name in row.KEY])
