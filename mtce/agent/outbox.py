# SPDX-License-Identifier: Apache-2.0
"""Keeps results of commands in order until the bus has accepted them."""
from __future__ import annotations

import threading
from collections import deque

from mtce.contract.records import CommandResult

RESULTS_MAX = 32


class Results:
    """Bounded queue; at the limit drops the oldest result, because the flags in mtcAlive carry the same facts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[CommandResult] = deque(maxlen=RESULTS_MAX)

    def add(self, result: CommandResult) -> None:
        """Queue one result."""
        with self._lock:
            self._waiting.append(result)

    def first(self) -> CommandResult | None:
        """Return the oldest result, or None; it stays queued until ``done``."""
        with self._lock:
            return self._waiting[0] if self._waiting else None

    def done(self, result: CommandResult) -> None:
        """Remove ``result``, which the bus has accepted."""
        with self._lock:
            if self._waiting and self._waiting[0] is result:
                self._waiting.popleft()
