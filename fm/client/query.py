# SPDX-License-Identifier: Apache-2.0
"""Converts the query language ``field<op>[type::]value;...`` to ``q.*`` arguments."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flock.cli.errors import CliError

OPERATORS = (("!=", "ne"), ("<=", "le"), (">=", "ge"), ("=", "eq"), ("<", "lt"), (">", "gt"))
_OF_EVENTS = {"alarm_id": "event_log_id", "alarm_type": "event_log_type"}
TYPES = ("string", "integer", "float", "datetime", "boolean")


@dataclass(frozen=True, slots=True)
class ListPart:
    """Part of a list: at most ``limit`` rows after uuid ``marker``, sorted by field ``sort``; None: the default."""

    limit: int | None = None
    marker: str | None = None
    sort: str | None = None
    descending: bool = False

    def arguments(self) -> list[tuple[str, str]]:
        """The page as arguments of the API."""
        given = {"sort_key": self.sort, "sort_dir": self.sort and ("desc" if self.descending else "asc"),
                 "limit": self.limit, "marker": self.marker}
        return [(name, str(value)) for name, value in given.items() if value]


WHOLE = ListPart()


def query_arguments(query: str | Sequence[tuple[str, str]] | None) -> list[tuple[str, str]]:
    """The ``q.*`` arguments of a query text; returns ready arguments unchanged. CliError names an invalid condition."""
    if query is not None and not isinstance(query, str):
        return list(query)
    arguments: list[tuple[str, str]] = []
    for part in (query or "").split(";"):
        if not part.strip():
            continue
        at, sign, name = min(((part.find(sign), sign, name) for sign, name in OPERATORS if sign in part),
                             default=(-1, "", ""), key=lambda found: (found[0], -len(found[1])))
        if at < 0 or not part[:at].strip():
            raise CliError(f"Cannot read the query {part!r}: it must be field<op>value with one of = != < <= > >=.")
        value = part[at + len(sign):].strip()
        kind, separator, rest = value.partition("::")
        if not separator or kind not in TYPES:
            kind, rest = "", value
        arguments += [("q.field", part[:at].strip()), ("q.op", name), ("q.type", kind), ("q.value", rest)]
    return arguments


def event_arguments(query: str | Sequence[tuple[str, str]] | None) -> list[tuple[str, str]]:
    """``query_arguments`` for events; accepts the alarm field names ``alarm_id`` and ``alarm_type`` too."""
    return [(name, _OF_EVENTS.get(value, value) if name == "q.field" else value)
            for name, value in query_arguments(query)]
