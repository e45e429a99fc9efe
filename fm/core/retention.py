# SPDX-License-Identifier: Apache-2.0
"""How many events the log keeps, for how long, and how often it is pruned."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """The log keeps the ``events_max`` newest events that are at most ``age_days_max`` days old (0 = any age).

    Of these, ``host_percent`` percent may be events of one host's own requests.
    """

    events_max: int
    age_days_max: int = 0
    host_percent: int = 10

    @property
    def host_events_max(self) -> int:
        """How many events of one host the log keeps, at least one."""
        return max(1, self.events_max * self.host_percent // 100)


def prune_every(limits: Limits) -> int:
    """Number of new events after which the log is pruned: one percent of the limit, at least one."""
    return max(1, limits.events_max // 100)


def age_cutoff(limits: Limits, now: datetime) -> datetime | None:
    """The time before which events are too old; None without an age limit."""
    return now - timedelta(days=limits.age_days_max) if limits.age_days_max > 0 else None
