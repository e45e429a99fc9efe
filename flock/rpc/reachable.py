# SPDX-License-Identifier: Apache-2.0
"""Whether the servers that a process needs reply over the message bus, for its health page."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from flock.core.backoff import Backoff
from flock.core.errors import FlockError
from flock.jobs.worker import Worker
from flock.rpc.bus import Transport
from flock.rpc.interface import interface_spec
from flock.rpc.versions import describe

INTERVAL_S = 10.0
DEADLINE_S = 5.0
SILENT_S = 25.0
"""Longer than the restart of a daemon, and than two questions."""


def silent(replied_s: float, now_s: float) -> bool:
    """Whether a server counts as not reachable; times are monotonic seconds."""
    return now_s - replied_s > SILENT_S


class ReplyWatch:
    """Asks the servers of ``interfaces`` for their description every ``interval_s``.

    ``trouble`` is a check for ``flock.core.health.Health``. ``ask(topic)`` replaces the bus in tests.
    """

    def __init__(self, transport: Transport, interfaces: Iterable[type], interval_s: float = INTERVAL_S, *,
                 ask: Callable[[str], object] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask or (lambda topic: describe(transport, topic, DEADLINE_S))
        self._interval_s = interval_s
        self._clock = clock
        self._replied_s = {interface_spec(interface).topic: clock() for interface in interfaces}
        self._why: dict[str, str] = {}
        self._worker = Worker("rpc-replies", self.check, Backoff(interval_s, interval_s))

    def start(self) -> None:
        """Begin to ask; returns at once."""
        self._worker.start()

    def stop(self) -> None:
        """Stop asking. Does not wait for a question already sent."""
        self._worker.leave()

    def check(self) -> float:
        """Ask each server once; returns the seconds until the next time."""
        for topic in self._replied_s:
            try:
                self._ask(topic)
            except FlockError as error:
                self._why[topic] = str(error)
            else:
                self._replied_s[topic] = self._clock()
        return self._interval_s

    def trouble(self) -> str | None:
        """The servers that do not reply, with the last error; None while all do."""
        now_s = self._clock()
        return "; ".join(
            f"{topic} has not replied over the message bus for {now_s - replied_s:.0f} s"
            f" ({self._why.get(topic, 'not asked yet')})"
            for topic, replied_s in self._replied_s.items() if silent(replied_s, now_s)) or None
