# SPDX-License-Identifier: Apache-2.0
"""Keyset paging over any query: the rows after a marker row, in the same order on every engine."""
from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from oslo_db.exception import DBError
from sqlalchemy.engine import Connection, CursorResult

from flock.db.outage import unavailable
from flock.wire.errors import BadPage, shown

LOG = logging.getLogger(__name__)
# Errors of drivers for a stored value that Python cannot represent, such as a time before the year 1.
UNREADABLE = (ValueError, TypeError, OverflowError, DBError, sa.exc.OperationalError)


def keyset(conn: Connection, query: sa.Select[Any], table: sa.Table, *, sort: Sequence[tuple[str, bool]] = (),
           marker: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """At most ``limit`` rows of ``query`` after the row of ``table`` whose uuid is ``marker``, as dicts by column name.

    ``sort``: (column of ``table``, descending) pairs; the id, in the direction of the first one, makes the order total.
    NULL comes last in both directions. BadPage when no row of the table has that uuid. Omits unreadable rows.
    """
    orders = [(table.c[name], descending) for name, descending in sort]
    if table.c.id not in [column for column, _ in orders]:
        orders.append((table.c.id, orders[0][1] if orders else False))
    if marker is not None:
        place = conn.execute(sa.select(*(column for column, _ in orders)).where(table.c.uuid == marker)).first()
        if place is None:
            raise BadPage(detail=f"The marker {shown(marker)} is not there any more. Start again from the first page.")
        query = query.where(_after(orders, place))
    terms: list[sa.ColumnElement[Any]] = []
    for column, descending in orders:
        terms += [column.is_(None)] if column.nullable else []
        terms.append(column.desc() if descending else column.asc())
    return rows(conn, query.order_by(*terms).limit(limit), table.c.id)


def _after(orders: Sequence[tuple[sa.Column[Any], bool]], place: Sequence[Any]) -> sa.ColumnElement[bool]:
    """The condition for rows after the one that has the values ``place`` in the columns of ``orders``."""
    found: list[sa.ColumnElement[bool]] = []
    same: list[sa.ColumnElement[bool]] = []
    for (column, descending), value in zip(orders, place, strict=True):
        if value is None:
            same.append(column.is_(None))
            continue
        beyond = column < value if descending else column > value
        found.append(sa.and_(*same, sa.or_(beyond, column.is_(None)) if column.nullable else beyond))
        same.append(column == value)
    return sa.or_(*found)


def as_dicts(result: CursorResult[Any]) -> list[dict[str, Any]]:
    """All rows as dicts by column name."""
    names = list(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


def rows(conn: Connection, query: sa.Select[Any], ident: sa.Column[int]) -> list[dict[str, Any]]:
    """All rows of ``query`` as dicts by column name, without the unreadable ones.

    If a row cannot be read, reads the rows one by one by ``ident`` (the id column of the listed table), and logs and
    omits the unreadable ones. Raises the driver's error when no row can be read, and when the error is about the
    database (``flock.db.outage.unavailable``), not about a row.
    """
    try:
        return as_dicts(conn.execute(query))
    except UNREADABLE as error:
        if unavailable(error) is not None:
            raise
        LOG.warning("rows of %s are read one by one: %s", ident.table.name, error)
        found: list[dict[str, Any]] = []
        for number in conn.execute(query.with_only_columns(ident, maintain_column_froms=True)).scalars().all():
            try:
                found += as_dicts(conn.execute(query.where(ident == number)))
            except UNREADABLE as error_of_row:
                if unavailable(error_of_row) is not None:
                    raise
                LOG.error("row %s of %s cannot be read and is left out", number, ident.table.name)  # noqa: TRY400
        if not found:
            # Every row failed, so the cause is not a single bad row.
            raise
        return found
