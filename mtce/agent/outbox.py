# SPDX-License-Identifier: Apache-2.0
"""Results of commands that the conductor has not taken yet: few, kept in order, sent again until the bus takes them."""
from __future__ import annotations

import threading
from collections import deque

from mtce.contract.records import CommandResult

RESULTS_MAX = 32


class Results:
    """Bounded queue; at the limit the oldest result goes, because the flags in mtcAlive say the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[CommandResult] = deque(maxlen=RESULTS_MAX)

    def add(self, result: CommandResult) -> None:
        """Queue one result."""
        with self._lock:
            self._waiting.append(result)

    def first(self) -> CommandResult | None:
        """The oldest result, which stays until ``done``."""
        with self._lock:
            return self._waiting[0] if self._waiting else None

    def done(self, result: CommandResult) -> None:
        """The bus has taken it."""
        with self._lock:
            if self._waiting and self._waiting[0] is result:
                self._waiting.popleft()
