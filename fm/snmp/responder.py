# SPDX-License-Identifier: Apache-2.0
"""Answers the requests of a master agent from the tables, read only.

snmpd splits one bulk request of a manager into many requests with the same transaction id. Rows read for a transaction
are cached until the next one. The number of rows that a transaction served is the size of the next one's first read.
"""
from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from fm.snmp.agentx.messages import ErrorStatus, Get, GetBulk, Response, SearchRange, Syntax, Variable
from fm.snmp.columns import ShownFault
from fm.snmp.objects import Oid, Value
from fm.snmp.tables import Table

RANGES_MAX = 256
# Most rows in one reply to a bulk request; a manager sends another request for more.
REPETITIONS_MAX = 100
VARIABLES_MAX = 2000
# Factor by which each further read of a transaction grows, and the most rows of one read.
READ_GROWTH = 8
READ_MAX = 128
TRANSACTION_LIFE_S = 2.0

Reader = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive visible rows of a table from number ``start``; ``complete`` when no rows follow."""

    start: int
    rows: tuple[tuple[int, ShownFault], ...]
    complete: bool

    def covers(self, row: int) -> bool:
        """True when the window determines the first visible row with a number of at least ``row``."""
        return self.start <= row and (self.complete or self.rows[-1][0] >= row)

    def first(self, row: int) -> tuple[int, ShownFault] | None:
        """The first row with a number of at least ``row``, None without one; ``covers(row)`` must be True."""
        return next((found for found in self.rows if found[0] >= row), None)


class Transaction:
    """The rows read for one transaction of the master agent."""

    def __init__(self, number: int, began_s: float, rows_expected: int = 1) -> None:
        self.number = number
        self.began_s = began_s
        self._limit = max(1, min(READ_MAX, rows_expected))
        self._windows: dict[Oid, Window] = {}
        self._served: set[tuple[Oid, int]] = set()

    @property
    def rows_served(self) -> int:
        """Number of rows used in replies."""
        return len(self._served)

    def window(self, table: Table, row: int) -> Window | None:
        """The cached window of ``table`` that covers ``row``, or None."""
        window = self._windows.get(table.entry)
        return window if window is not None and window.covers(row) else None

    def read(self, conn: Connection, table: Table, row: int, rows_min: int) -> Window:
        """Read a window from ``row``, at least ``rows_min`` rows and more than the last read."""
        limit = max(rows_min, self._limit)
        self._limit = min(READ_MAX, self._limit * READ_GROWTH)
        rows = tuple(table.rows_from(conn, row, limit))
        window = self._windows[table.entry] = Window(row, rows, complete=len(rows) < limit)
        return window

    def serve(self, table: Table, window: Window, row: int) -> tuple[int, ShownFault] | None:
        """The first row of ``window`` with a number of at least ``row``; counts it as served."""
        found = window.first(row)
        if found is not None and len(self._served) < READ_MAX:
            self._served.add((table.entry, found[0]))
        return found


class Responder:
    """Looks up names in ``tables``, sorted by object identifier. Not thread-safe."""

    def __init__(self, tables: Sequence[Table], reader: Reader) -> None:
        self._tables = tuple(tables)
        self._reader = reader
        self._transaction = Transaction(-1, 0.0)

    def answer(self, request: Get | GetBulk, transaction_id: int, now_s: float) -> Response:
        """The response to a read that belongs to ``transaction_id``; ``now_s`` is a monotonic time."""
        if len(request.ranges) > RANGES_MAX:
            return Response(ErrorStatus.GEN_ERR, RANGES_MAX + 1)
        known = self._transaction
        if known.number != transaction_id or not 0 <= now_s - known.began_s <= TRANSACTION_LIFE_S:
            self._transaction = Transaction(transaction_id, now_s, known.rows_served)
        with contextlib.ExitStack() as stack:
            view = _View(self._tables, self._transaction, self._reader, stack)
            if isinstance(request, GetBulk):
                return Response(variables=_bulk(view, request))
            find = view.following if request.following else view.exact
            return Response(variables=tuple(find(item) for item in request.ranges))


class _View:
    """The tables during one request. Queries the database only when needed, in one transaction."""

    def __init__(self, tables: Sequence[Table], transaction: Transaction, reader: Reader,
                 stack: contextlib.ExitStack) -> None:
        self._tables, self._transaction = tables, transaction
        self._reader, self._stack = reader, stack
        self._conn: Connection | None = None
        self.rows_min = 1

    def exact(self, item: SearchRange) -> Variable:
        """The variable with exactly this name, or noSuchInstance or noSuchObject."""
        for table in self._tables:
            cell = table.cell(item.start)
            if cell is not None:
                found = self._first(table, cell.row)
                if found is not None and found[0] == cell.row:
                    return _variable(item.start, table.value(found[1], cell.column))
            if table.has_object(item.start):
                return Variable(item.start, Syntax.NO_SUCH_INSTANCE)
        return Variable(item.start, Syntax.NO_SUCH_OBJECT)

    def following(self, item: SearchRange) -> Variable:
        """The first variable of the range, or endOfMibView."""
        for table in self._tables:
            for cell in table.candidates(item.start, item.include):
                if item.end and table.name(cell.column, cell.row) >= item.end:
                    return Variable(item.start, Syntax.END_OF_MIB_VIEW)
                found = self._first(table, cell.row)
                if found is None:
                    continue
                name = table.name(cell.column, found[0])
                if item.end and name >= item.end:
                    return Variable(item.start, Syntax.END_OF_MIB_VIEW)
                return _variable(name, table.value(found[1], cell.column))
        return Variable(item.start, Syntax.END_OF_MIB_VIEW)

    def _first(self, table: Table, row: int) -> tuple[int, ShownFault] | None:
        """The first visible row with a number of at least ``row``, or None."""
        window = self._transaction.window(table, row)
        if window is None:
            if self._conn is None:
                self._conn = self._stack.enter_context(self._reader())
            window = self._transaction.read(self._conn, table, row, self.rows_min)
        return self._transaction.serve(table, window, row)


def _bulk(view: _View, request: GetBulk) -> tuple[Variable, ...]:
    """The non-repeaters once, then the repeaters in turn until all reached their end or the reply is at its limit."""
    once = min(request.non_repeaters, len(request.ranges))
    found = [view.following(item) for item in request.ranges[:once]]
    repeating = list(request.ranges[once:])
    if not repeating:
        return tuple(found)
    rounds = min(request.max_repetitions, REPETITIONS_MAX, max(1, VARIABLES_MAX // len(repeating)))
    view.rows_min = max(1, rounds)
    for _ in range(rounds):
        row = [view.following(item) for item in repeating]
        found += row
        if all(variable.syntax is Syntax.END_OF_MIB_VIEW for variable in row):
            break
        repeating = [SearchRange(variable.name, item.end) for variable, item in zip(row, repeating, strict=True)]
    return tuple(found)


def _variable(name: Oid, value: Value) -> Variable:
    return Variable(name, Syntax.INTEGER if isinstance(value, int) else Syntax.OCTET_STRING, value)
