# SPDX-License-Identifier: Apache-2.0
"""Time as an argument: the interface shells hand to what needs a clock, the real one, and one that tests move.

Durations and deadlines are measured on the monotonic clock, which nobody sets. The wall clock names moments for people
and for other machines; it may be stepped in either direction at any time, so no decision may rest on its difference.
"""
from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Instant:
    """A reading of a monotonic clock: ``ms`` on the clock named ``origin``.

    Two instants of one origin may be compared, also by another process; instants of different origins may not.
    """

    origin: str
    ms: int


class Clock(Protocol):
    """``monotonic_ms`` for durations and deadlines, ``now`` (aware UTC) for records."""

    def monotonic_ms(self) -> int:
        """Milliseconds since an arbitrary point; never goes back."""

    def instant(self) -> Instant:
        """Monotonic time in a form that may be stored."""

    def now(self) -> datetime:
        """Wall clock time, aware, UTC."""


class RealClock:
    """The clock of the machine; monotonic time counts suspended time as well."""

    def __init__(self, boot_id: Path = BOOT_ID) -> None:
        self._origin = boot_id.read_text(encoding="ascii").strip()

    def monotonic_ms(self) -> int:
        """Milliseconds since boot."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def instant(self) -> Instant:
        """Milliseconds since boot, with the kernel's id of this boot as origin."""
        return Instant(self._origin, self.monotonic_ms())

    def now(self) -> datetime:
        """Wall clock time, aware, UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until ``advance``; ``set_wall`` steps the wall clock alone."""

    def __init__(self, now: datetime | None = None, monotonic_ms: int = 0, origin: str = "boot-1") -> None:
        self._now = now or datetime(2026, 1, 1, tzinfo=UTC)
        self._monotonic_ms = monotonic_ms
        self._origin = origin

    def monotonic_ms(self) -> int:
        """Milliseconds advanced so far."""
        return self._monotonic_ms

    def instant(self) -> Instant:
        """Milliseconds advanced so far on the clock's present origin."""
        return Instant(self._origin, self._monotonic_ms)

    def now(self) -> datetime:
        """Start time plus what was advanced and stepped."""
        return self._now

    def advance(self, ms: int) -> None:
        """Move both clocks forward."""
        if ms < 0:
            raise ValueError("time does not go back")
        self._monotonic_ms += ms
        self._now += timedelta(milliseconds=ms)

    def step_wall(self, ms: int) -> None:
        """Set the wall clock forward or, with a negative ``ms``, back; monotonic time does not notice."""
        self._now += timedelta(milliseconds=ms)

    def reboot(self, origin: str, monotonic_ms: int = 0) -> None:
        """The machine was booted: monotonic time starts again from ``monotonic_ms``."""
        self._origin, self._monotonic_ms = origin, monotonic_ms
