# SPDX-License-Identifier: Apache-2.0
"""Pure rules of the stream: where to resume, which events a listener gets, and the text of server-sent events."""
from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flock.wire.errors import BadField, shown
from fm.contract.enums import SEVERITY_RANK, AlarmState, SuppressionStatus
from fm.contract.validation import parse_time
from fm.core.filters import Filter, Match, Op
from fm.core.records import NoticeKind

ID_MAX = 2**63 - 1
GAP = "fm.stream.gap"
Row = Mapping[str, Any]
Wanted = Callable[[Row], bool]

_KIND_OF_STATE = {AlarmState.SET.value: NoticeKind.SET.value, AlarmState.CLEAR.value: NoticeKind.CLEAR.value,
                  AlarmState.LOG.value: NoticeKind.LOG.value}
_COMPARE: Mapping[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: operator.eq, Op.NE: operator.ne, Op.LT: operator.lt, Op.LE: operator.le, Op.GT: operator.gt,
    Op.GE: operator.ge}
_COLUMN = {"start": "timestamp", "end": "timestamp"}


@dataclass(frozen=True, slots=True)
class Start:
    """Where a stream starts: after event number ``cursor``. ``gap`` describes lost events, None when there are none."""

    cursor: int
    gap: dict[str, int | None] | None = None


def parse_id(field: str, text: str | None) -> int | None:
    """The event number in ``text``; None when absent or empty, BadField (400) when it is not a number."""
    if text is None or text == "":
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > ID_MAX:
        raise BadField(field=field, value=shown(text), rule="must be the number of an event")
    return int(text)


def start(after: int | None, oldest: int | None, newest: int) -> Start:
    """Where to start. ``oldest`` and ``newest`` are the numbers of stored events (None and 0 without any).

    Without ``after`` the stream starts with new events. There is a gap when events between ``after`` and the oldest
    stored one may be lost, or when ``after`` is beyond the newest one (the database was restored from a backup).
    """
    if after is None:
        return Start(newest)
    if after > newest:
        return Start(newest, {"after": after, "oldest": oldest, "newest": newest})
    if oldest is not None and after < oldest - 1:
        return Start(oldest - 1, {"after": after, "oldest": oldest, "newest": newest})
    return Start(after)


def wanted(filters: Sequence[Filter], states: Sequence[str], include_suppress: bool) -> Wanted:
    """A function that decides whether to send a row of the event log, by the same rules as the event list."""
    tests = [_test(item) for item in filters]

    def judge(row: Row) -> bool:
        if states and row["state"] not in states:
            return False
        if not include_suppress and hidden(row):
            return False
        return all(test(row) for test in tests)

    return judge


def hidden(row: Row) -> bool:
    """True for an event of a suppressed id or silenced entity; always False for logs."""
    return bool(row["state"] != AlarmState.LOG and row["suppression_status"] == SuppressionStatus.SUPPRESSED)


def event_frame(ident: int, row: Row, wire: Mapping[str, Any]) -> bytes:
    """One event as a server-sent event."""
    data = json.dumps(wire, separators=(",", ":"))
    return f"id: {ident}\nevent: {_KIND_OF_STATE[row['state']]}\ndata: {data}\n\n".encode()


def gap_frame(begin: Start) -> bytes:
    """The message that events are lost; its id makes a reconnecting client resume after the gap."""
    return f"id: {begin.cursor}\nevent: {GAP}\ndata: {json.dumps(begin.gap)}\n\n".encode()


def comment(text: str) -> bytes:
    """A line that clients ignore."""
    return f": {text}\n\n".encode()


def heartbeat(cursor: int) -> bytes:
    """A heartbeat; its id lets a client whose filters match nothing resume at the current position."""
    return f": heartbeat\nid: {cursor}\n\n".encode()


def retry(pause_ms: int) -> bytes:
    """The field that tells clients how many milliseconds to wait before they reconnect."""
    return f"retry: {pause_ms}\n\n".encode()


def _test(item: Filter) -> Wanted:
    column = _COLUMN.get(item.field, item.field)
    if item.match in (Match.NOT_BEFORE, Match.NOT_AFTER):
        bound = parse_time(item.field, item.value)
        inside = operator.ge if item.match is Match.NOT_BEFORE else operator.le
        return lambda row: bool(inside(row[column], bound))
    if item.op in (Op.EQ, Op.NE) and item.match is not Match.EXACT:
        return lambda row: (item.value in row[column]) is (item.op is Op.EQ)
    compare = _COMPARE[item.op]
    if item.match is Match.SEVERITY:
        return lambda row: compare(SEVERITY_RANK.get(row[column], 0), SEVERITY_RANK[item.value])
    return lambda row: compare(row[column], item.value)
