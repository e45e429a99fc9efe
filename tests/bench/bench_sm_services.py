# SPDX-License-Identifier: Apache-2.0
"""CPU time of one decision of sm with 100 services, each of which needs three others: of the engines of groups and
services alone, and of a whole node (agreement, scheduler and engines) while it takes over from one that has died."""
from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

from sm.contract.states import ActionResult, GroupState, ServiceState
from sm.core.actions import RunAction
from sm.core.events import ActionDone, Event, Order, ProcessDied, Tick
from sm.core.local.adoption import begin
from sm.core.local.step import reports, step
from sm.core.local.view import LocalView, next_deadline_ms
from sm.core.model import Catalogue
from sm.core.node import step as node
from sm.core.node.view import NodeView
from sm.daemon import reactor
from tests.bench.measure import Figure, latency
from tests.sim.scenarioworld import Site
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
    return [*_whole(catalogue), latency(f"each of {len(taken)} steps from boot to active", taken, GOAL_MS),
            *_single(state[0], catalogue)]


def _whole(catalogue: Catalogue) -> list[Figure]:
    """The steps of a standby: at rest, and from the death of the active one until all runs here."""
    site = Site(witness=True, other=catalogue).begin()
    taken: list[float] = []

    def timed(view: NodeView, *given: Any) -> tuple[NodeView, tuple[node.Action, ...]]:
        begun = time.thread_time()
        found = node.step(view, *given)
        if view.me == site.second.name:
            taken.append((time.thread_time() - begun) * 1000)
        return found

    figures = []
    with mock.patch.object(reactor, "step", timed):
        for name, event, ends in (("at rest", lambda: None, lambda: len(taken) >= 200),
                                  ("taking over", lambda: site.power_off(site.first),
                                   lambda: site.active_is(site.second))):
            taken.clear()
            event()
            site.until(ends, 120_000)
            figures += [latency(f"a whole node, {name}, each of {len(taken)} steps", taken, GOAL_MS),
                        Figure(f"a whole node, {name}, the slowest step", max(taken), "ms", goal=GOAL_MS)]
    return figures


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
