# SPDX-License-Identifier: Apache-2.0
"""Transactional outbox: stores messages together with a change, then delivers them in order with retries.

``Outbox.put`` writes inside the caller's transaction; a ``Relay`` thread delivers. Delivery is at least once: after a
crash, the relay delivers the messages of the last ``FORGET_AFTER_S`` again. A message that its receiver refuses for
good becomes a dead letter (``flock.db.deadletters``): it stays stored and holds up no other.
"""
from __future__ import annotations

import datetime
import enum
import json
import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from prometheus_client import Counter, Gauge
from sqlalchemy.engine import Connection

from flock.core.backoff import Backoff
from flock.core.errors import Conflict, FlockError, Refused, RemoteError
from flock.core.ids import new_uuid
from flock.core.text import storable
from flock.db import deadletters
from flock.db.database import Database
from flock.db.schema import Json, UtcTime, utcnow
from flock.jobs.worker import Worker

LOG = logging.getLogger(__name__)
BACKLOG = Gauge("flock_outbox_backlog", "Stored messages that are not delivered yet", ("outbox",))
DELIVERIES = Counter("flock_outbox_deliveries_total", "Delivery attempts", ("outbox", "kind", "outcome"))
# Deletes delivered messages in batches, at most this much later.
FORGET_AFTER_S = 0.2
# Keys that a relay of the whole table serves in one pass.
KEYS_MAX = 1000
KEY_LENGTH_MAX = 255
# Attempts at a message that its receiver refuses, and at one that fails with an unexpected error.
REFUSALS_MAX, ERRORS_MAX = 5, 20
HOLD_MAX = datetime.timedelta(hours=1)
"""The longest delay before a message's first delivery."""


def outbox_table(metadata: sa.MetaData, name: str) -> sa.Table:
    """The table of an outbox; the subsystem's own migration must create it (see ``flock.db.migrate.draft``)."""
    return sa.Table(
        name, metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(KEY_LENGTH_MAX), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, default=0, server_default="0"),
        sa.Column("next_try_at", UtcTime, nullable=False, default=utcnow),
        sa.Column("owner", sa.String(64), nullable=True),
        sa.Column("lease_until", UtcTime, nullable=True),
        sa.Column("last_error", sa.String(deadletters.REASON_MAX), nullable=True),
        sa.Column("dead_at", UtcTime, nullable=True),
        sa.Column("created_at", UtcTime, nullable=False, default=utcnow),
        sa.Index(f"ix_{name}_key_id", "key", "id"),
        sqlite_autoincrement=True,
    )


class Outbox:
    """Stores messages. Nudge the relay after the transaction, not inside it, because it sees only committed rows."""

    def __init__(self, db: Database, table: sa.Table) -> None:
        self.db = db
        self.table = table

    def put(self, conn: Connection, *, key: str, kind: str, payload: Any) -> None:
        """Store one message in the transaction of ``conn``.

        The relay delivers messages of the same ``key`` in the order of their ids. ``payload`` is a JSON value.
        """
        self.put_all(conn, [(key, kind, payload)])

    def put_all(self, conn: Connection, messages: Sequence[tuple[str, str, Any]]) -> None:
        """Store (key, kind, payload) of several messages, in order, in one statement."""
        if messages:
            conn.execute(sa.insert(self.table), [
                {"key": key, "kind": kind, "payload": payload} for key, kind, payload in messages])

    def put_once(self, conn: Connection, *, key: str, kind: str, payload: Any, due: datetime.datetime) -> None:
        """Store a message for delivery at ``due`` or later; ``due`` must be at most ``HOLD_MAX`` from now.

        Does nothing when the last message of ``key`` has the same payload.
        """
        last = sa.select(self.table.c.payload).where(self.table.c.key == key, self.table.c.dead_at.is_(None)).order_by(
            self.table.c.id.desc()).limit(1)
        if conn.execute(last).scalar() != payload:
            conn.execute(sa.insert(self.table).values(key=key, kind=kind, payload=payload, next_try_at=due))

    def waiting(self, keys: Collection[str]) -> dict[str, tuple[int, float]]:
        """For each of ``keys``: the number of undelivered messages and the age of the oldest one in seconds."""
        table = self.table.c
        query = (sa.select(table.key, sa.func.count(), sa.func.min(table.created_at))
                 .where(table.key.in_(sorted(keys)), table.dead_at.is_(None)).group_by(table.key))
        now = utcnow()
        with self.db.reader() as conn:
            found = {key: (int(number), max(0.0, (now - oldest).total_seconds()))
                     for key, number, oldest in conn.execute(query)}
        return {key: found.get(key, (0, 0.0)) for key in keys}

    def drop_beyond(self, keys: Collection[str], kept_max: int) -> dict[str, int]:
        """Drop the oldest messages of each of ``keys`` beyond ``kept_max``; returns ``{key: number}``."""
        table = self.table.c

        def boundary(conn: Connection, key: str) -> int | None:
            found: int | None = conn.execute(sa.select(table.id).where(
                table.key == key, table.dead_at.is_(None)).order_by(table.id.desc()).limit(1).offset(kept_max)).scalar()
            return found

        with self.db.reader() as conn:
            surplus = {key: last for key in keys if (last := boundary(conn, key)) is not None}
        if not surplus:
            return {}
        with self.db.writer() as conn:
            return {key: conn.execute(sa.delete(self.table).where(
                table.key == key, table.id <= last, table.dead_at.is_(None))).rowcount for key, last in surplus.items()}

    def drop_other_kinds(self, kinds: Collection[str]) -> int:
        """Drop messages of kinds other than ``kinds``, which no relay delivers any more; returns how many."""
        others = self.table.c.kind.not_in(sorted(kinds))
        with self.db.reader() as conn:
            if conn.execute(sa.select(self.table.c.id).where(others).limit(1)).first() is None:
                return 0
        with self.db.writer() as conn:
            return conn.execute(sa.delete(self.table).where(others)).rowcount


