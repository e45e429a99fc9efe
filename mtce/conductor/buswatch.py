# SPDX-License-Identifier: Apache-2.0
"""Tracks whether the message bus delivers to this conductor, and since when without a gap."""
from __future__ import annotations

QUIET_MS = 15_000
"""After this long without a message the bus counts as down, and waits for a host's mtcAlive start again."""
BREAK_MS = 4_500
"""After this long without a message the bus may have lost an mtcAlive; two of the conductor's echoes fit into it."""


class BusWatch:
    """Learns of every message received; times are monotonic milliseconds."""

    def __init__(self, now_ms: int) -> None:
        self._heard_ms = now_ms
        self._since_ms = now_ms

    def heard(self, now_ms: int) -> None:
        """Note that a message arrived."""
        if now_ms - self._heard_ms > BREAK_MS:
            self._since_ms = now_ms
        self._heard_ms = now_ms

    def is_ok(self, now_ms: int) -> bool:
        """Whether the bus works."""
        return now_ms - self._heard_ms < QUIET_MS

    def open_since_ms(self, now_ms: int) -> int | None:
        """Return since when the bus has delivered messages without a gap; None while it may be broken."""
        return None if now_ms - self._heard_ms > BREAK_MS else self._since_ms
