# SPDX-License-Identifier: Apache-2.0
"""From committed notices to outputs: a row per notice and output in the writer's transaction, a queue per output."""
from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Sequence

import sqlalchemy as sa
from prometheus_client import REGISTRY
from sqlalchemy.engine import Connection

from flock.db import Database, utcnow
from fm.core.notice import REFRESH, WARM_START_NOTICE, as_payload
from fm.core.records import Notice
from fm.db.tables import NOTIFICATION
from fm.manager.outputs import metrics
from fm.manager.outputs.output import Output
from fm.manager.outputs.queue import OutputQueue, warm_start_key

LOG = logging.getLogger(__name__)
WARM_START_HOLD_S = 30.0
# Below the time a peer may take to fail, so that a stop is not held up by one that is dead.
STOP_S = 4.0


class Outputs:
    """Stores rows for ``outputs`` and delivers them; at most ``backlog_max`` rows wait for each."""

    def __init__(self, db: Database, outputs: Sequence[Output], backlog_max: int,
                 warm_start_hold_s: float = WARM_START_HOLD_S, retry_min_s: float = 1.0) -> None:
        self._db = db
        self._outputs = tuple(sorted(outputs, key=lambda output: output.name))
        self._backlog_max = backlog_max
        self._warm_start_hold_s = warm_start_hold_s
        self._queues = [OutputQueue(db, output, retry_min_s=retry_min_s) for output in self._outputs]
        self._backlog = metrics.Backlog(db, [output.name for output in self._outputs])
        self._refreshed_at: dict[str, float] = {}
        self._registered = False

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs in the order of their names."""
        return tuple(output.name for output in self._outputs)

    def publish(self, conn: Connection, notices: Sequence[Notice]) -> None:
        """Store notices in the transaction of ``conn``."""
        rows = []
        for notice in notices:
            payload = None
            for output in self._outputs:
                if output.wants(notice):
                    payload = payload or as_payload(notice)
                    rows.append({"key": output.name, "kind": output.name, "payload": payload})
        if rows:
            conn.execute(sa.insert(NOTIFICATION), rows)

    def committed(self, notices: Sequence[Notice]) -> None:
        """Count and deliver what a transaction told; after its commit."""
        metrics.count(notices)
        if notices:
            self.nudge()

    def suppression_changed(self, conn: Connection) -> None:
        """Tell who asked for it to start over: one message for all changes within the hold time."""
        due = utcnow() + datetime.timedelta(seconds=self._warm_start_hold_s)
        for output in self._outputs:
            if output.warm_start:
                self._put_once(conn, warm_start_key(output.name), output.name, WARM_START_NOTICE, due)

    def nudge(self) -> None:
        """Deliver now; after the commit."""
        for queue in self._queues:
            queue.nudge()

    def upkeep(self) -> None:
        """To be called every few seconds: drop what exceeds the limits, ask for refreshes that are due."""
        self.prune()
        self._refresh()

    def prune(self) -> int:
        """Drop what no configured output wants and, per output, the oldest beyond the limit; returns how many."""
        unwanted = NOTIFICATION.c.kind.not_in(self.names)
        with self._db.reader() as conn:
            surplus = {name: boundary for name in self.names if (boundary := self._boundary(conn, name)) is not None}
            if not surplus and conn.execute(sa.select(NOTIFICATION.c.id).where(unwanted).limit(1)).first() is None:
                return 0
        with self._db.writer() as conn:
            gone = int(conn.execute(sa.delete(NOTIFICATION).where(unwanted)).rowcount)
            dropped = {name: int(conn.execute(sa.delete(NOTIFICATION).where(
                NOTIFICATION.c.key == name, NOTIFICATION.c.id <= boundary)).rowcount)
                for name, boundary in surplus.items()}
        for name, number in dropped.items():
            metrics.DROPPED.labels(name, "backlog").inc(number)
            LOG.error("output %s: the oldest %d notices are dropped, more than %d are waiting", name, number,
                      self._backlog_max)
        return gone + sum(dropped.values())

    def start(self) -> None:
        """Begin to deliver."""
        REGISTRY.register(self._backlog)
        self._registered = True
        for queue in self._queues:
            queue.start()

    def stop(self) -> None:
        """End after the deliveries in hand; a peer that does not answer is not waited for longer than ``STOP_S``."""
        if self._registered:
            REGISTRY.unregister(self._backlog)
            self._registered = False
        for queue in self._queues:
            queue.leave()
        ends_at = time.monotonic() + STOP_S
        for queue in self._queues:
            if not queue.stop(max(0.0, ends_at - time.monotonic())):
                LOG.warning("output %s is left in the middle of a delivery", queue.output.name)

    def _boundary(self, conn: Connection, name: str) -> int | None:
        """The id up to which the notices of an output exceed the limit."""
        boundary: int | None = conn.execute(sa.select(NOTIFICATION.c.id).where(NOTIFICATION.c.key == name).order_by(
            NOTIFICATION.c.id.desc()).limit(1).offset(self._backlog_max)).scalar()
        return boundary

    def _refresh(self) -> None:
        now_s = time.monotonic()
        due = [output.name for output in self._outputs if output.refresh_s
               and now_s - self._refreshed_at.get(output.name, -output.refresh_s) >= output.refresh_s]
        if not due:
            return
        with self._db.writer() as conn:
            for name in due:
                self._put_once(conn, name, name, REFRESH, utcnow())
                self._refreshed_at[name] = now_s
        self.nudge()

    @staticmethod
    def _put_once(conn: Connection, key: str, kind: str, payload: dict[str, str], due: datetime.datetime) -> None:
        """Store a message unless the same one is waiting already."""
        same = sa.select(NOTIFICATION.c.payload).where(NOTIFICATION.c.key == key).order_by(
            NOTIFICATION.c.id.desc()).limit(1)
        if conn.execute(same).scalar() != payload:
            conn.execute(sa.insert(NOTIFICATION).values(key=key, kind=kind, payload=payload, next_try_at=due))
