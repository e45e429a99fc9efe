# SPDX-License-Identifier: Apache-2.0
"""Delivers notices to outputs: stores a message per notice and output with the change; runs one relay per output."""
from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Sequence

from prometheus_client import REGISTRY
from sqlalchemy.engine import Connection

from flock.core.backoff import Backoff
from flock.db import Database, utcnow
from flock.db.outbox import REFUSALS_MAX, Outbox, Policy, Relay, attempts_for
from fm.core.notice import REFRESH, WARM_START_NOTICE, as_payload
from fm.core.records import Notice
from fm.db.tables import NOTIFICATION
from fm.manager.outputs import metrics
from fm.manager.outputs.output import Output, Undeliverable

LOG = logging.getLogger(__name__)
WARM_START_HOLD_S = 30.0
# Shorter than the timeouts of deliveries, so that an unresponsive peer does not delay a stop.
STOP_S = 4.0
BATCH_MAX = 100
RETRY_MIN_S, RETRY_MAX_S = 1.0, 30.0


def attempts_max(error: Exception) -> float:
    """Number of attempts at a notice that fails with ``error``: limited when the notice itself may be the cause."""
    return REFUSALS_MAX if isinstance(error, Undeliverable) else attempts_for(error)


def warm_start_key(name: str) -> str:
    """The key of an output's delayed warm start; a separate key, so that it does not block later notices."""
    return f"{name}-warm-start"


def relay_of(outbox: Outbox, output: Output, retry_min_s: float = RETRY_MIN_S) -> Relay:
    """The relay of one output. Its messages have the output's name as kind and, except the warm start, as key."""
    policy = Policy(batch_max=BATCH_MAX, retry=Backoff(retry_min_s, RETRY_MAX_S, jitter=0.0), lease_s=None,
                    attempts_max=attempts_max)
    return Relay(outbox, {output.name: output.deliver}, policy, keys=(output.name, warm_start_key(output.name)),
                 name=output.name, on_outcome=metrics.count_delivery)


class Outputs:
    """Stores notices for ``outputs`` and delivers them; at most ``backlog_max`` wait for each."""

    def __init__(self, db: Database, outputs: Sequence[Output], backlog_max: int,
                 warm_start_hold_s: float = WARM_START_HOLD_S, retry_min_s: float = RETRY_MIN_S) -> None:
        self._outbox = Outbox(db, NOTIFICATION)
        self._db = db
        self._outputs = tuple(sorted(outputs, key=lambda output: output.name))
        self._backlog_max = backlog_max
        self._warm_start_hold_s = warm_start_hold_s
        self._relays = [relay_of(self._outbox, output, retry_min_s) for output in self._outputs]
        self._backlog = metrics.Backlog(lambda: self._outbox.waiting(self.names))
        self._refreshed_at: dict[str, float] = {}
        self._registered = False

    @property
    def names(self) -> tuple[str, ...]:
        """The sorted names of the outputs."""
        return tuple(output.name for output in self._outputs)

    def publish(self, conn: Connection, notices: Sequence[Notice]) -> None:
        """Store notices in the transaction of ``conn``."""
        messages = []
        for notice in notices:
            payload = None
            for output in self._outputs:
                if output.wants(notice):
                    payload = payload or as_payload(notice)
                    messages.append((output.name, output.name, payload))
        self._outbox.put_all(conn, messages)

    def committed(self, notices: Sequence[Notice]) -> None:
        """Count and deliver the notices of a transaction; call after its commit."""
        metrics.count(notices)
        if notices:
            self.nudge()

    def suppression_changed(self, conn: Connection) -> None:
        """Queue a warm start for the outputs that want it: one message for all changes within the hold time."""
        due = utcnow() + datetime.timedelta(seconds=self._warm_start_hold_s)
        for output in self._outputs:
            if output.warm_start:
                self._outbox.put_once(conn, key=warm_start_key(output.name), kind=output.name,
                                      payload=WARM_START_NOTICE, due=due)

    def nudge(self) -> None:
        """Deliver now; call after the commit."""
        for relay in self._relays:
            relay.nudge()

    def upkeep(self) -> None:
        """Drop notices beyond the limits and queue refreshes that are due; call every few seconds."""
        self.prune()
        self._refresh()

    def prune(self) -> int:
        """Drop notices of outputs that are not configured and, per output, the oldest beyond the limit.

        Returns how many were dropped.
        """
        gone = self._outbox.drop_other_kinds(self.names)
        dropped = self._outbox.drop_beyond(self.names, self._backlog_max)
        for name, number in dropped.items():
            metrics.DROPPED.labels(name, "backlog").inc(number)
            LOG.error("output %s: the oldest %d notices are dropped, more than %d are waiting", name, number,
                      self._backlog_max)
        return gone + sum(dropped.values())

    def start(self) -> None:
        """Register the metrics and start the relays."""
        REGISTRY.register(self._backlog)
        self._registered = True
        for relay in self._relays:
            relay.start()

    def stop(self) -> None:
        """Stop after the deliveries in progress; waits at most ``STOP_S`` seconds."""
        if self._registered:
            REGISTRY.unregister(self._backlog)
            self._registered = False
        for relay in self._relays:
            relay.leave()
        ends_at = time.monotonic() + STOP_S
        for relay in self._relays:
            if not relay.stop(max(0.0, ends_at - time.monotonic())):
                LOG.warning("output %s: a delivery was still in progress at the stop", relay.name)

    def _refresh(self) -> None:
        now_s = time.monotonic()
        due = [output.name for output in self._outputs if output.refresh_s
               and now_s - self._refreshed_at.get(output.name, -output.refresh_s) >= output.refresh_s]
        if not due:
            return
        with self._db.writer() as conn:
            for name in due:
                self._outbox.put_once(conn, key=name, kind=name, payload=REFRESH, due=utcnow())
                self._refreshed_at[name] = now_s
        self.nudge()