@dataclass(frozen=True, slots=True)
class Message:
    """One stored message as a relay reads it; ``payload`` is JSON text."""

    id: int
    key: str
    kind: str
    payload: str
    attempts: int
    next_try_at: datetime.datetime
    owner: str | None
    lease_until: datetime.datetime | None


def attempts_for(error: Exception) -> float:
    """The number of attempts at a message that fails with ``error``: limited when the message itself may be the cause,
    unlimited when the receiver is away, of another release, or had a collision."""
    if isinstance(error, Refused) and not isinstance(error, Conflict):
        return REFUSALS_MAX
    if isinstance(error, RemoteError):
        return ERRORS_MAX
    return math.inf if isinstance(error, (FlockError, OSError)) else ERRORS_MAX


class _Outcome(enum.Enum):
    """What became of one message in one attempt."""

    DELIVERED = enum.auto()
    DEAD = enum.auto()
    POSTPONED = enum.auto()


@dataclass(frozen=True, slots=True)
class Policy:
    """How a relay delivers.

    After a handler raises, calls it again after the pauses of ``retry``. ``attempts_max(error)`` is the number of
    attempts before a message that fails with this error becomes a dead letter. ``lease_s`` is the number of seconds
    for which a relay may keep claimed messages, so that several relays can share a table. None means that this relay is
    the only one for its keys and claims nothing.
    """

    batch_max: int = 50
    poll_s: float = 5.0
    retry: Backoff = Backoff(1.0, 60.0, jitter=0.0)
    lease_s: float | None = 120.0
    attempts_max: Callable[[Exception], float] = attempts_for

    def is_due(self, table: sa.Table, now: datetime.datetime) -> sa.ColumnElement[bool]:
        """The opposite of ``waits`` as an SQL condition."""
        columns, retry_max = table.c, datetime.timedelta(seconds=self.retry.max_s)
        return sa.or_(columns.next_try_at <= now, columns.next_try_at > now + HOLD_MAX,
                      sa.and_(columns.attempts > 0, columns.next_try_at > now + retry_max))

    def waits(self, message: Message, now: datetime.datetime) -> bool:
        """Whether the message is not due yet. A due time later than any pause means that the wall clock was set back,
        so the message is due."""
        longest = datetime.timedelta(seconds=self.retry.max_s) if message.attempts else HOLD_MAX
        return now < message.next_try_at <= now + longest

    def is_leased(self, message: Message, now: datetime.datetime) -> bool:
        """Whether a relay holds a valid lease on it."""
        if self.lease_s is None or message.lease_until is None:
            return False
        return now < message.lease_until <= now + self.lease_max(self.lease_s)

    @staticmethod
    def lease_max(lease_s: float) -> datetime.timedelta:
        """The end of a lease that is further away than this comes from a wall clock that was set back since.

        A lease may end later than ``now + lease_s``: while this relay waited for the row lock after it read the time,
        another relay read a later time and took the lease.
        """
        return datetime.timedelta(seconds=2 * lease_s)


