# SPDX-License-Identifier: Apache-2.0
"""Messages that are stored with the change they tell of, and delivered afterwards: in order, again until done.

``Outbox.put`` writes inside the caller's transaction; a ``Relay`` thread delivers. Delivery is at least once.
"""
from __future__ import annotations

import datetime
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from prometheus_client import Counter, Gauge
from sqlalchemy.engine import Connection

from flock.core.errors import FlockError
from flock.db.database import Database
from flock.db.schema import Json, UtcTime, new_uuid, utcnow

LOG = logging.getLogger(__name__)
BACKLOG = Gauge("flock_outbox_backlog", "Stored messages that are not delivered yet", ("outbox",))
DELIVERIES = Counter("flock_outbox_deliveries_total", "Delivery attempts", ("outbox", "kind", "outcome"))


def outbox_table(metadata: sa.MetaData, name: str) -> sa.Table:
    """The table of an outbox, to be created by the subsystem's own migration (see ``flock.db.migrate.draft``)."""
    return sa.Table(
        name, metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, default=0, server_default="0"),
        sa.Column("next_try_at", UtcTime, nullable=False, default=utcnow),
        sa.Column("owner", sa.String(64), nullable=True),
        sa.Column("lease_until", UtcTime, nullable=True),
        sa.Column("last_error", sa.String(255), nullable=True),
        sa.Column("created_at", UtcTime, nullable=False, default=utcnow),
        sa.Index(f"ix_{name}_key_id", "key", "id"),
        sqlite_autoincrement=True,
    )


class Outbox:
    """Writes messages. Nudge the relay after the transaction, not inside it: it sees committed rows only."""

    def __init__(self, db: Database, table: sa.Table) -> None:
        self.db = db
        self.table = table

    def put(self, conn: Connection, *, key: str, kind: str, payload: Any) -> int:
        """Store one message in the transaction of ``conn``; returns its id.

        Messages with the same ``key`` are delivered in the order of their ids. ``payload`` is a JSON value.
        """
        done = conn.execute(sa.insert(self.table).values(key=key, kind=kind, payload=payload))
        return int(done.inserted_primary_key[0])  # type: ignore[index]


@dataclass(frozen=True, slots=True)
class Message:
    """One stored message in the hands of a relay; ``payload`` is JSON text."""

    id: int
    key: str
    kind: str
    payload: str
    attempts: int


