# SPDX-License-Identifier: Apache-2.0
"""The only writer of alarms and events: applies a batch in one transaction, which concurrent callers share."""
from __future__ import annotations

import dataclasses
import json
import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core.codec import codec_for
from flock.core.errors import FlockError, Unavailable
from flock.db import Database, DuplicateEntry, new_uuid, utcnow
from flock.db.inserts import Insertion, NewRows, insert_all
from fm.contract.errors import InvalidFault, NotAttempted, TooManyAlarms
from fm.contract.limits import REQUEST_ID_MAX
from fm.contract.rpc import BATCH_MAX, FaultOutcome, FaultRequest, host_of
from fm.contract.validation import storable
from fm.core.batch import Batch, Touched, touched
from fm.core.ledger import Scene
from fm.core.policy import PLAIN, LifePolicy
from fm.core.quota import UNLIMITED, Quota
from fm.core.records import Flap, Held, Notice
from fm.core.retention import Limits, age_cutoff, prune_every
from fm.db import hiding, shares
from fm.db.tables import APPLIED_REQUEST, EVENT_LOG
from fm.manager.hostcounts import HostCounts
from fm.manager.turns import Ticket, Turns
from fm.resources.alarm import store as alarms
from fm.resources.alarm import touched as touched_rows
from fm.resources.alarm.touched import Stored
from fm.resources.event_log import store as events
from fm.resources.held_change import store as held_changes

T = TypeVar("T")
LOG = logging.getLogger(__name__)
TOGETHER_MAX = 2000
HOST_ALARMS_MAX = HOST_REQUESTS_MAX = 10_000
_APPLIED = sa.select(APPLIED_REQUEST.c.request_id, APPLIED_REQUEST.c.outcome).where(
    APPLIED_REQUEST.c.request_id.in_(sa.bindparam("ids", expanding=True)))
