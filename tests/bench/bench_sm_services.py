# SPDX-License-Identifier: Apache-2.0
"""CPU time of one decision of sm's engines of groups and services: 100 services, each of which needs three others."""
from __future__ import annotations

import itertools
import time
from collections.abc import Callable

from sm.contract.states import ActionResult, GroupState, ServiceState
from sm.core.actions import RunAction
from sm.core.events import ActionDone, Event, Order, ProcessDied, Tick
from sm.core.local.adoption import begin
from sm.core.local.step import reports, step
from sm.core.local.view import LocalView, next_deadline_ms
from sm.core.model import Catalogue
from tests.bench.measure import Figure, latency
from tests.sim.service_catalogues import large

SERVICES, GOAL_MS = 100, 5.0


def run() -> list[Figure]:
    """CPU milliseconds per step: of every step on the way from boot to active, then of single events."""
    catalogue = large(SERVICES)
    view, todo = begin(catalogue, 1_000)
    taken: list[float] = []
    state, clock = [view], itertools.count(1_000, 10)

    def tell(event: Event) -> list[RunAction]:
        found: list[tuple[LocalView, tuple[object, ...]]] = []
        now_ms = next(clock)
        taken.extend(_cpu_ms(lambda: found.append(step(state[0], event, catalogue, now_ms)), 1))
        state[0] = found[0][0]
        return [action for action in found[0][1] if isinstance(action, RunAction)]

    pending = [action for action in todo if isinstance(action, RunAction)]
    answer = ServiceState.DISABLED
    for events in ([], [Order(group, GroupState.ACTIVE) for group in catalogue.groups]):
        for event in events:
            pending += tell(event)
        while pending:
            action = pending.pop(0)
            pending += tell(ActionDone(action.service, action.action, action.run_id, ActionResult.SUCCESS,
                                       state=None if events else answer))
    return [latency(f"each of {len(taken)} steps from boot to active", taken, GOAL_MS), *_single(state[0], catalogue)]


def _single(view: LocalView, catalogue: Catalogue) -> list[Figure]:
    now_ms = next_deadline_ms(view)
    events = {"nothing is due": (Tick(), now_ms - 1), "all audits are due": (Tick(), now_ms + 3_600_000),
              "the process of the last service died": (ProcessDied(f"s{SERVICES - 1}", "killed"), now_ms - 1),
              "one group is ordered to standby": (Order("g0", GroupState.STANDBY), now_ms - 1)}
    figures = []
    for name, (event, moment_ms) in events.items():
        figures.append(latency(name, _timed(view, event, catalogue, moment_ms), GOAL_MS))
    figures.append(latency("next deadline", _cpu_ms(lambda: next_deadline_ms(view), 200), GOAL_MS))
    figures.append(latency("reports", _cpu_ms(lambda: reports(view, catalogue, "controller-0"), 200), GOAL_MS))
    return figures


def _cpu_ms(action: Callable[[], object], rounds: int) -> list[float]:
    taken = []
    for _ in range(rounds):
        begun = time.thread_time()
        action()
        taken.append((time.thread_time() - begun) * 1000)
    return taken


def _timed(view: LocalView, event: Event, catalogue: Catalogue, now_ms: int) -> list[float]:
    return _cpu_ms(lambda: step(view, event, catalogue, now_ms), 200)
