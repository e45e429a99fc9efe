# SPDX-License-Identifier: Apache-2.0
"""Inserts rows of several tables in one statement on PostgreSQL, where each statement costs a round trip."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

# Rows of one table in one statement; more rows are not faster.
ROWS_MAX = 500
Bind = Callable[[Any], Any]


class Insertion:
    """A table and the columns that ``NewRows`` fill.

    ``names`` must hold every column that has no default in the database: SQLAlchemy's defaults do not apply here.
    """

    def __init__(self, table: sa.Table, names: Sequence[str]) -> None:
        self.table = table
        self.names = tuple(names)
        self._texts: dict[str, _Text] = {}

    def text(self, dialect: Dialect) -> _Text:
        """The statement in the syntax of ``dialect``; cached."""
        found = self._texts.get(dialect.name)
        if found is None:
            found = self._texts[dialect.name] = self._text(dialect)
        return found

    def _text(self, dialect: Dialect) -> _Text:
        columns = [self.table.c[name] for name in self.names]
        quoted = dialect.identifier_preparer
        names = ", ".join(map(quoted.format_column, columns))
        head = f"INSERT INTO {quoted.format_table(self.table)} ({names}) VALUES "  # noqa: S608 - names of our own
        binds = ((place, column.type.dialect_impl(dialect).bind_processor(dialect))
                 for place, column in enumerate(columns))
        return _Text(head, f"({', '.join(['%s'] * len(columns))})",
                     tuple((place, bind) for place, bind in binds if bind is not None))


@dataclass(frozen=True, slots=True)
class NewRows:
    """Rows for one table, each with its values in the order of ``into.names``; inserted in this order."""

    into: Insertion
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class _Text:
    """The start of the statement, the placeholders of one row, and the converters of values by their place."""

    head: str
    marks: str
    binds: tuple[tuple[int, Bind], ...]

    def statement(self, rows: Sequence[Sequence[Any]], values: list[Any]) -> str:
        """The statement that inserts ``rows``; appends their values to ``values``."""
        for row in rows:
            converted = list(row)
            for place, bind in self.binds:
                converted[place] = bind(converted[place])
            values += converted
        return self.head + ", ".join([self.marks] * len(rows))


def insert_all(conn: Connection, parts: Sequence[NewRows]) -> None:
    """Insert all rows in the transaction of ``conn``. Raises DuplicateEntry and ReferenceError like single statements.

    On PostgreSQL a foreign key may point from any part to any other, because PostgreSQL checks it at the end of the
    statement. On other engines, inserts the parts one after the other.
    """
    wanted = [part for part in parts if part.rows]
    if conn.dialect.name != "postgresql":
        for part in wanted:
            conn.execute(sa.insert(part.into.table),
                         [dict(zip(part.into.names, row, strict=True)) for row in part.rows])
        return
    rounds = max((len(part.rows) for part in wanted), default=0)
    for start in range(0, rounds, ROWS_MAX):
        _insert_together(conn, [(part.into, chunk) for part in wanted
                                if (chunk := part.rows[start:start + ROWS_MAX])])


def _insert_together(conn: Connection, parts: Sequence[tuple[Insertion, Sequence[Sequence[Any]]]]) -> None:
    values: list[Any] = []
    texts = [into.text(conn.dialect).statement(rows, values) for into, rows in parts]
    before = ", ".join(f"part_{number} AS ({text})" for number, text in enumerate(texts[:-1]))
    conn.exec_driver_sql(f"WITH {before} {texts[-1]}" if before else texts[-1], tuple(values))
