# SPDX-License-Identifier: Apache-2.0
"""Pauses between attempts: exponential, capped, with jitter so that many clients do not retry at the same moment."""
from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """``first_s`` doubled per attempt up to ``max_s``; ``jitter`` is the share of a pause that is random (0..1)."""

    first_s: float = 0.5
    max_s: float = 30.0
    factor: float = 2.0
    jitter: float = 0.2

    def pause_s(self, attempt: int, random_unit: float = 0.5) -> float:
        """Pause in seconds after failed attempt ``attempt`` (from 1); ``random_unit`` (0..1) sets the jitter."""
        try:
            pause = min(self.first_s * self.factor ** max(attempt - 1, 0), self.max_s)
        except OverflowError:
            pause = self.max_s
        return min(pause * (1 + self.jitter * (2 * random_unit - 1)), self.max_s)

    def pauses_s(self, source: random.Random | None = None) -> Iterator[float]:
        """Endless sequence of pauses in seconds, with random jitter."""
        source = source or random.Random()  # noqa: S311  # spreading load, not a secret
        attempt = 0
        while True:
            attempt += 1
            yield self.pause_s(attempt, source.random())
