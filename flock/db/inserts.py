# SPDX-License-Identifier: Apache-2.0
"""New rows of several tables in one statement on PostgreSQL, where each statement costs a round trip."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

# Rows of one table in one statement; a longer text is not faster.
ROWS_MAX = 500
Bind = Callable[[Any], Any]


class Insertion:
    """Into which columns of a table rows go. Every column without a default of the database must be named: the
    defaults that SQLAlchemy fills in are not."""

    def __init__(self, table: sa.Table, names: Sequence[str]) -> None:
        self.table = table
        self.names = tuple(names)
        self._texts: dict[str, _Text] = {}

    def text(self, dialect: Dialect) -> _Text:
        """How ``dialect`` writes it; worked out once."""
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
    """Rows for one table, each with its values in the order of ``into.names``; stored in this order."""

    into: Insertion
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class _Text:
    """The beginning of the statement, the marks of one row, and which values are converted first."""

    head: str
    marks: str
    binds: tuple[tuple[int, Bind], ...]

    def statement(self, rows: Sequence[Sequence[Any]], values: list[Any]) -> str:
        """The text for ``rows``; their values are added to ``values``."""
        for row in rows:
            converted = list(row)
            for place, bind in self.binds:
                converted[place] = bind(converted[place])
            values += converted
        return self.head + ", ".join([self.marks] * len(rows))


def insert_all(conn: Connection, parts: Sequence[NewRows]) -> None:
    """Store all rows in the transaction of ``conn``. DuplicateEntry and ReferenceError as with single statements.

    A foreign key may point from any part to any other: PostgreSQL checks them at the end, elsewhere the parts are
    stored one after the other.
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
