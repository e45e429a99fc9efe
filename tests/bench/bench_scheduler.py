# SPDX-License-Identifier: Apache-2.0
"""One pass of service management's scheduler over 30 groups on 5 nodes: at rest, and when everything moves."""
from __future__ import annotations

from sm.core.scheduler import schedule
from sm.core.simulate import change
from tests.bench.measure import Figure, latency, timed_ms
from tests.unit.sm.core.scheduler.domains import AGGREGATE, C0, active_active, domain, group

ROUNDS, GOAL_MS = 300, 5.0


def run() -> list[Figure]:
    """Milliseconds of a pass."""
    groups = [group(f"g{number}", AGGREGATE if number % 2 else "") for number in range(25)]
    groups += [active_active(f"w{number}") for number in range(5)]
    rest = domain([f"controller-{number}" for number in range(5)], groups)
    fenced = change(rest, f"fence {C0}")
    return [latency("scheduler at rest", timed_ms(lambda: schedule(rest, 0), ROUNDS), GOAL_MS),
            latency("scheduler when the active node is fenced", timed_ms(lambda: schedule(fenced, 0), ROUNDS), GOAL_MS)]
