# SPDX-License-Identifier: Apache-2.0
"""Reads of alarms that need more than one row: the summary, and the fields that ``full=True`` adds."""
from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from flock.db import Database, utcnow
from fm.core.staleness import is_stale, time_to_live_s
from fm.core.summary import parts, summary
from fm.resources.alarm import store
from fm.resources.alarm.fields import full_row
from fm.resources.silence import store as silences

KEEP_S = 1.0
_HOST = re.compile(r"(?:^|[.,])host=([^.,]*)")


def host_of(entity_instance_id: str) -> str | None:
    """The value of ``host=`` in an entity instance id, None without one."""
    found = _HOST.search(entity_instance_id)
    return found.group(1) if found else None


class AlarmReads:
    """Reads of one API process. Caches a summary for at most ``KEEP_S`` seconds, and only while one small query shows
    that no alarm, suppression or silence changed: many readers cost one count."""

    def __init__(self, db: Database, stale_after_s: Callable[[], Mapping[str, int]] = dict,
                 clock_s: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._stale_after_s = stale_after_s
        self._clock_s = clock_s
        self._kept: dict[tuple[bool, str], tuple[tuple[Any, ...], float, dict[str, Any]]] = {}

    def summary(self, include_suppress: bool, by: str = "") -> dict[str, Any]:
        """Counts of visible alarms and the status of the cloud; with ``by`` (host or group) also of its parts."""
        with self._db.reader() as conn:
            mark = store.mark(conn)
            kept = self._kept.get((include_suppress, by))
            if kept is not None and kept[0] == mark and self._clock_s() - kept[1] < KEEP_S:
                return kept[2]
            asked_s = self._clock_s()
            found: dict[str, Any] = summary(store.counts(conn, include_suppress=include_suppress))
            if by:
                found = {**found, "parts": self._parts(conn, include_suppress, by)}
        self._kept[include_suppress, by] = mark, asked_s, found
        return found

    def full(self, conn: Connection, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The rows in wire form with the fields of ``full=True``."""
        now: datetime = utcnow()
        hiding, stale_after_s = silences.silences(conn, now), self._stale_after_s()
        return [full_row(row, hiding.hiding(row["alarm_id"], row["entity_instance_id"]), is_stale(
            row["last_refreshed"], time_to_live_s(row["alarm_id"], row["time_to_live_s"], stale_after_s), now))
            for row in rows]

    def _parts(self, conn: Connection, include_suppress: bool, by: str) -> list[dict[str, Any]]:
        if by == "group":
            return parts("group", store.counts_by(conn, store.GROUP, include_suppress=include_suppress))
        found = store.counts_by(conn, store.ENTITY, include_suppress=include_suppress)
        return parts("host", [(host_of(entity), severity, number) for entity, severity, number in found])
