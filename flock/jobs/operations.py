# SPDX-License-Identifier: Apache-2.0
"""Stored operations: recorded in the transaction of the change, executed step by step, resumed after a crash."""
from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core.errors import Conflict, DeadlineExceeded, NotFound
from flock.db import Database, DuplicateEntry, new_uuid, utcnow
from flock.jobs import store
from flock.jobs.runner import Runner
from flock.jobs.steps import ACTIVE, OperationRecord, Steps


class OperationActive(Conflict):
    """Another operation on the same subject has not ended."""

    code, text = "flock.jobs.operation_active", "{subject} is busy with {kind}. Retry when it has ended."


class Operations:
    """The operations of one table. Any process may ``record`` them; the process that calls ``start`` executes them.

    ``owner`` names the executing process across restarts (for example ``sysinv-conductor@controller-0``); two running
    processes must not share it. Another owner takes over an operation when its lease of ``lease_s`` has expired.
    """

    def __init__(self, db: Database, table: sa.Table, kinds: Mapping[str, Steps], *, owner: str,
                 threads_max: int = 8, poll_s: float = 2.0, lease_s: float = 60.0,
                 clock: Callable[[], datetime.datetime] = utcnow) -> None:
        self.db = db
        self.table = table
        self.kinds = dict(kinds)
        self.owner = owner
        self._clock = clock
        self._runner = Runner(db, table, self.kinds, owner, threads_max=threads_max, poll_s=poll_s, lease_s=lease_s,
                              clock=clock)

    def record(self, conn: Connection, *, kind: str, subject: str, params: Mapping[str, Any],
               deadline_s: float | None = None, exclusive: bool = True,
               barred_by: Collection[str] = (), shown_as: str = "") -> str:
        """Store an operation in the transaction of ``conn``; returns its uuid. Call ``nudge`` after the commit.

        OperationActive when ``exclusive`` and another exclusive operation on ``subject`` has not ended, or when an
        operation of one of the kinds ``barred_by`` on ``subject`` has not ended; its sentence names the subject
        ``shown_as``. Undoes an operation that has not ended ``deadline_s`` from now.
        """
        if self.kinds and kind not in self.kinds:
            raise ValueError(f"{kind} is not a kind of operation here")
        if exclusive:
            self._refuse_second(conn, subject, shown_as or subject)
        barring = [one.kind for one in store.active_of(conn, self.table, subject) if one.kind in barred_by]
        if barring:
            raise OperationActive(subject=shown_as or subject, kind=barring[0])
        uuid, now = new_uuid(), self._clock()
        values = {
            "uuid": uuid, "kind": kind, "subject": subject, "params": dict(params), "created_at": now,
            "next_run_at": now, "active_key": subject if exclusive else uuid,
            "deadline": None if deadline_s is None else now + datetime.timedelta(seconds=deadline_s),
        }
        try:
            conn.execute(sa.insert(self.table).values(**values))
        except DuplicateEntry as exc:
            raise OperationActive(subject=shown_as or subject, kind="another operation") from exc
        return uuid

    def get(self, uuid: str) -> OperationRecord:
        """The operation ``uuid``; NotFound when it does not exist."""
        with self.db.reader() as conn:
            record = store.fetch(conn, self.table, uuid)
        if record is None:
            raise NotFound(resource="operation", id=uuid)
        return record

    def active_of(self, subject: str) -> list[OperationRecord]:
        """The unfinished operations on ``subject``, oldest first."""
        with self.db.reader() as conn:
            return store.active_of(conn, self.table, subject)

    def subjects_of(self, kind: str) -> set[str]:
        """The subjects on which an operation of ``kind`` has not ended."""
        query = sa.select(self.table.c.subject).where(self.table.c.kind == kind, self.table.c.state.in_(ACTIVE))
        with self.db.reader() as conn:
            return set(conn.execute(query).scalars())

    def cancel(self, conn: Connection, uuid: str, reason: str) -> bool:
        """Request that an operation stop before its next call of a step and undo; False when it has ended."""
        done = conn.execute(
            sa.update(self.table).where(self.table.c.uuid == uuid, self.table.c.state.in_(ACTIVE))
            .values(cancel_reason=reason[:255], next_run_at=self._clock()))
        return done.rowcount == 1

    def prune(self, older_than_s: float) -> int:
        """Delete operations that ended more than ``older_than_s`` ago; returns how many."""
        limit = self._clock() - datetime.timedelta(seconds=older_than_s)
        last = sa.func.coalesce(self.table.c.updated_at, self.table.c.created_at)
        with self.db.writer() as conn:
            return conn.execute(sa.delete(self.table).where(self.table.c.state.not_in(ACTIVE), last < limit)).rowcount

    def resume(self) -> int:
        """Release the leases that this owner held before a restart; returns how many. ``start`` calls it."""
        with self.db.writer() as conn:
            return store.release_all(conn, self.table, self.owner)

    def start(self) -> None:
        """Resume, and execute operations in threads from now on."""
        self.resume()
        self._runner.start()

    def nudge(self) -> None:
        """Look at the table now instead of at the next poll."""
        self._runner.nudge()

    def stop(self, timeout_s: float = 30.0) -> bool:
        """Begin no more steps; True when the running ones ended within ``timeout_s``. ``start`` resumes the rest."""
        return self._runner.stop(timeout_s)

    def wait(self, uuid: str, timeout_s: float) -> OperationRecord:
        """Wait for an operation to end and return it; DeadlineExceeded when it has not ended within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while (record := self.get(uuid)).active:
            if time.monotonic() >= deadline:
                raise DeadlineExceeded(what=f"operation {record.kind} of {record.subject}", timeout_s=timeout_s)
            time.sleep(min(0.05, timeout_s))
        return record

    def run_due(self, limit: int = 100) -> int:
        """Execute the operations that are due now in this thread, each until it waits or ends; returns how many."""
        return self._runner.run_due(limit)

    def _refuse_second(self, conn: Connection, subject: str, shown_as: str) -> None:
        # A query first: on PostgreSQL a failed insert would abort the caller's transaction.
        busy = conn.execute(sa.select(self.table.c.kind).where(self.table.c.active_key == subject)).scalar()
        if busy is not None:
            raise OperationActive(subject=shown_as, kind=busy)
