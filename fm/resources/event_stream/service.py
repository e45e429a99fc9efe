# SPDX-License-Identifier: Apache-2.0
"""The hub of one fm-api process: while clients are connected, one thread reads the event log for all of them."""
from __future__ import annotations

import bisect
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Gauge

from flock.core.backoff import Backoff
from flock.core.errors import FlockError
from flock.db import Database
from flock.jobs.worker import Worker
from flock.wire.render import renderer
from fm.resources.event_log import store as events
from fm.resources.event_log.fields import EventLog
from fm.resources.event_stream import rules

STREAMS = Gauge("fm_event_streams", "Event streams that are served now", multiprocess_mode="livesum")
READ_MAX = 500
TAKE_MAX = 200
DATABASE_PAUSE_S = 2.0


class TooManyStreams(FlockError):
    """The limit of event streams is reached."""

    code, http = "fm.stream.too_many", 503
    text = "[HTTP 503] There are {limit} event streams, which is the limit of this service or user. Try again later."


@dataclass(frozen=True, slots=True)
class Settings:
    """Values of the options in ``fm.conf.stream``, which documents them."""

    streams_max: int = 4
    poll_interval_s: float = 0.25
    heartbeat_s: float = 15.0
    buffer_events: int = 2000
    send_timeout_s: float = 10.0
    retry_ms: int = 3000


@dataclass(frozen=True, slots=True)
class Item:
    """One event: its number, its row, and its server-sent event."""

    ident: int
    row: Mapping[str, Any]
    frame: bytes


@dataclass(slots=True, eq=False)
class Listener:
    """One connected client; ``wake_fd`` becomes readable when there are new events or the process stops."""

    user: str | None = None
    wake_fd: int = field(default_factory=lambda: os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
    joined: bool = False

    def wake(self) -> None:
        """Make ``wake_fd`` readable, which wakes the thread of the client."""
        os.eventfd_write(self.wake_fd, 1)


class Hub:
    """The listeners of this process and the newest events. ``is_ending()`` is True when the process will stop."""

    def __init__(self, db: Database, settings: Settings, is_ending: Callable[[], bool] = lambda: False) -> None:
        self.settings = settings
        self.db = db
        self.is_ending = is_ending
        self.closing = False
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._follower: Worker | None = None
        self._items: list[Item] = []
        # ``_items`` has all events with numbers above ``_floor`` and up to ``_position``.
        self._floor = 0
        self._position = 0

    def admit(self, user: str | None = None) -> Listener:
        """Take a slot for a listener of ``user``; free it with ``dismiss``.

        TooManyStreams (503) when none is free, or when the user has half of all slots: others need some too.
        """
        with self._lock:
            if len(self._listeners) >= self.settings.streams_max:
                raise TooManyStreams(limit=self.settings.streams_max)
            share = max(1, self.settings.streams_max // 2)
            if user is not None and sum(one.user == user for one in self._listeners) >= share:
                raise TooManyStreams(limit=share)
            listener = Listener(user)
            self._listeners.add(listener)
            STREAMS.set(len(self._listeners))
            if self._follower is None:
                self._items, self._floor, self._position = [], -1, -1
                self._follower = Worker("event-follower", self._follow, Backoff(DATABASE_PAUSE_S, DATABASE_PAUSE_S))
                self._follower.start()
            return listener

    def dismiss(self, listener: Listener) -> None:
        """Free the slot of a listener; harmless when repeated."""
        with self._lock:
            if listener not in self._listeners:
                return
            self._listeners.remove(listener)
            STREAMS.set(len(self._listeners))
            os.close(listener.wake_fd)
            if not self._listeners and self._follower is not None:
                self._follower.nudge()

    def join(self, listener: Listener, cursor: int) -> int | None:
        """Let ``listener``, which has all events up to number ``cursor``, take its next events from the hub.

        Returns None when it joined, else the number up to which it must first read from the database.
        """
        with self._lock:
            if self._position < 0:
                self._floor = self._position = cursor
            if cursor < self._floor:
                return self._floor
            listener.joined = True
            return None

    def take(self, cursor: int) -> list[Item] | None:
        """At most ``TAKE_MAX`` events after number ``cursor``; None when the buffer no longer has some of them."""
        with self._lock:
            if cursor < self._floor:
                return None
            begin = bisect.bisect_right(self._items, cursor, key=lambda item: item.ident)
            return self._items[begin:begin + TAKE_MAX]

    def read(self, cursor: int) -> list[Item]:
        """The next events after number ``cursor`` from the database, at most ``READ_MAX``."""
        with self.db.reader() as conn:
            # One small query first, because most polls find no new event.
            rows = events.after_id(conn, cursor, READ_MAX) if events.newest_id(conn) > cursor else []
        render = renderer(EventLog)
        return [Item(row["id"], row, rules.event_frame(row["id"], row, render(row, ""))) for row in rows]

    def _follow(self) -> float | None:
        with self._lock:
            if not self._listeners:
                self._follower = None
                return None
            position = self._position
        if self.is_ending() and not self.closing:
            self.closing = True
            self._wake_all()
        return self.settings.poll_interval_s if position < 0 or self.closing else self._advance(position)

    def _advance(self, position: int) -> float:
        """Read new events into the buffer; returns the seconds until the next poll."""
        found = self.read(position)
        if not found:
            return self.settings.poll_interval_s
        with self._lock:
            self._items.extend(found)
            self._position = found[-1].ident
            surplus = len(self._items) - self.settings.buffer_events
            if surplus > 0:
                self._floor = self._items[surplus - 1].ident
                del self._items[:surplus]
        self._wake_all()
        return 0.0 if len(found) == READ_MAX else self.settings.poll_interval_s

    def _wake_all(self) -> None:
        with self._lock:
            for listener in self._listeners:
                listener.wake()