class Relay:
    """A thread that delivers the messages of a table through ``handlers`` (``{kind: function(payload)}``).

    Delivers the messages of a key one after the other; while one fails, later ones of the key wait, and other keys
    continue. Serves ``keys``, or all keys of the table when None. Treats a kind without handler and an unreadable
    payload like a failed handler. Give the only relay of a table a fixed ``owner``: after a crash it then continues at
    once instead of waiting for its old leases. Calls ``on_outcome(kind, outcome)`` for each ``ok``, ``failed`` and
    ``dead``.
    """

    def __init__(self, outbox: Outbox, handlers: Mapping[str, Callable[[Any], object]], policy: Policy | None = None, *,
                 keys: Sequence[str] | None = None, owner: str | None = None, name: str | None = None,
                 on_outcome: Callable[[str, str], None] | None = None) -> None:
        self.outbox = outbox
        self.handlers = dict(handlers)
        self.policy = policy or Policy()
        self.name = name or outbox.table.name
        self.owner = owner or new_uuid()
        self._keys = keys
        self._on_outcome = on_outcome or (lambda kind, outcome: None)
        self._counted_at = 0.0
        # The worker's thread is a daemon, so a peer that never replies does not keep the process from exiting.
        self._worker = Worker(f"relay-{self.name}", self._pass, Backoff(self.policy.poll_s, self.policy.poll_s))

    def start(self) -> None:
        """Begin to deliver in a thread."""
        self._worker.start()

    def nudge(self) -> None:
        """Read the table now instead of at the next poll."""
        self._worker.nudge()

    def leave(self) -> None:
        """End after the current delivery; does not wait for it."""
        self._worker.leave()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """End after the current delivery; True when the thread ended within ``timeout_s``."""
        return self._worker.stop(timeout_s)

    def deliver_due(self) -> int:
        """Deliver the messages that are due now, at most one batch per key; returns the number of attempts."""
        tried = 0
        for key in self._keys if self._keys is not None else self._due_keys(utcnow()):
            if self._worker.leaving:
                break
            tried += self._deliver_run(key)
        return tried

    def backlog(self) -> int:
        """The number of undelivered messages; also sets the gauge."""
        with self.outbox.db.reader() as conn:
            count = int(conn.execute(sa.select(sa.func.count()).select_from(self.outbox.table).where(
                self.outbox.table.c.dead_at.is_(None))).scalar_one())
        BACKLOG.labels(self.outbox.table.name).set(count)
        return count

    def _pass(self) -> float:
        tried = self.deliver_due()
        if self._keys is None and time.monotonic() - self._counted_at >= self.policy.poll_s:
            self.backlog()
            self._counted_at = time.monotonic()
        return 0.0 if tried else self._pause_s()

    def _pause_s(self) -> float:
        """Seconds until the next message is due, at most the poll interval."""
        with self.outbox.db.reader() as conn:
            due: datetime.datetime | None = conn.execute(self._of_heads(
                sa.func.min(self.outbox.table.c.next_try_at)).where(self._claimable(utcnow()))).scalar()
        if due is None:
            return self.policy.poll_s
        return min(self.policy.poll_s, max(0.05, (due - utcnow()).total_seconds()))

    def _due_keys(self, now: datetime.datetime) -> list[str]:
        """Keys whose first message is due and not claimed by another relay, ordered by that message's age."""
        table = self.outbox.table.c
        query = self._of_heads(table.key).where(self.policy.is_due(self.outbox.table, now), self._claimable(now))
        with self.outbox.db.reader() as conn:
            return list(conn.execute(query.order_by(table.id).limit(KEYS_MAX)).scalars())

    def _of_heads(self, column: sa.ColumnElement[Any]) -> sa.Select[Any]:
        """``column`` of the first message of each key."""
        table = self.outbox.table
        if self._keys is None:
            heads: sa.ColumnElement[bool] = table.c.id.in_(
                sa.select(sa.func.min(table.c.id)).where(table.c.dead_at.is_(None)).group_by(table.c.key)
                .scalar_subquery())
        else:
            one = table.alias("one")
            heads = sa.or_(*(table.c.id == sa.select(sa.func.min(one.c.id)).where(
                one.c.key == key, one.c.dead_at.is_(None)).scalar_subquery() for key in self._keys))
        return sa.select(column).where(heads)

    def _claimable(self, now: datetime.datetime) -> sa.ColumnElement[bool]:
        table = self.outbox.table
        if self.policy.lease_s is None:
            return sa.true()
        return sa.or_(table.c.lease_until.is_(None), table.c.owner == self.owner, table.c.lease_until <= now,
                      table.c.lease_until > now + self.policy.lease_max(self.policy.lease_s))

    def _take(self, key: str, now: datetime.datetime) -> list[Message]:
        """Claim the first messages of a key, up to one that is not due or that another relay has claimed."""
        table = self.outbox.table
        # Reads the payload as text, so that an unreadable one does not keep this relay from delivering the others.
        columns = [sa.type_coerce(table.c[name], sa.Text) if name == "payload" else table.c[name]
                   for name in Message.__slots__]
        query = (sa.select(*columns).where(table.c.key == key, table.c.dead_at.is_(None))
                 .order_by(table.c.id).limit(self.policy.batch_max))
        lease_s = self.policy.lease_s
        if lease_s is None:
            with self.outbox.db.reader() as conn:
                return self._free(conn, query, now)

        def claim(conn: Connection) -> list[Message]:
            found = self._free(conn, query.with_for_update(), now)
            if found:
                conn.execute(sa.update(table).where(table.c.id.in_([message.id for message in found])).values(
                    owner=self.owner, lease_until=now + datetime.timedelta(seconds=lease_s)))
            return found

        return self.outbox.db.transact(claim)

    def _free(self, conn: Connection, query: sa.Select[Any], now: datetime.datetime) -> list[Message]:
        found: list[Message] = []
        for row in conn.execute(query):
            message = Message(*row)
            claimed = message.owner != self.owner and self.policy.is_leased(message, now)
            if claimed or self.policy.waits(message, now):
                break
            found.append(message)
        return found

    def _deliver_run(self, key: str) -> int:
        """Deliver the messages of a key up to the first that fails; returns how many were tried."""
        begun_at = forgotten_at = time.monotonic()
        lease_s = self.policy.lease_s or math.inf
        run = self._take(key, utcnow())
        done: list[int] = []
        tried = 0
        try:
            for message in run:
                # Stops well within the lease: after it, another relay might deliver the same messages.
                if self._worker.leaving or time.monotonic() - begun_at > lease_s / 2:
                    break
                tried += 1
                outcome = self._deliver(message)
                if outcome is _Outcome.POSTPONED:
                    break
                if outcome is _Outcome.DELIVERED:
                    done.append(message.id)
                if time.monotonic() - forgotten_at > FORGET_AFTER_S:
                    self._forget(done)
                    done, forgotten_at = [], time.monotonic()
        finally:
            self._forget(done)
            if self.policy.lease_s is not None:
                self._release([message.id for message in run[tried:]])
        return tried

    def _deliver(self, message: Message) -> _Outcome:
        handler = self.handlers.get(message.kind)
        try:
            if handler is None:
                raise LookupError(f"no handler for kind {message.kind}")
            handler(json.loads(message.payload))
        except Exception as exc:  # noqa: BLE001 - a handler may raise anything; the message is kept and tried again
            self._count(message.kind, "failed")
            if message.attempts + 1 < self.policy.attempts_max(exc):
                self._postpone(message, exc)
                return _Outcome.POSTPONED
            with self.outbox.db.writer() as conn:
                deadletters.bury(conn, self.outbox.table, message.id, message.attempts + 1, str(exc))
            self._count(message.kind, "dead")
            LOG.error("outbox %s: %s for %s is a dead letter after %d attempts: %s", self.name, message.kind,  # noqa: TRY400
                      message.key, message.attempts + 1, exc)
            return _Outcome.DEAD
        self._count(message.kind, "ok")
        return _Outcome.DELIVERED

    def _count(self, kind: str, outcome: str) -> None:
        DELIVERIES.labels(self.outbox.table.name, kind, outcome).inc()
        self._on_outcome(kind, outcome)

    def _postpone(self, message: Message, exc: Exception) -> None:
        attempts = message.attempts + 1
        pause_s = self.policy.retry.pause_s(attempts)
        table = self.outbox.table
        with self.outbox.db.writer() as conn:
            conn.execute(sa.update(table).where(table.c.id == message.id).values(
                attempts=attempts, owner=None, lease_until=None, last_error=storable(str(exc), deadletters.REASON_MAX),
                next_try_at=utcnow() + datetime.timedelta(seconds=pause_s)))
        LOG.warning("outbox %s: %s for %s failed (attempt %d, next in %g s): %s", self.name, message.kind, message.key,
                    attempts, pause_s, exc, exc_info=not isinstance(exc, FlockError))

    def _forget(self, ids: Iterable[int]) -> None:
        """Delete delivered messages."""
        gone = list(ids)
        if gone:
            with self.outbox.db.writer() as conn:
                conn.execute(sa.delete(self.outbox.table).where(self.outbox.table.c.id.in_(gone)))

    def _release(self, ids: Sequence[int]) -> None:
        table = self.outbox.table
        if ids:
            with self.outbox.db.writer() as conn:
                conn.execute(sa.update(table).where(table.c.id.in_(ids), table.c.owner == self.owner)
                             .values(owner=None, lease_until=None))
