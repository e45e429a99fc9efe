# SPDX-License-Identifier: Apache-2.0
"""Parses and checks the query filters ``q.field``, ``q.op``, ``q.value`` of REST clients; no SQL."""
from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flock.core.errors import InvalidInput
from fm.contract.enums import SEVERITY_RANK
from fm.contract.validation import parse_time, storable

FILTERS_MAX = 50
VALUE_MAX = 2048


class Match(enum.Enum):
    """How ``eq`` compares a field; determines the other operators."""

    SUBSTRING = "substring"
    EXACT = "exact"
    SEVERITY = "severity"
    NOT_BEFORE = "not before"
    NOT_AFTER = "not after"


class Op(enum.StrEnum):
    """Operators of a filter."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"


class BadFilter(InvalidInput):
    """A filter names an unknown field or operator, or a value that its field cannot have."""

    code, http, text = "fm.filter.invalid", 400, "[HTTP 400] Invalid query filter {field}: {rule}"


@dataclass(frozen=True, slots=True)
class Filter:
    """One checked condition."""

    field: str
    match: Match
    op: Op
    value: str


def parse(fields: Sequence[str], ops: Sequence[str], values: Sequence[str],
          known: Mapping[str, Match]) -> list[Filter]:
    """The filters of the repeated arguments; a missing or empty operator means ``eq``. BadFilter names the wrong field.
    """
    if len(fields) > FILTERS_MAX:
        raise BadFilter(field="q.field", rule=f"at most {FILTERS_MAX} filters are allowed")
    if len(values) != len(fields) or len(ops) not in (0, len(fields)):
        raise BadFilter(field="q.field", rule="q.field, q.op and q.value must be given equally often")
    return [_filter(field, op, value, known)
            for field, op, value in zip(fields, ops or [""] * len(fields), values, strict=True)]


def _filter(field: str, op: str, value: str, known: Mapping[str, Match]) -> Filter:
    if field not in known:
        raise BadFilter(field=repr(field[:64]), rule=f"unknown field, known are {', '.join(sorted(known))}")
    try:
        operator = Op(op or "eq")
    except ValueError:
        raise BadFilter(field=field, rule=f"unknown operator, known are {', '.join(Op)}") from None
    if len(value) > VALUE_MAX or not storable(value):
        raise BadFilter(field=field, rule=f"the value must be a text of at most {VALUE_MAX} characters without NUL")
    match = known[field]
    if match in (Match.NOT_BEFORE, Match.NOT_AFTER):
        if operator is not Op.EQ:
            raise BadFilter(field=field, rule="only the operator eq is allowed")
        parse_time(field, value)
    if match is Match.SEVERITY and operator not in (Op.EQ, Op.NE) and value not in SEVERITY_RANK:
        raise BadFilter(field=field, rule=f"must be one of {', '.join(SEVERITY_RANK)} with this operator")
    return Filter(field, match, operator, value)
