# SPDX-License-Identifier: Apache-2.0
"""The two tables of WRS-ALARM-MIB on fm's database: rows by number, queried for each request.

The listings of the resources select the rows, so a table shows the same rows as ``fm alarm-list`` and
``fm event-list``.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from fm.core.filters import Filter, Match, Op
from fm.resources.alarm import store as alarms
from fm.resources.event_log import store as events
from fm.snmp.columns import ShownFault, active_value, event_value, from_alarm, from_event
from fm.snmp.lookup import Grid
from fm.snmp.objects import ACTIVE_ENTRY, EVENT_ENTRY, ActiveColumn, EventColumn, Value

Rows = list[tuple[int, ShownFault]]
_BY_NUMBER = [("id", False)]


@dataclass(frozen=True, slots=True)
class Table(Grid):
    """One table: the query for its rows, and ``value``, which converts a row to a column's value."""

    find: Callable[[Connection, Sequence[Filter], int], Rows]
    value: Callable[[ShownFault, int], Value]

    def rows_from(self, conn: Connection, row: int, limit: int) -> Rows:
        """At most ``limit`` visible rows with numbers of at least ``row``, in order."""
        return self.find(conn, [Filter("id", Match.EXACT, Op.GE, str(row))], limit)


def active_table(system_name: str) -> Table:
    """wrsAlarmActiveTable: active alarms that are not suppressed, silenced or masked."""
    prefix = f"system={system_name}."

    def find(conn: Connection, filters: Sequence[Filter], limit: int) -> Rows:
        rows = alarms.listing(conn, filters=filters, include_suppress=False, sort=_BY_NUMBER, marker=None, limit=limit)
        return [(row["id"], from_alarm(row, prefix)) for row in rows or ()]

    return Table(ACTIVE_ENTRY, _shown(ActiveColumn), find,
                 lambda fault, column: active_value(fault, ActiveColumn(column)))


def event_table(system_name: str) -> Table:
    """wrsEventTable: all customer logs, and events of alarms that are not suppressed or silenced."""
    prefix = f"system={system_name}."

    def find(conn: Connection, filters: Sequence[Filter], limit: int) -> Rows:
        rows = events.listing(conn, filters=filters, states=(), include_suppress=False, sort=_BY_NUMBER, marker=None,
                              limit=limit)
        return [(row["id"], from_event(row, prefix)) for row in rows or ()]

    return Table(EVENT_ENTRY, _shown(EventColumn), find, lambda fault, column: event_value(fault, EventColumn(column)))


def _shown(columns: Any) -> tuple[int, ...]:
    """The numbers of the accessible columns: all but the index, which is part of each name but not an object."""
    return tuple(int(column) for column in columns if column != 1)
