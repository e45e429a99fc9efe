# SPDX-License-Identifier: Apache-2.0
"""A clock that tests move."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flock.core.clock import Instant


class ManualClock:
    """A clock that moves only by ``advance``; ``step_wall`` steps the wall clock alone."""

    def __init__(self, now: datetime | None = None, monotonic_ms: int = 0, origin: str = "boot-1") -> None:
        self._now = now or datetime(2026, 1, 1, tzinfo=UTC)
        self._monotonic_ms = monotonic_ms
        self._origin = origin

    def monotonic_ms(self) -> int:
        """Milliseconds advanced so far."""
        return self._monotonic_ms

    def instant(self) -> Instant:
        """Milliseconds advanced so far, with the current origin."""
        return Instant(self._origin, self._monotonic_ms)

    def now(self) -> datetime:
        """Start time plus all advances and steps."""
        return self._now

    def advance(self, ms: int) -> None:
        """Move both clocks forward; ValueError when ``ms`` is negative."""
        if ms < 0:
            raise ValueError("time does not go back")
        self._monotonic_ms += ms
        self._now += timedelta(milliseconds=ms)

    def step_wall(self, ms: int) -> None:
        """Set the wall clock forward or, with a negative ``ms``, back; monotonic time does not change."""
        self._now += timedelta(milliseconds=ms)

    def reboot(self, origin: str, monotonic_ms: int = 0) -> None:
        """Simulate a boot: monotonic time restarts from ``monotonic_ms`` with a new ``origin``."""
        self._origin, self._monotonic_ms = origin, monotonic_ms
