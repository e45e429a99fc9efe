# SPDX-License-Identifier: Apache-2.0
"""Time as an argument: the ``Clock`` interface and the machine's clock.

Measure durations and deadlines on the monotonic clock, which nobody can set. Use the wall clock only for timestamps
that people and other machines read: it may step in either direction at any time, so no decision may use a difference
of two wall clock readings.
"""
from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
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
