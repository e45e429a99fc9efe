# SPDX-License-Identifier: Apache-2.0
"""The only writer of silences: creates, changes and ends them, and notifies outputs that the hidden alarms changed."""
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.engine import Connection

from flock.core.ids import is_uuid
from flock.db import Database, new_uuid, utcnow
from fm.contract.errors import SilenceNotFound, TooManySilences
from fm.contract.silence import SilenceChange, SilenceRequest
from fm.resources.silence import rules, store


class SilenceKeeper:
    """Writes silences. Calls ``on_change`` inside each transaction that changes which alarms are hidden.

    Calls ``on_wait`` after the commit, because the next expiry may have changed.
    """

    def __init__(self, db: Database, on_change: Callable[[Connection], None] | None = None,
                 clock: Callable[[], datetime] = utcnow, on_wait: Callable[[], None] | None = None) -> None:
        self._db = db
        self._on_change = on_change or (lambda conn: None)
        self._clock = clock
        self._on_wait = on_wait or (lambda: None)

    def create(self, asked: SilenceRequest) -> str:
        """Create a silence and return its uuid; InvalidSilence, TooManySilences."""
        uuid = new_uuid()

        def work(conn: Connection) -> None:
            now = self._clock()
            values = rules.checked(asked, now)
            if store.number(conn, now) >= rules.SILENCES_MAX:
                raise TooManySilences(limit=rules.SILENCES_MAX)
            store.insert(conn, uuid, values, now)
            self._on_change(conn)

        self._db.transact(work)
        self._on_wait()
        return uuid

    def change(self, uuid: str, asked: SilenceChange) -> str:
        """Change expiry or comment of a silence in force and return its uuid; SilenceNotFound, InvalidSilence."""
        def work(conn: Connection) -> None:
            now = self._clock()
            values = rules.changed(asked, now)
            if not is_uuid(uuid) or not store.change(conn, uuid, values, now):
                raise SilenceNotFound(id=uuid)
            if "expires_at" in values:
                self._on_change(conn)

        self._db.transact(work)
        self._on_wait()
        return uuid

    def delete(self, uuid: str) -> str:
        """End a silence in force and return its uuid; SilenceNotFound."""
        def work(conn: Connection) -> None:
            if not is_uuid(uuid) or not store.delete(conn, uuid, self._clock()):
                raise SilenceNotFound(id=uuid)
            self._on_change(conn)

        self._db.transact(work)
        return uuid

    def expire(self) -> datetime | None:
        """Delete expired silences and call ``on_change`` once, in one transaction; returns when the next one expires.
        """
        now = self._clock()
        with self._db.reader() as conn:
            end = store.next_end(conn)
        if end is None or end > now:
            return end

        def work(conn: Connection) -> datetime | None:
            if store.delete_expired(conn, now):
                self._on_change(conn)
            return store.next_end(conn)

        return self._db.transact(work)
