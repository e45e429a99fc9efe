# SPDX-License-Identifier: Apache-2.0
"""Bounds for what comes from outside: text length, and how often something may happen."""
from __future__ import annotations


def clip(text: str, length_max: int, mark: str = "...") -> str:
    """``text``, or its beginning with ``mark`` at the end so that it has at most ``length_max`` characters."""
    if len(text) <= length_max:
        return text
    return text[:max(length_max - len(mark), 0)] + mark[:length_max]


class RateLimit:
    """Allows ``burst`` events at once and ``per_s`` a second in the long run; time is an argument."""

    def __init__(self, per_s: float, burst: int) -> None:
        if per_s <= 0 or burst < 1:
            raise ValueError("per_s must be positive and burst at least 1")
        self._per_ms, self._burst = per_s / 1000, burst
        self._tokens = float(burst)
        self._last_ms: int | None = None

    def allows(self, now_ms: int) -> bool:
        """Whether one more event may happen now; counts it if so."""
        if self._last_ms is not None:
            self._tokens = min(self._burst, self._tokens + max(now_ms - self._last_ms, 0) * self._per_ms)
        self._last_ms = now_ms
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
