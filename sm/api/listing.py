# SPDX-License-Identifier: Apache-2.0
"""Collections of the API: arguments of a page, and the page."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flock.api.call import Call
from flock.api.describe import Argument, Keys
from flock.api.reply import RawJson
from flock.wire.errors import BadPage, shown
from flock.wire.types import Choice, Integer, Text
from sm.api.daemon import Row

LIMIT_MAX = 1000
MARKER_CHARS_MAX = 255
DIRECTIONS = ("asc", "desc")
# The clients take it for "could not be found".
NOTHING = RawJson(b"null")


def arguments(sort_keys: Sequence[str], marker: str) -> tuple[Argument, ...]:
    """The arguments of a collection whose elements are known by ``marker``."""
    return (Argument("limit", Integer(0), f"Largest number of elements; 0 or empty means {LIMIT_MAX}."),
            Argument("marker", Text(MARKER_CHARS_MAX), f"The {marker} of the last element of the previous page."),
            Argument("sort_key", Keys(tuple(sort_keys)), "Field to sort by."),
            Argument("sort_dir", Choice(DIRECTIONS), "Direction of the sort."))


def page(call: Call, rows: Sequence[Row], sort_keys: Sequence[str], marker: str) -> list[Row]:
    """The rows that were asked for. BadPage names the argument that breaks a rule."""
    limit = min(call.query.int("limit", 0, min=0) or LIMIT_MAX, LIMIT_MAX)
    key = _choice(call, "sort_key", sort_keys, "name")
    descending = _choice(call, "sort_dir", DIRECTIONS, "asc") == "desc"
    ordered = sorted(rows, key=lambda row: (row[key], row["id"]), reverse=descending)
    after = call.query.text("marker")
    if after:
        at = next((index for index, row in enumerate(ordered) if str(row[marker]) == after), None)
        if at is None:
            raise BadPage(detail=f"Invalid marker: {shown(after)} could not be found.")
        ordered = ordered[at + 1:]
    return ordered[:limit]


def found(rows: Sequence[Row], ident: str, *names: str) -> Any:
    """The row with that identifier in one of the fields ``names``; JSON's null when there is none."""
    return next((row for name in names for row in rows if str(row[name]) == ident), NOTHING)


def _choice(call: Call, name: str, known: Sequence[str], default: str) -> str:
    value = str(call.query.text(name) or default)
    if value not in known:
        raise BadPage(detail=f"Invalid {name}: {shown(value)}. Acceptable values are: {', '.join(known)}")
    return value
