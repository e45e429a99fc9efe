# SPDX-License-Identifier: Apache-2.0
"""The only writer of alarms and events: batches in one transaction, callers that come at once share it."""
from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core.errors import Unavailable
from flock.db import Database, new_uuid, utcnow
from fm.contract.errors import InvalidFault, NotAttempted
from fm.contract.rpc import BATCH_MAX, FaultOutcome, FaultRequest
from fm.contract.validation import storable
from fm.core.batch import Batch, Touched, touched
from fm.core.records import Alarm, Notice
from fm.core.retention import Limits, age_cutoff, prune_every
from fm.db.tables import APPLIED_REQUEST
from fm.resources.alarm import store as alarms
from fm.resources.event_log import store as events
from fm.resources.event_suppression import store as suppression

T = TypeVar("T")
WAITING_MAX = 256
TOGETHER_MAX = 2000
LOCK_TIMEOUT_S = 20.0
REQUEST_ID_MAX = 64
Publish = Callable[[Connection, Sequence[Notice]], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may change while the manager runs."""

    limits: Limits
    log_unchanged: bool = False


@dataclasses.dataclass(slots=True, eq=False)
class _Ticket:
    requests: list[FaultRequest]
    outcomes: list[FaultOutcome] | None = None
    error: Exception | None = None


class Writer:
    """Applies fault requests. ``publish`` stores notices for outputs in the same transaction.

    At most ``WAITING_MAX`` callers wait; the one that holds the lock carries out what all of them brought.
    """

    def __init__(self, db: Database, settings: Callable[[], Settings], publish: Publish | None = None,
                 after_commit: Callable[[], None] | None = None, clock: Callable[[], datetime] = utcnow) -> None:
        self._db = db
        self._settings = settings
        self._publish = publish
        self._after_commit = after_commit or (lambda: None)
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._waiting_lock = threading.Lock()
        self._since_prune = 0

    def apply(self, requests: Sequence[FaultRequest]) -> list[FaultOutcome]:
        """One outcome per request, after the commit. InvalidFault when the batch is too long, Unavailable when busy."""
        if len(requests) > BATCH_MAX:
            raise InvalidFault(field="requests", rule=f"must be at most {BATCH_MAX}")
        ticket = _Ticket(list(requests))
        with self._waiting_lock:
            if len(self._waiting) >= WAITING_MAX:
                raise Unavailable(service="fm-manager", reason="too many callers are waiting")
            self._waiting.append(ticket)
        if not self._lock.acquire(timeout=LOCK_TIMEOUT_S):
            if self._withdraw(ticket):
                raise Unavailable(service="fm-manager", reason="the database is too slow")
            raise Unavailable(service="fm-manager", reason="the outcome is unknown, repeat the request")
        try:
            if ticket.outcomes is None and ticket.error is None:
                self._work_off(ticket)
        finally:
            self._lock.release()
        if ticket.error is not None:
            raise ticket.error
        return ticket.outcomes or []

    def change(self, load: Callable[[Connection], Sequence[Alarm]], work: Callable[[Batch], T]) -> T:
        """Run ``work`` on the alarms that ``load`` reads and store what it changed; its errors change nothing."""
        def transaction(conn: Connection) -> tuple[T, int]:
            now = self._clock()
            loaded = load(conn)
            known = suppression.suppressed_by_id(conn, {alarm.alarm_id for alarm in loaded})
            batch = Batch(loaded, known, (), now, new_uuid, self._settings().log_unchanged)
            result = work(batch)
            self._store(conn, batch, now)
            return result, len(batch.events)

        with self._exclusive():
            result, written = self._db.transact(transaction)
            self._pruned_if_due(written)
        self._after_commit()
        return result

    def prune(self) -> int:
        """Remove surplus and old events now; returns how many went."""
        with self._exclusive():
            self._since_prune = 0
            return self._prune()

    def forget_requests(self, before: datetime) -> int:
        """Forget applied requests older than ``before``; returns how many went."""
        with self._db.writer() as conn:
            return int(conn.execute(sa.delete(APPLIED_REQUEST).where(APPLIED_REQUEST.c.applied_at < before)).rowcount)

    def _withdraw(self, ticket: _Ticket) -> bool:
        with self._waiting_lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                return True
            return False

    def _exclusive(self) -> _Held:
        return _Held(self._lock)

    def _work_off(self, own: _Ticket) -> None:
        """As the lock holder: apply what waits, oldest first, until ``own`` has its answer."""
        while own.outcomes is None and own.error is None:
            together: list[_Ticket] = []
            count = 0
            with self._waiting_lock:
                while self._waiting and (not together or count + len(self._waiting[0].requests) <= TOGETHER_MAX):
                    together.append(self._waiting.pop(0))
                    count += len(together[-1].requests)
            if not self._try_together(together):
                for ticket in together:
                    self._try_together([ticket])

    def _try_together(self, tickets: list[_Ticket]) -> bool:
        """Apply all tickets in one transaction; False when that failed and each should be tried alone."""
        requests = [request for ticket in tickets for request in ticket.requests]
        try:
            outcomes, written = self._db.transact(lambda conn: self._apply(conn, requests))
        except Exception as error:  # noqa: BLE001 - handed to the caller it belongs to
            if len(tickets) > 1:
                return False
            tickets[0].error = error
            return True
        start = 0
        for ticket in tickets:
            ticket.outcomes = outcomes[start:start + len(ticket.requests)]
            start += len(ticket.requests)
        self._pruned_if_due(written)
        self._after_commit()
        return True

    def _apply(self, conn: Connection, requests: list[FaultRequest]) -> tuple[list[FaultOutcome], int]:
        now = self._clock()
        answered = _answered(conn, [request.request_id for request in requests if _is_request_id(request.request_id)])
        fresh = [request for request in requests if request.request_id not in answered]
        scope = touched(fresh)
        batch = self._batch(conn, scope, now)
        new: list[FaultOutcome] = []
        for request in fresh:
            if request.request_id in answered:
                continue
            outcome = _not_attempted(request, answered)
            if outcome is None:
                outcome = batch.apply(request) if _is_request_id(request.request_id) else _bad_request_id(request)
            answered[request.request_id] = outcome
            new.append(outcome)
        self._store(conn, batch, now)
        _remember(conn, [outcome for outcome in new if _is_request_id(outcome.request_id)], now)
        return [answered[request.request_id] for request in requests], len(batch.events)

    def _batch(self, conn: Connection, scope: Touched, now: datetime) -> Batch:
        known = suppression.suppressed_by_id(conn, scope.alarm_ids)
        loaded = alarms.touched_alarms(conn, scope)
        missing = {alarm.alarm_id for alarm in loaded} - set(known)
        if missing:
            known |= suppression.suppressed_by_id(conn, missing)
        used = alarms.used_uuids(conn, scope.uuids)
        return Batch(loaded, known, used, now, new_uuid, self._settings().log_unchanged)

    def _store(self, conn: Connection, batch: Batch, now: datetime) -> None:
        alarms.apply_change(conn, batch.net_change(), now)
        events.insert(conn, batch.events, now)
        if self._publish is not None and batch.notices:
            self._publish(conn, batch.notices)

    def _pruned_if_due(self, written: int) -> None:
        self._since_prune += written
        if self._since_prune >= prune_every(self._settings().limits):
            self._since_prune = 0
            self._prune()

    def _prune(self) -> int:
        limits = self._settings().limits
        with self._db.writer() as conn:
            return events.prune(conn, limits.events_max, age_cutoff(limits, self._clock()))


class _Held:
    """The write lock, waited for a bounded time."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise Unavailable(service="fm-manager", reason="the database is too slow")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _answered(conn: Connection, request_ids: list[str]) -> dict[str, FaultOutcome]:
    """Outcomes of the requests that were applied before."""
    found: dict[str, FaultOutcome] = {}
    for start in range(0, len(request_ids), BATCH_MAX):
        part = request_ids[start:start + BATCH_MAX]
        query = sa.select(APPLIED_REQUEST.c.request_id, APPLIED_REQUEST.c.outcome)
        for request_id, outcome in conn.execute(query.where(APPLIED_REQUEST.c.request_id.in_(part))):
            found[request_id] = FaultOutcome(request_id, **json.loads(outcome))
    return found


def _remember(conn: Connection, outcomes: list[FaultOutcome], now: datetime) -> None:
    if outcomes:
        conn.execute(sa.insert(APPLIED_REQUEST), [
            {"request_id": outcome.request_id, "applied_at": now,
             "outcome": json.dumps({"uuid": outcome.uuid, "count": outcome.count, "error": outcome.error})}
            for outcome in outcomes])


def _is_request_id(text: str) -> bool:
    return 0 < len(text) <= REQUEST_ID_MAX and storable(text)


def _not_attempted(request: FaultRequest, answered: dict[str, FaultOutcome]) -> FaultOutcome | None:
    """The outcome of a request whose predecessor was refused; None when nothing stands in its way."""
    before = answered.get(request.only_after) if request.only_after is not None else None
    if before is None or before.error is None:
        return None
    return FaultOutcome(request.request_id, error=NotAttempted(id=before.request_id).to_wire())


def _bad_request_id(request: FaultRequest) -> FaultOutcome:
    error = InvalidFault(field="request_id", rule=f"must be a text of 1 to {REQUEST_ID_MAX} characters")
    return FaultOutcome(request.request_id, error=error.to_wire())
