# SPDX-License-Identifier: Apache-2.0
"""How many events are kept, for how long, and when it is time to look."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """``events_max`` newest events are kept; those older than ``age_days_max`` days go too (0 = any age)."""

    events_max: int
    age_days_max: int = 0


def prune_every(limits: Limits) -> int:
    """After how many new events the log is pruned: one percent of the limit, so small logs are always exact."""
    return max(1, limits.events_max // 100)


def age_cutoff(limits: Limits, now: datetime) -> datetime | None:
    """Events before this moment are too old; None when age does not matter."""
    return now - timedelta(days=limits.age_days_max) if limits.age_days_max > 0 else None