_INSERTION = Insertion(APPLIED_REQUEST, ("request_id", "outcome", "applied_at", "sender"))
Publish = Callable[[Connection, Sequence[Notice]], None]
AfterCommit = Callable[[Sequence[Notice]], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """Options that the operator may change while the manager runs."""

    limits: Limits
    policy: LifePolicy = PLAIN
    host_alarms_max: int = HOST_ALARMS_MAX
    host_requests_max: int = HOST_REQUESTS_MAX


@dataclasses.dataclass(slots=True, eq=False)
class _Work:
    requests: list[FaultRequest]
    within: str | None = None
    outcomes: list[FaultOutcome] | None = None
    error: Exception | None = None


class Writer:
    """Applies fault requests. ``publish`` stores notices for outputs in the same transaction; ``on_wait`` is called
    after a commit that stored held changes or flap states for ``release_due``.

    Callers take turns (see ``Turns``): the caller on turn applies the requests of all waiting callers.
    """

    def __init__(self, db: Database, settings: Callable[[], Settings], publish: Publish | None = None,
                 after_commit: AfterCommit | None = None, clock: Callable[[], datetime] = utcnow,
                 on_wait: Callable[[], None] | None = None) -> None:
        self._db = db
        self._settings = settings
        self._publish = publish
        self._after_commit = after_commit or (lambda notices: None)
        self._on_wait = on_wait or (lambda: None)
        self._clock = clock
        # Whether the database may contain held changes or flap states; true until a query shows that it does not.
        self._tracked = True
        self._held_more = False
        self._counts = HostCounts()
        self._growth: Mapping[str, int] = {}
        self._turns: Turns[_Work] = Turns()
        self._since_prune = self._answered_hosts = 0

    def apply(self, requests: Sequence[FaultRequest], from_host: str | None = None) -> list[FaultOutcome]:
        """Apply requests; returns one outcome per request after the commit. InvalidFault when the batch is too long,
        Unavailable when too many callers wait.

        A raise of the host ``from_host`` is refused (TooManyAlarms) when too many alarms are active on and below it.
        """
        if len(requests) > BATCH_MAX:
            raise InvalidFault(field="requests", rule=f"must be at most {BATCH_MAX}")
        work = _Work(list(requests), None if from_host is None else f"host={from_host}")
        self._turns.together(Ticket(work, len(requests)), self._carry_out, TOGETHER_MAX)
        if work.outcomes is None:
            raise work.error or Unavailable(service="fm-manager", reason="the outcome is unknown, repeat the request")
        return work.outcomes

    def change(self, uuids: Collection[str], work: Callable[[Batch], T]) -> T:
        """Run ``work`` on a batch of the alarms and held raises with these uuids, store the changes and return its
        result. Errors of ``work`` are raised and change nothing."""
        def transaction(conn: Connection) -> tuple[T, list[Notice]]:
            now = self._clock()
            found = alarms.by_uuids(conn, uuids)
            batch = self._batch(conn, Stored(found, *hiding.known_ids(conn, {alarm.alarm_id for alarm in found}, now)),
                                Touched(uuids=frozenset(uuids)), now)
            result = work(batch)
            self._store(conn, batch, now)
            return result, batch.notices

        return self._exclusively(transaction)

    def release_due(self) -> datetime | None:
        """Apply held changes that are due, at most ``BATCH_MAX`` entities at a time. Returns when to call again.

        Returns None when nothing is held: call again after the next ``on_wait``, and periodically for changes that
        another manager stored.
        """
        if not self._tracked:
            with self._db.reader() as conn:
                if held_changes.next_due(conn) is None:
                    return None
            self._tracked = True

        def transaction(conn: Connection) -> tuple[datetime | None, list[Notice]]:
            now = self._clock()
            entities = held_changes.due_entities(conn, now, BATCH_MAX)
            notices: list[Notice] = []
            if entities:
                scope = Touched(entities=frozenset(entities))
                batch = self._batch(conn, touched_rows.read(conn, scope, now), scope, now)
                batch.release_due()
                self._store(conn, batch, now)
                notices = batch.notices
            due = held_changes.next_due(conn)
            self._tracked = due is not None
            return due, notices

        return self._exclusively(transaction)

    def _exclusively(self, transaction: Callable[[Connection], tuple[T, list[Notice]]]) -> T:
        with self._turns.alone():
            try:
                result, notices = self._db.transact(transaction)
            except BaseException:
                self._uncertain()
                raise
            self._count()
            self._pruned_if_due(len(notices))
        self._committed(notices)
        return result

    def _uncertain(self) -> None:
        """It is not known whether the transaction was committed."""
        self._tracked = True
        self._growth = {}
        self._counts.forget()

    def _count(self) -> None:
        growth, self._growth = self._growth, {}
        self._counts.committed(growth)

    def _committed(self, notices: list[Notice]) -> None:
        self._after_commit(notices)
        if self._held_more:
            self._held_more = False
            self._on_wait()

    def prune(self) -> int:
        """Delete events beyond the limits now; returns how many."""
        with self._turns.alone():
            self._since_prune = 0
            return self._prune()

    def forget_requests(self, before: datetime) -> int:
        """Delete the outcomes of requests applied before ``before``, and those beyond the share of a host; returns how
        many."""
        with self._db.writer() as conn:
            old = int(conn.execute(sa.delete(APPLIED_REQUEST).where(APPLIED_REQUEST.c.applied_at < before)).rowcount)
            return old + self._prune_answers(conn)

    def _prune_answers(self, conn: Connection) -> int:
        of_hosts, _ = shares.counts(conn, APPLIED_REQUEST)
        return shares.prune(conn, APPLIED_REQUEST, APPLIED_REQUEST.c.applied_at, self._settings().host_requests_max,
                            of_hosts)

    def _carry_out(self, tickets: list[Ticket[_Work]]) -> None:
        works = [ticket.work for ticket in tickets if ticket.work is not None]
        if not self._try_together(works):
            for work in works:
                self._try_together([work])

    def _try_together(self, works: list[_Work]) -> bool:
        """Apply all works in one transaction; False when that failed and the caller should try each alone."""
        requests = [request for work in works for request in work.requests]
        within = {request.request_id: work.within for work in works if work.within for request in work.requests}
        try:
            outcomes, notices = self._applied(requests, within)
        except Exception as error:  # noqa: BLE001 - raised in the caller of the request
            self._uncertain()
            if len(works) > 1:
                return False
            works[0].error = error
            return True
        self._count()
        start = 0
        for work in works:
            work.outcomes = outcomes[start:start + len(work.requests)]
            start += len(work.requests)
        self._pruned_if_due(len(notices))
        self._committed(notices)
        return True

    def _applied(self, requests: list[FaultRequest],
                 within: Mapping[str, str]) -> tuple[list[FaultOutcome], list[Notice]]:
        """Apply requests in one transaction. Reads stored outcomes only after DuplicateEntry: repeated requests are
        rare, and the unique key on request ids detects them."""
        try:
            return self._db.transact(lambda conn: self._apply(conn, requests, within, {}))
        except DuplicateEntry:
            ids = [request.request_id for request in requests if _is_request_id(request.request_id)]
            return self._db.transact(lambda conn: self._apply(conn, requests, within, _answered(conn, ids)))

    def _apply(self, conn: Connection, requests: list[FaultRequest], within: Mapping[str, str],
               before: dict[str, FaultOutcome]) -> tuple[list[FaultOutcome], list[Notice]]:
        """``within``: the entity whose quota a request uses, by request id."""
        now = self._clock()
        answered = dict(before)
        fresh = [request for request in requests if request.request_id not in answered]
        scope = touched(fresh)
        wanted = Counter(within[request.request_id] for request in fresh
                         if request.fault is not None and request.request_id in within)
        quota = self._counts.quota(conn, wanted, self._settings().host_alarms_max) if wanted else UNLIMITED
        batch = self._batch(conn, touched_rows.read(conn, scope, now), scope, now, quota)
        new: list[FaultOutcome] = []
        for request in fresh:
            if request.request_id in answered:
                continue
            outcome = _not_attempted(request, answered)
            if outcome is None:
                outcome = (batch.apply(request, within.get(request.request_id))
                           if _is_request_id(request.request_id) else _bad_request_id(request))
            answered[request.request_id] = outcome
            new.append(outcome)
        stored = [outcome for outcome in new if _is_stored(outcome)]
        self._answered_hosts += sum(outcome.request_id in within for outcome in stored) if within else 0
        self._store(conn, batch, now, _answers(stored, within, now))
        return [answered[request.request_id] for request in requests], batch.notices

    def _batch(self, conn: Connection, stored: Stored, scope: Touched, now: datetime,
               quota: Quota = UNLIMITED) -> Batch:
        """A batch over the ``stored`` rows and the held changes and flap states within ``scope``. Does not query tables
        that are known to be empty."""
        known = stored.known
        held: list[Held] = []
        flaps: list[Flap] = []
        if self._tracked:
            entities = scope.entities | {alarm.entity_instance_id for alarm in stored.alarms}
            held = held_changes.held(conn, entities=entities, below=scope.below, uuids=scope.uuids)
            flaps = held_changes.flaps(conn, entities=entities, below=scope.below)
            others = {waiting.alarm_id for waiting in held} - known.keys()
            if others:
                known = known | hiding.known_ids(conn, others, now)[0]
        scene = Scene(stored.alarms, known, alarms.used_uuids(conn, scope.uuids), stored.silences, held, flaps,
                      quota)
        return Batch(scene, now, new_uuid, self._settings().policy)

    def _store(self, conn: Connection, batch: Batch, now: datetime, answers: NewRows | None = None) -> None:
        change = batch.net_change()
        self._growth = batch.growth
        if change.held or change.flaps:
            self._tracked = self._held_more = True
        alarms.apply_change(conn, change, now)
        held_changes.apply_change(conn, change, now)
        new = [alarms.new_rows(change), events.new_rows(batch.events, now)]
        insert_all(conn, new if answers is None else [*new, answers])
        if self._publish is not None and batch.notices:
            self._publish(conn, batch.notices)

    def _pruned_if_due(self, written: int) -> None:
        settings = self._settings()
        self._since_prune += written
        try:
            if self._since_prune >= prune_every(settings.limits):
                self._since_prune = 0
                self._prune()
            if self._answered_hosts >= settings.host_requests_max // 10:
                self._answered_hosts = 0
                with self._db.writer() as conn:
                    self._prune_answers(conn)
        except FlockError as error:
            # The requests are committed, so the caller must get its reply; the next prune deletes more.
            LOG.warning("old events and answers cannot be deleted now: %s", error)

    def _prune(self) -> int:
        limits = self._settings().limits
        with self._db.writer() as conn:
            of_hosts, number = shares.counts(conn, EVENT_LOG)
            kept = limits.kept_of_a_host(of_hosts.values(), number)
            return (shares.prune(conn, EVENT_LOG, EVENT_LOG.c.id, kept, of_hosts)
                    + events.prune(conn, limits.events_max, age_cutoff(limits, self._clock())))


_OUTCOME = codec_for(FaultOutcome)


def _answered(conn: Connection, request_ids: list[str]) -> dict[str, FaultOutcome]:
    """Stored outcomes by request id."""
    found: dict[str, FaultOutcome] = {}
    for start in range(0, len(request_ids), BATCH_MAX):
        for request_id, outcome in conn.execute(_APPLIED, {"ids": request_ids[start:start + BATCH_MAX]}):
            found[request_id] = _OUTCOME.from_document({**json.loads(outcome), "request_id": request_id}, "outcome")
    return found


def _answers(outcomes: Sequence[FaultOutcome], within: Mapping[str, str], now: datetime) -> NewRows:
    """Rows that store outcomes for repeated requests."""
    return NewRows(_INSERTION, [
        (outcome.request_id, json.dumps({"uuid": outcome.uuid, "count": outcome.count, "error": outcome.error}), now,
         host_of(within.get(outcome.request_id)) if within else None)
        for outcome in outcomes])


def _is_stored(outcome: FaultOutcome) -> bool:
    """Whether a repeated request gets this outcome again. A refusal by quota changed nothing and may be many.

    A clear of nothing must be known: when its batch comes again, it would end the alarm that a later request of the
    same batch raised, and that request is not applied again.
    """
    return _is_request_id(outcome.request_id) and not is_too_many(outcome)


def is_too_many(outcome: FaultOutcome) -> bool:
    """Whether a raise was refused because its host has too many alarms."""
    return outcome.error is not None and outcome.error.get("code") == TooManyAlarms.code


def _is_request_id(text: str) -> bool:
    return 0 < len(text) <= REQUEST_ID_MAX and storable(text)


def _not_attempted(request: FaultRequest, answered: dict[str, FaultOutcome]) -> FaultOutcome | None:
    """The NotAttempted outcome of a request whose ``only_after`` request was refused; None when it may be applied."""
    before = answered.get(request.only_after) if request.only_after is not None else None
    if before is None or before.error is None:
        return None
    return FaultOutcome(request.request_id, error=NotAttempted(id=before.request_id).to_wire())


def _bad_request_id(request: FaultRequest) -> FaultOutcome:
    error = InvalidFault(field="request_id", rule=f"must be a text of 1 to {REQUEST_ID_MAX} characters")
    return FaultOutcome(request.request_id, error=error.to_wire())
