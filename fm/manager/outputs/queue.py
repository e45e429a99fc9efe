# SPDX-License-Identifier: Apache-2.0
"""The queue of one output: a thread of its own delivers stored notices in order, each again until the output has it."""
from __future__ import annotations

import datetime
import itertools
import logging
import math
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from flock.core.backoff import Backoff
from flock.core.errors import FlockError
from flock.db import Database, utcnow
from flock.jobs import Worker
from fm.db.tables import NOTIFICATION
from fm.manager.outputs import metrics
from fm.manager.outputs.output import Output, Undeliverable

LOG = logging.getLogger(__name__)
BATCH_MAX = 100
POLL_S = 5.0
RETRY_MIN_S = 1.0
RETRY_MAX_S = 30.0
REFUSALS_MAX = 5
# Attempts at a notice that fails in a way no absent peer explains; with the pauses about eight minutes.
ERRORS_MAX = 20
# What was delivered is forgotten at most this much later; a crash in between delivers it once more.
FORGET_AFTER_S = 0.2


def attempts_max(error: Exception) -> float:
    """How often a notice that fails like this is tried: for ever when the peer is to blame, not when the notice is."""
    if isinstance(error, Undeliverable):
        return REFUSALS_MAX
    return math.inf if isinstance(error, (FlockError, OSError)) else ERRORS_MAX


def warm_start_key(name: str) -> str:
    """The key of an output's held warm start, which must not hold up the notices behind it."""
    return f"{name}-warm-start"


class OutputQueue:
    """Delivers the rows of ``output``; nobody else does, so rows are not claimed.

    A failure puts the row off by ``retry_min_s`` doubling up to ``RETRY_MAX_S``, and what is behind it waits. A row
    that is refused or cannot be told at all is dropped after ``attempts_max`` attempts.
    """

    def __init__(self, db: Database, output: Output, *, poll_s: float = POLL_S,
                 retry_min_s: float = RETRY_MIN_S) -> None:
        self.output = output
        self._db = db
        self._poll_s = poll_s
        self._retry = Backoff(retry_min_s, RETRY_MAX_S)
        # A daemon thread: a peer that never answers must not hold the process at its end.
        self._worker = Worker(f"output-{output.name}", self._pass, Backoff(poll_s, poll_s))

    def start(self) -> None:
        """Begin to deliver."""
        self._worker.start()

    def nudge(self) -> None:
        """Look for rows now; called after a commit."""
        self._worker.nudge()

    def leave(self) -> None:
        """End after the delivery in hand; does not wait."""
        self._worker.leave()

    def stop(self, timeout_s: float) -> bool:
        """As ``leave``; True when the thread has ended within ``timeout_s``."""
        return self._worker.stop(timeout_s)

    def deliver_due(self) -> int:
        """Deliver what is due, at most one batch of each kind; returns how many rows were tried."""
        return sum(self._deliver_key(key) for key in (self.output.name, warm_start_key(self.output.name)))

    def _pass(self) -> float:
        return 0.0 if self.deliver_due() else self._pause_s()

    def _pause_s(self) -> float:
        """Seconds until the first row is due, at most the poll interval."""
        first = [due for key in (self.output.name, warm_start_key(self.output.name))
                 for due in self._rows(key, 1, NOTIFICATION.c.next_try_at)]
        if not first:
            return self._poll_s
        due: datetime.datetime = min(row.next_try_at for row in first)
        return min(self._poll_s, max(0.05, (due - utcnow()).total_seconds()))

    def _rows(self, key: str, limit: int, *columns: sa.Column[Any]) -> Sequence[Row[Any]]:
        query = sa.select(*columns).where(NOTIFICATION.c.key == key).order_by(NOTIFICATION.c.id).limit(limit)
        with self._db.reader() as conn:
            return conn.execute(query).all()

    def _deliver_key(self, key: str) -> int:
        table, now = NOTIFICATION.c, utcnow()
        rows = self._rows(key, BATCH_MAX, table.id, table.payload, table.attempts, table.next_try_at)
        done: list[int] = []
        tried = 0
        forgotten_at = time.monotonic()
        try:
            for row in itertools.takewhile(lambda row: row.next_try_at <= now, rows):
                if self._worker.leaving:
                    break
                tried += 1
                if not self._deliver(row):
                    break
                done.append(row.id)
                if time.monotonic() - forgotten_at > FORGET_AFTER_S:
                    self._forget(done)
                    done, forgotten_at = [], time.monotonic()
        finally:
            self._forget(done)
        return tried

    def _deliver(self, row: Row[Any]) -> bool:
        """Whether the row is done with: delivered or dropped."""
        name = self.output.name
        try:
            self.output.deliver(row.payload)
        except Exception as error:  # noqa: BLE001 - whatever a sink raises, the row stays
            metrics.FAILED.labels(name).inc()
            if row.attempts + 1 >= attempts_max(error):
                metrics.DROPPED.labels(name, "refused").inc()
                LOG.error("output %s: notice %s is dropped after %d attempts: %s", name, _named(row.payload),
                          row.attempts + 1, error)
                return True
            self._put_off(row, error)
            return False
        metrics.DELIVERED.labels(name).inc()
        return True

    def _put_off(self, row: Row[Any], error: Exception) -> None:
        pause_s = self._retry.pause_s(row.attempts + 1)
        with self._db.writer() as conn:
            conn.execute(sa.update(NOTIFICATION).where(NOTIFICATION.c.id == row.id).values(
                attempts=row.attempts + 1, last_error=str(error)[:255],
                next_try_at=utcnow() + datetime.timedelta(seconds=pause_s)))
        LOG.warning("output %s: attempt %d failed, the next one in %g s: %s", self.output.name, row.attempts + 1,
                    pause_s, error, exc_info=not isinstance(error, FlockError))

    def _forget(self, ids: Sequence[int]) -> None:
        if ids:
            with self._db.writer() as conn:
                conn.execute(sa.delete(NOTIFICATION).where(NOTIFICATION.c.id.in_(ids)))


def _named(payload: object) -> str:
    return str(payload.get("uuid", payload.get("kind", "?"))) if isinstance(payload, dict) else "?"
