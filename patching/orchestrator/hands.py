# SPDX-License-Identifier: Apache-2.0
"""Carries out one step at a time in a thread of its own: looks, orders, and tells the result."""
from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from flock.core.errors import DeadlineExceeded, FlockError, Unavailable
from flock.jobs.worker import Worker
from patching.core.strategy import build
from patching.core.strategy.model import Phase, PhaseName, Result, Step
from patching.core.strategy.parameters import Parameters
from patching.core.strategy.work.advance import STEPS, advance
from patching.core.strategy.work.model import PATIENCE, Answer, Order, Patience, Work, answered
from patching.core.strategy.work.seen import Part, Seen
from patching.core.strategy.work.software import nothing_to_do
from patching.orchestrator.picture import picture
from patching.orchestrator.system import System

LOG = logging.getLogger(__name__)
Tell = Callable[[int, Result, str], None]
"""Takes the attempt, the result and the reason of a step that has ended; raises while it cannot be stored."""

TellPlan = Callable[[Phase, list[str]], None]
"""Takes an apply phase, and the reasons why there is none; raises while that cannot be stored."""
PLAN_LIMIT_MS = 120_000


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two looks, and how patient steps are."""

    poll_s: float = 5.0
    patience: Patience = PATIENCE


class Running(Protocol):
    """A step that is carried out."""

    def leave(self) -> None:
        """End soon; the result is not awaited any more."""

    def waits_for(self) -> str:
        """What it is waiting for, for people."""


class StepRun:
    """One step. ``hosts``: those of its stage. A look that fails is repeated: the step's time limit ends it."""

    def __init__(self, system: System, step: Step, parameters: Parameters, hosts: tuple[str, ...], attempt: int,
                 tell: Tell, now_ms: Callable[[], int], pace: Callable[[], Pace]) -> None:
        self._system, self._tell, self._attempt = system, tell, attempt
        self._now_ms, self._pace = now_ms, pace
        self._work = Work(step, parameters, now_ms(), hosts, pace().patience)
        self._ended: tuple[Result, str] | None = None
        self._seen_trouble = ""
        self._worker = Worker(f"patching-step-{attempt}", self.work)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def leave(self) -> None:
        """End soon."""
        self._worker.leave()

    def stop(self, timeout_s: float) -> bool:
        """End, and wait for the end of the thread."""
        return self._worker.stop(timeout_s)

    def waits_for(self) -> str:
        """The last trouble with looking, or the last orders that were not accepted."""
        refused = [f"{order}: {tried.reason}" for order, tried in self._work.tried.items() if tried.reason]
        return self._seen_trouble or "; ".join(refused)

    def work(self) -> float | None:
        """Look once and do what follows. Returns the seconds until the next call; None: the step has ended."""
        if self._ended is None:
            self._ended = self._advance()
        if self._ended is None:
            return self._pace().poll_s
        if not self._worker.leaving:
            self._tell(self._attempt, *self._ended)
        return None

    def _advance(self) -> tuple[Result, str] | None:
        """Look once and order what follows; the result of the step when it has one."""
        try:
            seen = self._system.look(STEPS[self._work.step.name][1])
        except FlockError as error:
            self._trouble(str(error))
            return None
        self._trouble("")
        found = advance(self._work, seen, self._now_ms())
        self._work = found.work
        if found.result is not None:
            return found.result, found.reason
        for order in found.orders:
            if self._worker.leaving:
                return None
            self._give(order, seen)
        return None

    def _give(self, order: Order, seen: Seen) -> None:
        answer, reason = Answer.ACCEPTED, ""
        try:
            self._system.carry_out(order, self._work.parameters, self._worker.pause)
            LOG.info("%s: %s", self._work.step.name, order)
        except Unavailable as error:
            answer, reason = Answer.NOT_SENT, str(error)
        except DeadlineExceeded as error:
            # Perhaps it was done: what is seen next tells.
            LOG.warning("%s: %s: %s", self._work.step.name, order, error)
        except FlockError as error:
            answer, reason = Answer.REFUSED, str(error)
        if reason:
            LOG.warning("%s: %s: %s", self._work.step.name, order, reason)
        host, instance = seen.hosts.get(order.target), seen.instances.get(order.target)
        before = host.error if host else instance.trouble if instance else ""
        self._work = answered(self._work, order, answer, reason, self._now_ms(), before)

    def _trouble(self, reason: str) -> None:
        if reason and reason != self._seen_trouble:
            LOG.warning("%s cannot see what it waits for: %s", self._work.step.name, reason)
        self._seen_trouble = reason


class PlanRun:
    """Builds the apply phase. Tries again while the system cannot be seen, but not for ever."""

    def __init__(self, system: System, parameters: Parameters, tell: TellPlan, now_ms: Callable[[], int]) -> None:
        self._system, self._parameters, self._tell, self._now_ms = system, parameters, tell, now_ms
        self._begun_ms = now_ms()
        self._worker = Worker("patching-plan", self.work)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def leave(self) -> None:
        """End soon."""
        self._worker.leave()

    def waits_for(self) -> str:
        """Why the system cannot be seen."""
        return self._worker.trouble() or ""

    def work(self) -> None:
        """Build and tell. FlockError: the system cannot be seen now."""
        try:
            phase, reasons = plan(self._system, self._parameters)
        except FlockError as error:
            if self._now_ms() - self._begun_ms < PLAN_LIMIT_MS:
                raise
            phase, reasons = Phase(PhaseName.APPLY), [f"the system cannot be seen: {error}"]
        if not self._worker.leaving:
            self._tell(phase, reasons)


class StepHands:
    """Carries out steps of the system, and builds plans from it, in threads."""

    def __init__(self, system: System, now_ms: Callable[[], int], pace: Callable[[], Pace]) -> None:
        self._system, self._now_ms, self._pace = system, now_ms, pace

    def begin(self, step: Step, parameters: Parameters, hosts: tuple[str, ...], attempt: int, tell: Tell) -> StepRun:
        """Begin a step."""
        run = StepRun(self._system, step, parameters, hosts, attempt, tell, self._now_ms, self._pace)
        run.start()
        return run

    def begin_plan(self, parameters: Parameters, tell: TellPlan) -> PlanRun:
        """Begin to build the apply phase."""
        run = PlanRun(self._system, parameters, tell, self._now_ms)
        run.start()
        return run

    def plan(self, parameters: Parameters) -> tuple[Phase, list[str]]:
        """The apply phase for the system as it is now."""
        return plan(self._system, parameters)


def plan(system: System, parameters: Parameters) -> tuple[Phase, list[str]]:
    """Look at everything, and build the apply phase, or tell why there can be none."""
    seen = system.look(Part)
    phase, reasons = build.apply_phase(parameters, picture(seen, parameters))
    # The query of a strategy finds this too; a preview has none.
    nothing = nothing_to_do(parameters, seen.software)
    return phase, [nothing] if nothing else reasons
