# SPDX-License-Identifier: Apache-2.0
"""Asks service management of this node who leads, and in which term."""
from __future__ import annotations

import threading
import time

from flock.core.errors import FlockError, Unavailable
from sm.client.control import ask
from sm.contract.control import Request, Verb
from sm.mirror.acceptance import Leader

ANSWER_S = 2.0
LAST_WORD_S = 60.0
"""How long the last answer counts while service management does not answer, as during its restart. A node is not made
active meanwhile."""


class Leadership:
    """The answers of the daemon at ``socket``."""

    def __init__(self, socket: str) -> None:
        self._socket, self._lock = socket, threading.Lock()
        self._leader, self._at_s = Leader("", 0), -LAST_WORD_S

    def ask(self, age_s: float = 0.0) -> Leader:
        """The leader, as known no longer ago than ``age_s``. Unavailable: nobody has answered for a minute."""
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._at_s <= age_s:
                return self._leader
            try:
                report = ask(Request("", Verb.STATUS), self._socket, ANSWER_S).status
            except FlockError:
                if now_s - self._at_s > LAST_WORD_S:
                    raise
                return self._leader
            if report is None:
                raise Unavailable(service="sm", reason="its answer has no status")
            self._leader, self._at_s = Leader(report.leader, report.term), time.monotonic()
            return self._leader
