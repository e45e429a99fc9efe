# SPDX-License-Identifier: Apache-2.0
"""Finds the cell of an object identifier in a table with numbered rows, or the cells that may follow it. Pure."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fm.snmp.objects import Oid

ROW_MIN, ROW_MAX = 1, 2**31 - 1


@dataclass(frozen=True, slots=True)
class Cell:
    """One instance of a table: a column and a row number."""

    column: int
    row: int


def exact(entry: Oid, columns: Sequence[int], name: Oid) -> Cell | None:
    """The cell of ``name`` below ``entry``; None when no cell can have that name."""
    rest = name[len(entry):]
    if name[:len(entry)] != entry or len(rest) != 2 or rest[0] not in columns or not ROW_MIN <= rest[1] <= ROW_MAX:
        return None
    return Cell(*rest)


def is_object(entry: Oid, columns: Sequence[int], name: Oid) -> bool:
    """True when ``name`` lies in one of ``columns``, with or without a valid row."""
    return len(name) > len(entry) and name[:len(entry)] == entry and name[len(entry)] in columns


def onwards(entry: Oid, columns: Sequence[int], start: Oid, include: bool) -> Iterator[Cell]:
    """The cells that may follow ``start`` (or equal it, with ``include``), in order: the lowest row of each column."""
    head = start[:len(entry)]
    if head > entry:
        return
    rest = start[len(entry):] if head == entry else ()
    for column in columns:
        if not rest or column > rest[0]:
            yield Cell(column, ROW_MIN)
        elif column == rest[0]:
            row = _first_row(rest[1:], include)
            if row <= ROW_MAX:
                yield Cell(column, row)


def name_of(entry: Oid, cell: Cell) -> Oid:
    """The object identifier of a cell."""
    return (*entry, cell.column, cell.row)


def _first_row(rest: Oid, include: bool) -> int:
    if not rest:
        return ROW_MIN
    row = rest[0] if include and len(rest) == 1 else rest[0] + 1
    return max(ROW_MIN, row)
