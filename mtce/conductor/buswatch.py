# SPDX-License-Identifier: Apache-2.0
"""Whether the message bus carries anything to us, and since when without a break. One instance per conductor."""
from __future__ import annotations

QUIET_MS = 15_000
"""Longer without a message: the bus is away, waits for a host's mtcAlive are renewed."""
BREAK_MS = 4_500
"""Longer without a message: the bus may have lost a host's mtcAlive; two echoes of our own fit into it."""


class BusWatch:
    """Fed with every message heard; times are monotonic milliseconds."""

    def __init__(self, now_ms: int) -> None:
        self._heard_ms = now_ms
        self._since_ms = now_ms

    def heard(self, now_ms: int) -> None:
        """The bus carried a message."""
        if now_ms - self._heard_ms > BREAK_MS:
            self._since_ms = now_ms
        self._heard_ms = now_ms

    def is_ok(self, now_ms: int) -> bool:
        """The bus is not away."""
        return now_ms - self._heard_ms < QUIET_MS

    def open_since_ms(self, now_ms: int) -> int | None:
        """Since when the bus has carried messages without a break; None while it may be broken."""
        return None if now_ms - self._heard_ms > BREAK_MS else self._since_ms
