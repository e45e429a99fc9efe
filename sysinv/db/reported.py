# SPDX-License-Identifier: Apache-2.0
"""A host's rows of one table that follow its reports: what a report changes in them (pure), and writing it.

``host`` is the table's column with the host's row id.
"""
from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.db.lookup import Row

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """Rows to insert, columns to write by row id, row ids to delete, and sentences for the log."""

    insert: list[dict[str, Any]] = field(default_factory=list)
    update: dict[int, dict[str, Any]] = field(default_factory=dict)
    delete: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compare(stored: Mapping[Any, Mapping[str, Any]], wanted: Mapping[Any, Mapping[str, Any]], *,
            partial: bool = False) -> Change:
    """Compare rows by what identifies them. Rows that a ``partial`` report omits may still be there and stay."""
    change = Change(delete=[] if partial else [row["id"] for key, row in stored.items() if key not in wanted])
    for key, values in wanted.items():
        if key not in stored:
            change.insert.append(dict(values))
        elif changed := {name: value for name, value in values.items() if stored[key][name] != value}:
            change.update[stored[key]["id"]] = changed
    return change


def of_host(conn: Connection, host: sa.Column[Any], host_id: int) -> list[Row]:
    """Return the host's rows."""
    return [dict(row) for row in conn.execute(sa.select(host.table).where(host == host_id)).mappings()]


def insert(conn: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows, those with the same columns in one statement."""
    for _, alike in itertools.groupby(rows, key=_columns):
        conn.execute(sa.insert(table), [dict(row) for row in alike])


def _columns(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row)


def apply(conn: Connection, host: sa.Column[Any], owner: Row, change: Change) -> None:
    """Write a change of the host ``owner``; removes rows first, so that their places are free."""
    table = host.table
    if change.delete:
        conn.execute(sa.delete(table).where(table.c.id.in_(change.delete)))
    for row_id, values in change.update.items():
        conn.execute(sa.update(table).where(table.c.id == row_id).values(**values))
    insert(conn, table, [{host.name: owner["id"], **values} for values in change.insert])
    for note in change.notes:
        LOG.warning("host %s: %s", owner["hostname"], note)
