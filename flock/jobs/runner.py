# SPDX-License-Identifier: Apache-2.0
"""The threads that execute stored operations: claim those due, call steps, store after each step, renew leases."""
from __future__ import annotations

import datetime
import logging
import threading
import time
from collections.abc import Callable, Mapping

import sqlalchemy as sa
from prometheus_client import Counter, Gauge

from flock.core.backoff import Backoff
from flock.core.errors import DeadlineExceeded, FlockError, RemoteError, StaleWrite, Unavailable
from flock.db import Database
from flock.jobs import progress, store
from flock.jobs.pool import BoundedPool
from flock.jobs.steps import OperationRecord, State, Steps, Wait
from flock.jobs.worker import Worker
from flock.rpc.errors import Undecodable

LOG = logging.getLogger(__name__)
ENDED = Counter("flock_operations_ended_total", "Operations that came to an end", ("kind", "state"))
RUNNING = Gauge("flock_operations_running", "Operations that a thread executes", ("owner",))

# Transient errors: the runner calls the step again until its deadline.
TRANSIENT = (Unavailable, DeadlineExceeded, StaleWrite, Undecodable)


class Runner:
    """One dispatching thread and a bounded pool; ``flock.jobs.operations`` describes the arguments."""

    def __init__(self, db: Database, table: sa.Table, kinds: Mapping[str, Steps], owner: str, *, threads_max: int,
                 poll_s: float, lease_s: float, clock: Callable[[], datetime.datetime]) -> None:
        self.db = db
        self.table = table
        self.kinds = kinds
        self.owner = owner
        self._clock = clock
        self._poll_s = poll_s
        self._lease_s = lease_s
        self._pool = BoundedPool(f"operations-{table.name}", threads_max)
        self._in_hand: set[str] = set()
        self._lock = threading.Lock()
        self._worker = Worker(f"operations-{table.name}", self._pass, Backoff(poll_s, poll_s))
        self._renewed_at = time.monotonic()

    def start(self) -> None:
        """Execute operations in threads from now on; RuntimeError when already started."""
        self._worker.start()

    def nudge(self) -> None:
        """Read the table now instead of at the next poll."""
        self._worker.nudge()

    def stop(self, timeout_s: float) -> bool:
        """Begin no more steps; True when the running ones ended within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        self._worker.stop(timeout_s)
        return self._pool.stop(max(0.0, deadline - time.monotonic()))

    def run_due(self, limit: int) -> int:
        """Execute up to ``limit`` operations that are due now in this thread; returns how many."""
        with self._lock:
            held = set(self._in_hand)
        # After an outage of the database longer than the lease, operations that a thread still executes look free.
        records = [record for record in self._claim(limit) if record.uuid not in held]
        for record in records:
            self._carry(record)
        return len(records)

    def _claim(self, limit: int) -> list[OperationRecord]:
        if not self.kinds or limit < 1:
            return []
        now = self._clock()
        with self.db.reader() as conn:
            due = store.next_due(conn, self.table, self.kinds, now)
        if due is None or due > now:
            return []
        return self.db.transact(
            lambda conn: store.claim_due(conn, self.table, self.kinds, self.owner, now, self._lease_s, limit))

    def _pass(self) -> float:
        self._hand_out()
        if time.monotonic() - self._renewed_at > self._lease_s / 3:
            self._renew()
            self._renewed_at = time.monotonic()
        return self._pause_s()

    def _hand_out(self) -> None:
        with self._lock:
            free = self._pool.threads_max - len(self._in_hand)
        for record in self._claim(free):
            with self._lock:
                # After a database outage longer than the lease, an operation looks free while a thread still runs it.
                if record.uuid in self._in_hand:
                    continue
                self._in_hand.add(record.uuid)
            try:
                self._pool.submit(self._carry_in_thread, record)
            except Unavailable:
                with self._lock:
                    self._in_hand.discard(record.uuid)
                self._save(record, keep=False)

    def _renew(self) -> None:
        with self._lock:
            held = list(self._in_hand)
        if held:
            until = self._clock() + datetime.timedelta(seconds=self._lease_s)
            with self.db.writer() as conn:
                store.renew(conn, self.table, held, self.owner, until)

    def _pause_s(self) -> float:
        with self._lock:
            full = len(self._in_hand) >= self._pool.threads_max
        if full:
            return self._poll_s
        now = self._clock()
        with self.db.reader() as conn:
            due = store.next_due(conn, self.table, self.kinds, now)
        return self._poll_s if due is None else min(self._poll_s, max(0.0, (due - now).total_seconds()))

    def _carry_in_thread(self, record: OperationRecord) -> None:
        RUNNING.labels(self.owner).inc()
        try:
            self._carry(record)
        except Exception:
            LOG.exception("operation %s (%s): progress could not be stored; it resumes when its lease ends",
                          record.uuid, record.kind)
        finally:
            RUNNING.labels(self.owner).dec()
            with self._lock:
                self._in_hand.discard(record.uuid)
            self._worker.nudge()

    def _carry(self, record: OperationRecord) -> None:
        """Call steps until the operation waits or ends, or this process stops."""
        plan = self.kinds[record.kind]
        begun = progress.begin(record, plan, self._clock())
        # Stores the start before the first call, so that a crash during the call does not extend the step's deadline.
        if begun is not record and not self._keep_or_end(begun):
            return
        record = begun
        while True:
            after = progress.overdue(record, plan, self._clock())
            if after is record:
                noted = progress.last_try(record, self._clock())
                if noted is not record and not self._save(noted, keep=True):
                    LOG.warning("operation %s (%s) was taken over by another owner", record.uuid, record.kind)
                    return
                after = self._call(noted, plan)
            if not self._keep_or_end(after):
                return
            record = self._with_cancel(after)

    def _keep_or_end(self, record: OperationRecord) -> bool:
        """Store the progress; False when this thread must release the operation: ended, waiting, lost or stopping."""
        waiting = record.active and record.next_run_at > self._clock()
        keep = record.active and not waiting and not self._worker.leaving
        if not self._save(record, keep=keep):
            LOG.warning("operation %s (%s) was taken over by another owner", record.uuid, record.kind)
            return False
        if not record.active:
            LOG.info("operation %s (%s of %s) ended: %s", record.uuid, record.kind, record.subject, record.state)
            ENDED.labels(record.kind, record.state.value).inc()
        return keep

    def _with_cancel(self, record: OperationRecord) -> OperationRecord:
        """The stored record, with a cancellation that another transaction may have added."""
        with self.db.reader() as conn:
            stored = store.fetch(conn, self.table, record.uuid)
        return record if stored is None else stored

    def _call(self, record: OperationRecord, plan: Steps) -> OperationRecord:
        step = plan[record.step]
        function = step.undo if record.state is State.UNDOING else step.do
        verb = "undo of step" if record.state is State.UNDOING else "step"
        try:
            answer = function(record.view(plan)) if function is not None else None
        except TRANSIENT as exc:
            LOG.info("operation %s (%s): %s %s will be repeated: %s", record.uuid, record.kind, verb, step.name, exc)
            return progress.retried(record, exc, self._clock())
        except FlockError as exc:
            LOG.warning("operation %s (%s): %s %s failed: %s", record.uuid, record.kind, verb, step.name, exc)
            return progress.failed(record, plan, exc, self._clock())
        except Exception as exc:
            LOG.exception("operation %s (%s): %s %s failed", record.uuid, record.kind, verb, step.name)
            error = RemoteError(detail=f"{step.name} failed with {type(exc).__name__}: {exc}")
            return progress.failed(record, plan, error, self._clock())
        if isinstance(answer, Wait):
            return progress.waits(record, answer.seconds, answer.data, self._clock())
        return progress.succeeded(record, plan, answer, self._clock())

    def _save(self, record: OperationRecord, keep: bool) -> bool:
        until = self._clock() + datetime.timedelta(seconds=self._lease_s)
        return self.db.transact(
            lambda conn: store.save(conn, self.table, record, self.owner, keep, until))
