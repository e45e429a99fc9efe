# SPDX-License-Identifier: Apache-2.0
"""How many events the log keeps, for how long, and how often it is pruned."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """The log keeps the ``events_max`` newest events that are at most ``age_days_max`` days old (0 = any age).

    Of these, ``host_percent`` percent may be events of one host's own requests, and once the log is full,
    ``hosts_percent`` percent those of all hosts together.
    """

    events_max: int
    age_days_max: int = 0
    host_percent: int = 10
    hosts_percent: int = 50

    @property
    def host_events_max(self) -> int:
        """How many events of one host the log keeps, at least one."""
        return max(1, self.events_max * self.host_percent // 100)

    def kept_of_a_host(self, counts: Iterable[int], events: int) -> int:
        """How many events of each host stay when the log has ``events`` events, of which ``counts`` are of hosts.

        A full log loses those of the hosts with the most first, until only the share of all hosts is left.
        """
        numbers = list(counts)
        surplus, of_hosts = events - self.events_max, sum(numbers)
        if surplus <= 0:
            return self.host_events_max
        share = self.events_max * self.hosts_percent // 100
        return max(1, min(self.host_events_max, level(numbers, max(share, of_hosts - surplus))))


def level(counts: Iterable[int], most: int) -> int:
    """The highest number to which each of ``counts`` can be cut so that they are at most ``most`` together."""
    numbers = sorted(counts)
    highest = numbers[-1] if numbers else 0
    for place, number in enumerate(numbers):
        # This one and those above it get the same.
        even = most // (len(numbers) - place)
        if number > even:
            return max(0, even)
        most -= number
    return highest


def prune_every(limits: Limits) -> int:
    """Number of new events after which the log is pruned: one percent of the limit, at least one."""
    return max(1, limits.events_max // 100)


def age_cutoff(limits: Limits, now: datetime) -> datetime | None:
    """The time before which events are too old; None without an age limit."""
    return now - timedelta(days=limits.age_days_max) if limits.age_days_max > 0 else None
