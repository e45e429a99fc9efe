# SPDX-License-Identifier: Apache-2.0
"""Time as an argument: the ``Clock`` interface, the machine's clock, and a clock that tests move.

Measure durations and deadlines on the monotonic clock, which nobody can set. Use the wall clock only for timestamps
that people and other machines read: it may step in either direction at any time, so no decision may use a difference
of two wall clock readings.
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

    Any process may compare two instants of the same origin. Instants of different origins cannot be compared.
    """

    origin: str
    ms: int


class Clock(Protocol):
    """``monotonic_ms`` for durations and deadlines, ``now`` (aware UTC) for records."""

    def monotonic_ms(self) -> int:
        """Milliseconds since an arbitrary point; never decreases."""

    def instant(self) -> Instant:
        """Monotonic time in a form that can be stored."""

    def now(self) -> datetime:
        """Wall clock time, aware, UTC."""


class RealClock:
    """The machine's clock; its monotonic time includes the time that the machine was suspended."""

    def __init__(self, boot_id: Path = BOOT_ID) -> None:
        self._origin = boot_id.read_text(encoding="ascii").strip()

    def monotonic_ms(self) -> int:
        """Milliseconds since boot."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def instant(self) -> Instant:
        """Milliseconds since boot; the origin is the kernel's boot id."""
        return Instant(self._origin, self.monotonic_ms())

    def now(self) -> datetime:
        """Wall clock time, aware, UTC."""
        return datetime.now(UTC)


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
