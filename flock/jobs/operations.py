# SPDX-License-Identifier: Apache-2.0
"""Stored operations: recorded with the change that wants them, carried out step by step, resumed after a crash."""
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
    """One operation at a time on one subject."""

    code, text = "flock.jobs.operation_active", "{subject} is busy with {kind}. Retry when it has ended."


class Operations:
    """The operations of one table. Any process may ``record``; the one that called ``start`` carries them out.

    ``owner`` names the carrying process across restarts (for example ``sysinv-conductor@controller-0``): two living
    processes must not share it. Another owner takes an operation over when its lease of ``lease_s`` has run out.
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
               barred_by: Collection[str] = ()) -> str:
        """Store an operation in the transaction of ``conn``; returns its uuid. Nudge after the commit.

        OperationActive when ``exclusive`` and another exclusive operation on ``subject`` has not ended, or when one of
        the kinds ``barred_by`` is under way on ``subject``. An operation that has not ended ``deadline_s`` after now is
        undone, whatever its steps would answer.
        """
        if self.kinds and kind not in self.kinds:
            raise ValueError(f"{kind} is not a kind of operation here")
        if exclusive:
            self._refuse_second(conn, subject)
        barring = [one.kind for one in store.active_of(conn, self.table, subject) if one.kind in barred_by]
        if barring:
            raise OperationActive(subject=subject, kind=barring[0])
        uuid, now = new_uuid(), self._clock()
        values = {
            "uuid": uuid, "kind": kind, "subject": subject, "params": dict(params), "created_at": now,
            "next_run_at": now, "active_key": subject if exclusive else uuid,
            "deadline": None if deadline_s is None else now + datetime.timedelta(seconds=deadline_s),
        }
        try:
            conn.execute(sa.insert(self.table).values(**values))
        except DuplicateEntry as exc:
            raise OperationActive(subject=subject, kind="another operation") from exc
        return uuid

    def get(self, uuid: str) -> OperationRecord:
        """One operation; NotFound when there is none."""
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
        """Ask an operation to stop and undo, before its next call of a step; False when it has ended."""
        done = conn.execute(
            sa.update(self.table).where(self.table.c.uuid == uuid, self.table.c.state.in_(ACTIVE))
            .values(cancel_reason=reason[:255], next_run_at=self._clock()))
        return done.rowcount == 1

    def prune(self, older_than_s: float) -> int:
        """Delete operations that ended longer ago than that; returns how many."""
        limit = self._clock() - datetime.timedelta(seconds=older_than_s)
        last = sa.func.coalesce(self.table.c.updated_at, self.table.c.created_at)
        with self.db.writer() as conn:
            return conn.execute(sa.delete(self.table).where(self.table.c.state.not_in(ACTIVE), last < limit)).rowcount

    def resume(self) -> int:
        """Take up again what an earlier life of this owner left in its hands; returns how many. ``start`` does it."""
        with self.db.writer() as conn:
            return store.release_all(conn, self.table, self.owner)

    def start(self) -> None:
        """Resume, and carry out operations in threads from now on."""
        self.resume()
        self._runner.start()

    def nudge(self) -> None:
        """Look at the table now instead of at the next poll."""
        self._runner.nudge()

    def stop(self, timeout_s: float = 30.0) -> bool:
        """Begin no more steps; True when the running ones ended within ``timeout_s``. The rest resumes later."""
        return self._runner.stop(timeout_s)

    def wait(self, uuid: str, timeout_s: float) -> OperationRecord:
        """The operation once it has ended; DeadlineExceeded when it has not within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while (record := self.get(uuid)).active:
            if time.monotonic() >= deadline:
                raise DeadlineExceeded(what=f"operation {record.kind} of {record.subject}", timeout_s=timeout_s)
            time.sleep(min(0.05, timeout_s))
        return record

    def run_due(self, limit: int = 100) -> int:
        """Carry out in this thread what is due now, each as far as it goes; returns how many were touched."""
        return self._runner.run_due(limit)

    def _refuse_second(self, conn: Connection, subject: str) -> None:
        # Asked first because a refused insert would end the caller's transaction on PostgreSQL.
        busy = conn.execute(sa.select(self.table.c.kind).where(self.table.c.active_key == subject)).scalar()
        if busy is not None:
            raise OperationActive(subject=subject, kind=busy)
