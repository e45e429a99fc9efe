# SPDX-License-Identifier: Apache-2.0
"""Time as an argument: the interface shells hand to what needs a clock, the real one, and one that tests move."""
from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """``monotonic_ms`` for durations and deadlines, ``now`` (aware UTC) for records."""

    def monotonic_ms(self) -> int:
        """Milliseconds since an arbitrary point; never goes back."""

    def now(self) -> datetime:
        """Wall clock time, aware, UTC."""


class RealClock:
    """The clock of the machine; monotonic time counts suspended time as well."""

    def monotonic_ms(self) -> int:
        """Milliseconds since boot."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def now(self) -> datetime:
        """Wall clock time, aware, UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until ``advance``."""

    def __init__(self, now: datetime | None = None, monotonic_ms: int = 0) -> None:
        self._now = now or datetime(2026, 1, 1, tzinfo=UTC)
        self._monotonic_ms = monotonic_ms

    def monotonic_ms(self) -> int:
        """Milliseconds advanced so far."""
        return self._monotonic_ms

    def now(self) -> datetime:
        """Start time plus what was advanced."""
        return self._now

    def advance(self, ms: int) -> None:
        """Move both clocks forward."""
        if ms < 0:
            raise ValueError("time does not go back")
        self._monotonic_ms += ms
        self._now += timedelta(milliseconds=ms)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of ``moment``; a time without zone is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
