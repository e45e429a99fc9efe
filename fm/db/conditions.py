# SPDX-License-Identifier: Apache-2.0
"""SQL conditions for checked filters and entity containment, with the same case-sensitive result on every engine."""
from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from fm.contract.entity import SEPARATORS
from fm.contract.enums import SEVERITY_RANK
from fm.contract.validation import parse_time
from fm.core.filters import Filter, Match, Op

_COMPARE = {Op.LT: operator.lt, Op.LE: operator.le, Op.GT: operator.gt, Op.GE: operator.ge, Op.EQ: operator.eq,
            Op.NE: operator.ne}


def of_filters(filters: Iterable[Filter], columns: Any) -> list[sa.ColumnElement[bool]]:
    """One condition per filter; ``columns[name]`` is the column of a field."""
    return [_condition(item, columns[item.field]) for item in filters]


def within(column: Any, entity: str | sa.BindParameter[str]) -> sa.ColumnElement[bool]:
    """``column`` equals ``entity`` or lies below it.

    Uses ranges so that the database can use an index: all texts that begin with ``entity`` and a separator sort before
    ``entity`` and the next character, because every engine compares entities byte by byte.
    """
    return sa.or_(column == entity, *(sa.and_(column >= entity + mark, column < entity + chr(ord(mark) + 1))
                                      for mark in SEPARATORS))


def contains_column(outer: Any, inner: Any) -> sa.ColumnElement[bool]:
    """The entity in column ``outer`` equals or contains the one in column ``inner``."""
    head = sa.func.substr(inner, 1, sa.func.length(outer) + 1)
    return sa.or_(outer == inner, *(head == outer.concat(mark) for mark in SEPARATORS))


def severity_rank(column: Any) -> sa.ColumnElement[int]:
    """The rank of a severity column."""
    return sa.case(*((column == name, rank) for name, rank in SEVERITY_RANK.items()), else_=0)


def _condition(item: Filter, column: Any) -> sa.ColumnElement[bool]:
    if item.match is Match.NOT_BEFORE:
        return _bool(column >= parse_time(item.field, item.value))
    if item.match is Match.NOT_AFTER:
        return _bool(column <= parse_time(item.field, item.value))
    if item.op in (Op.EQ, Op.NE) and item.match is not Match.EXACT:
        found = _has(column, item.value)
        return found if item.op is Op.EQ else sa.not_(found)
    if item.match is Match.SEVERITY:
        return _bool(_COMPARE[item.op](severity_rank(column), SEVERITY_RANK[item.value]))
    return _bool(_COMPARE[item.op](column, item.value))


def _has(column: Any, text: str) -> sa.ColumnElement[bool]:
    """``column`` contains ``text``. Uses REPLACE because LIKE ignores case on SQLite and needs escapes."""
    if not text:
        return sa.true()
    return _bool(sa.func.replace(column, text, "") != column)


def _bool(expression: Any) -> sa.ColumnElement[bool]:
    condition: sa.ColumnElement[bool] = expression
    return condition
