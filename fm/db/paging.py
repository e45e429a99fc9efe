# SPDX-License-Identifier: Apache-2.0
"""Keyset paging over any ordered selection: the rows after a known row, with the same order on every engine."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult


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