class Relay:
    """A thread that delivers the messages of one table through ``handlers`` (``{kind: function(payload)}``).

    A handler that raises is called again after ``retry_min_s`` doubling up to ``retry_max_s``; meanwhile messages of
    the same key wait and those of other keys go on. Several relays may share a table: each message is claimed for
    ``lease_s`` before it is delivered. A relay that is the only one of its table should be given a lasting ``owner``:
    restarted after a crash it then goes on at once. A kind without handler, and a payload that cannot be read, wait as
    if the handler failed: they stay in the table, and each attempt is logged and counted.
    """

    def __init__(self, outbox: Outbox, handlers: Mapping[str, Callable[[Any], object]], *, batch_max: int = 50,
                 poll_s: float = 5.0, retry_min_s: float = 1.0, retry_max_s: float = 60.0,
                 lease_s: float = 120.0, owner: str | None = None) -> None:
        self.outbox = outbox
        self.handlers = dict(handlers)
        self.name = outbox.table.name
        self.owner = owner or new_uuid()
        self._counted_at = 0.0
        self._batch_max = batch_max
        self._poll_s = poll_s
        self._retry_min_s = retry_min_s
        self._retry_max_s = retry_max_s
        self._lease_s = lease_s
        self._wake = threading.Event()
        self._leaving = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to deliver in a thread of its own."""
        self._leaving.clear()
        self._thread = threading.Thread(target=self._run, name=f"relay-{self.name}", daemon=True)
        self._thread.start()

    def nudge(self) -> None:
        """Look at the table now instead of at the next poll."""
        self._wake.set()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """End after the delivery in hand; True when the thread ended within ``timeout_s``."""
        self._leaving.set()
        self._wake.set()
        thread = self._thread
        if thread is None:
            return True
        thread.join(timeout_s)
        return not thread.is_alive()

    def deliver_due(self) -> int:
        """Deliver what is due now, at most one batch; returns the number of messages tried."""
        claimed_at = time.monotonic()
        batch = self._claim(utcnow())
        failed: set[str] = set()
        skipped: list[Message] = []
        for index, message in enumerate(batch):
            # What cannot be delivered well within the lease goes back, lest another relay delivers it as well.
            if self._leaving.is_set() or time.monotonic() - claimed_at > self._lease_s / 2:
                skipped.extend(batch[index:])
                break
            if message.key in failed:
                skipped.append(message)
            elif not self._deliver(message):
                failed.add(message.key)
        if skipped:
            self._release(skipped)
        return len(batch) - len(skipped)

    def backlog(self) -> int:
        """Messages stored and not delivered; also sets the gauge."""
        with self.outbox.db.reader() as conn:
            count = int(conn.execute(sa.select(sa.func.count()).select_from(self.outbox.table)).scalar_one())
        BACKLOG.labels(self.name).set(count)
        return count

    def _run(self) -> None:
        while not self._leaving.is_set():
            self._wake.clear()
            try:
                tried = self.deliver_due()
                if time.monotonic() - self._counted_at >= self._poll_s:
                    self.backlog()
                    self._counted_at = time.monotonic()
                pause_s = 0.0 if tried else self._pause_s()
            except Exception:  # a broken pass must not end delivery for good
                LOG.exception("outbox %s: pass failed, next one in %s s", self.name, self._poll_s)
                pause_s = self._poll_s
            if pause_s > 0:
                self._wake.wait(pause_s)

    def _pause_s(self) -> float:
        """Seconds until the next message is due, at most the poll interval."""
        table, earlier = self.outbox.table, self.outbox.table.alias("earlier")
        first_of_key = ~sa.exists().where(earlier.c.key == table.c.key, earlier.c.id < table.c.id)
        with self.outbox.db.reader() as conn:
            due: datetime.datetime | None = conn.execute(
                sa.select(sa.func.min(table.c.next_try_at)).where(first_of_key, self._claimable(utcnow()))).scalar()
        if due is None:
            return self._poll_s
        return min(self._poll_s, max(0.05, (due - utcnow()).total_seconds()))

    def _claimable(self, now: datetime.datetime) -> sa.ColumnElement[bool]:
        table = self.outbox.table
        return sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= now, table.c.owner == self.owner)

    def _claim(self, now: datetime.datetime) -> list[Message]:
        """Take messages that are due, none of whose key's earlier ones is waiting or claimed by another relay."""
        table, earlier = self.outbox.table, self.outbox.table.alias("earlier")
        blocked = sa.exists().where(
            earlier.c.key == table.c.key, earlier.c.id < table.c.id,
            sa.or_(earlier.c.next_try_at > now,
                   sa.and_(earlier.c.lease_until > now, earlier.c.owner != self.owner)))
        # The payload as text: one that cannot be read must not keep this relay from delivering the others.
        payload = sa.type_coerce(table.c.payload, sa.Text)
        query = (sa.select(table.c.id, table.c.key, table.c.kind, payload, table.c.attempts)
                 .where(table.c.next_try_at <= now, self._claimable(now), ~blocked)
                 .order_by(table.c.id).limit(self._batch_max))
        with self.outbox.db.reader() as conn:
            if conn.execute(query.limit(1)).first() is None:
                return []

        def claim(conn: Connection) -> list[Message]:
            if conn.dialect.name == "postgresql":
                conn.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": self.name})
            batch = [Message(*row) for row in conn.execute(query.with_for_update())]
            if batch:
                conn.execute(sa.update(table).where(table.c.id.in_([message.id for message in batch])).values(
                    owner=self.owner, lease_until=now + datetime.timedelta(seconds=self._lease_s)))
            return batch

        return self.outbox.db.transact(claim)

    def _deliver(self, message: Message) -> bool:
        handler = self.handlers.get(message.kind)
        try:
            if handler is None:
                raise LookupError(f"no handler for kind {message.kind}")
            handler(json.loads(message.payload))
        except Exception as exc:  # noqa: BLE001 - whatever a handler raises, the message stays and is tried again
            self._postpone(message, exc)
            return False
        with self.outbox.db.writer() as conn:
            conn.execute(sa.delete(self.outbox.table).where(self.outbox.table.c.id == message.id))
        DELIVERIES.labels(self.name, message.kind, "ok").inc()
        return True

    def _postpone(self, message: Message, exc: Exception) -> None:
        delay_s = min(self._retry_max_s, self._retry_min_s * 2 ** min(message.attempts, 20))
        table = self.outbox.table
        with self.outbox.db.writer() as conn:
            conn.execute(sa.update(table).where(table.c.id == message.id, table.c.owner == self.owner).values(
                attempts=message.attempts + 1, owner=None, lease_until=None, last_error=str(exc)[:255],
                next_try_at=utcnow() + datetime.timedelta(seconds=delay_s)))
        DELIVERIES.labels(self.name, message.kind, "failed").inc()
        LOG.warning("outbox %s: %s for %s failed (attempt %d, next in %.1f s): %s", self.name, message.kind,
                    message.key, message.attempts + 1, delay_s, exc, exc_info=not isinstance(exc, FlockError))

    def _release(self, messages: Iterable[Message]) -> None:
        table = self.outbox.table
        ids = [message.id for message in messages]
        with self.outbox.db.writer() as conn:
            conn.execute(sa.update(table).where(table.c.id.in_(ids), table.c.owner == self.owner)
                         .values(owner=None, lease_until=None))
