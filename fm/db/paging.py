# SPDX-License-Identifier: Apache-2.0
"""Keyset paging over any ordered selection: the rows after a known row, with the same order on every engine."""
from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from oslo_db.exception import DBError
from sqlalchemy.engine import Connection, CursorResult

LOG = logging.getLogger(__name__)
# What drivers raise for a stored value that Python cannot hold, such as a time before the year 1.
UNREADABLE = (ValueError, TypeError, OverflowError, DBError, sa.exc.OperationalError)


@dataclass(frozen=True, slots=True)
class Order:
    """One column of an ordering; the last one must be unique."""

    column: sa.ColumnElement[Any]
    descending: bool = False


def order_by(orders: Sequence[Order]) -> list[sa.ColumnElement[Any]]:
    """The ORDER BY terms."""
    return [order.column.desc() if order.descending else order.column.asc() for order in orders]


def after(orders: Sequence[Order], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Rows behind the one that has ``values`` in the columns of ``orders``."""
    terms = []
    for place, order in enumerate(orders):
        same = [earlier.column == value for earlier, value in zip(orders[:place], values, strict=False)]
        beyond = order.column < values[place] if order.descending else order.column > values[place]
        terms.append(sa.and_(*same, beyond))
    return sa.or_(*terms)


def as_dicts(result: CursorResult[Any]) -> list[dict[str, Any]]:
    """All rows by column name."""
    names = list(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


def rows(conn: Connection, query: sa.Select[Any], ident: sa.Column[int]) -> list[dict[str, Any]]:
    """All rows of ``query`` by column name. When one of them cannot be read it is left out, with a line in the log:
    they are then read one by one by ``ident``, the id of the table that is listed."""
    try:
        return as_dicts(conn.execute(query))
    except UNREADABLE as error:
        LOG.warning("rows of %s are read one by one: %s", ident.table.name, error)
        found: list[dict[str, Any]] = []
        for number in conn.execute(query.with_only_columns(ident, maintain_column_froms=True)).scalars().all():
            try:
                found += as_dicts(conn.execute(query.where(ident == number)))
            except UNREADABLE:
                LOG.error("row %s of %s cannot be read and is left out", number, ident.table.name)  # noqa: TRY400
        if not found:
            # Then it is not a row that is wrong.
            raise
        return found
