# SPDX-License-Identifier: Apache-2.0
"""Whether the servers that a process needs reply over the message bus, in compatible versions, for its health page."""
from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flock.core.backoff import Backoff
from flock.core.errors import FlockError
from flock.jobs.worker import Worker
from flock.rpc.bus import Transport
from flock.rpc.errors import VersionMismatch
from flock.rpc.interface import interface_spec
from flock.rpc.versions import compare, describe

LOG = logging.getLogger(__name__)
INTERVAL_S = 10.0
DEADLINE_S = 5.0
SILENT_S = 25.0
"""Longer than the restart of a daemon, and than two questions."""


def silent(replied_s: float, now_s: float) -> bool:
    """Whether a server counts as not reachable; times are monotonic seconds."""
    return now_s - replied_s > SILENT_S


class ServerWatch:
    """Asks the servers of ``interfaces`` for their description every ``interval_s``, until all are compatible.

    With ``for_replies`` it asks for ever. An incompatible server is asked again because it may be upgraded.
    ``mismatch`` and ``silence`` are checks for ``flock.core.health.Health``. ``ask(topic)`` replaces the bus in tests.
    """

    def __init__(self, transport: Transport, interfaces: Iterable[type], interval_s: float = INTERVAL_S, *,
                 for_replies: bool = False, ask: Callable[[str], Mapping[str, Any]] | None = None,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask or (lambda topic: describe(transport, topic, DEADLINE_S))
        self._interval_s = interval_s
        self._for_replies = for_replies
        self._clock = clock
        self._waiting: dict[str, list[type]] = {}
        for interface in interfaces:
            self._waiting.setdefault(interface_spec(interface).topic, []).append(interface)
        self._mismatches: dict[type, str] = {}
        self._replied_s = {topic: clock() for topic in self._waiting}
        self._why: dict[str, str] = {}
        self._worker = Worker("rpc-servers", self.check, Backoff(interval_s, interval_s))

    def start(self) -> None:
        """Begin to ask; returns at once."""
        self._worker.start()

    def stop(self) -> None:
        """Stop asking. Does not wait for a request already sent."""
        self._worker.leave()

    def check(self) -> float | None:
        """Ask each server once; returns the seconds until the next time, None when there is nothing more to ask."""
        for topic, waiting in self._waiting.items():
            if not (waiting or self._for_replies):
                continue
            try:
                reply = self._ask(topic)
            except FlockError as error:
                self._why[topic] = str(error)
                continue
            self._replied_s[topic] = self._clock()
            self._waiting[topic] = [interface for interface in waiting if not self._fits(interface, reply)]
        return self._interval_s if self._for_replies or any(self._waiting.values()) else None

    def mismatch(self) -> str | None:
        """The incompatible versions that are served, None when there are none."""
        return "; ".join(self._mismatches.values()) or None

    def silence(self) -> str | None:
        """The servers that do not reply, with the last error; None while all do."""
        now_s = self._clock()
        return "; ".join(
            f"{topic} has not replied over the message bus for {now_s - replied_s:.0f} s"
            f" ({self._why.get(topic, 'not asked yet')})"
            for topic, replied_s in self._replied_s.items() if silent(replied_s, now_s)) or None

    def _fits(self, interface: type, reply: Mapping[str, Any]) -> bool:
        try:
            warning = compare(interface, reply.get("interfaces", {}), str(reply.get("server")))
        except VersionMismatch as mismatch:
            if self._mismatches.get(interface) != str(mismatch):
                LOG.error("%s. Bring both sides to the same release.", mismatch)
            self._mismatches[interface] = str(mismatch)
            return False
        self._mismatches.pop(interface, None)
        if warning is not None:
            LOG.warning("%s", warning)
        return True
