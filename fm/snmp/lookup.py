# SPDX-License-Identifier: Apache-2.0
"""Finds the cell of an object identifier in a table with numbered rows, or the cells that may follow it. Pure."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fm.snmp.objects import Oid

ROW_MIN, ROW_MAX = 1, 2**31 - 1


@dataclass(frozen=True, slots=True)
class Cell:
    """One instance of a table: a column and a row number."""

    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Grid:
    """The names of a table's cells: ``entry``, one of ``columns``, a row number."""

    entry: Oid
    columns: tuple[int, ...]

    def cell(self, name: Oid) -> Cell | None:
        """The cell of ``name``, even if its row does not exist; None when no cell can have that name."""
        rest = name[len(self.entry):]
        if not self.has_object(name) or len(rest) != 2 or not ROW_MIN <= rest[1] <= ROW_MAX:
            return None
        return Cell(*rest)

    def has_object(self, name: Oid) -> bool:
        """True when ``name`` lies in one of the columns, with or without a valid row."""
        length = len(self.entry)
        return len(name) > length and name[:length] == self.entry and name[length] in self.columns

    def candidates(self, start: Oid, include: bool) -> Iterator[Cell]:
        """The cells that may follow ``start`` (or equal it, with ``include``), in order: the lowest of each column."""
        head = start[:len(self.entry)]
        if head > self.entry:
            return
        rest = start[len(self.entry):] if head == self.entry else ()
        for column in self.columns:
            if not rest or column > rest[0]:
                yield Cell(column, ROW_MIN)
            elif column == rest[0]:
                row = _first_row(rest[1:], include)
                if row <= ROW_MAX:
                    yield Cell(column, row)

    def name(self, column: int, row: int) -> Oid:
        """The object identifier of a cell."""
        return (*self.entry, column, row)


def _first_row(rest: Oid, include: bool) -> int:
    if not rest:
        return ROW_MIN
    row = rest[0] if include and len(rest) == 1 else rest[0] + 1
    return max(ROW_MIN, row)
