# SPDX-License-Identifier: Apache-2.0
"""Keeps the one strategy: every event is decided by the engine, stored, and only then acted upon.

One lock orders the events; what takes long happens in the threads of steps and of planning.
"""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from flock.core.errors import StaleWrite
from flock.core.ids import new_uuid
from flock.jobs.worker import Worker
from patching.contract.errors import SoftwareRefused
from patching.contract.orchestration import (
    NoStrategy,
    StrategyAction,
    StrategyBusy,
    StrategyExists,
    StrategyRefused,
)
from patching.core.strategy import build, engine
from patching.core.strategy.model import Phase, PhaseName, Result, Step, Strategy, StrategyState
from patching.core.strategy.parameters import Kind, Parameters
from patching.orchestrator.hands import Running
from patching.orchestrator.store import Store, Stored

LOG = logging.getLogger(__name__)
TICK_S = 1.0
Decide = Callable[[Strategy], engine.Outcome]


class Hands(Protocol):
    """Carries out steps, and builds plans from what it sees."""

    def begin(self, step: Step, parameters: Parameters, hosts: tuple[str, ...], attempt: int,
              tell: Callable[[int, Result, str], None]) -> Running:
        """Begin a step; ``tell`` takes its result, and raises while it cannot be stored."""

    def begin_plan(self, parameters: Parameters, tell: Callable[[Phase, list[str]], None]) -> Running:
        """Begin to build the apply phase; ``tell`` takes it, or why there can be none."""

    def plan(self, parameters: Parameters) -> tuple[Phase, list[str]]:
        """The apply phase for the system as it is now, or why there can be none. FlockError: it cannot be seen."""


class Watcher(Protocol):
    """Is told of every stored change."""

    def changed(self, before: Strategy | None, after: Strategy | None) -> None:
        """The strategy has changed."""


class Keeper:
    """The strategy and its life. Methods may be called from any thread; database errors pass through."""

    def __init__(self, store: Store, hands: Hands, watcher: Watcher, now_ms: Callable[[], int]) -> None:
        self._store, self._hands, self._watcher, self._now_ms = store, hands, watcher, now_ms
        self._lock = threading.RLock()
        self._stored: Stored | None = None
        self._running: Running | None = None
        self._clock = Worker("patching-strategy-clock", self.tick)

    def start(self) -> None:
        """Go on with the stored strategy, and let time pass for it."""
        self.resume()
        self._clock.start()

    def resume(self) -> None:
        """Go on with the stored strategy, at the step that ran."""
        with self._lock:
            self._stored = self._store.load()
            if self._stored is not None:
                self._happen(self._stored.strategy.uuid, lambda one: engine.resume(one, self._now_ms()))

    def stop(self, timeout_s: float) -> None:
        """Begin nothing more; a step that runs is run again at the next start."""
        self._clock.stop(timeout_s)
        with self._lock:
            self._leave()

    def is_running(self) -> bool:
        """Whether time passes for the strategy."""
        return self._clock.is_alive()

    def trouble(self) -> str | None:
        """For the health page."""
        return self._clock.trouble()

    def current(self) -> Strategy | None:
        """The strategy, if there is one."""
        stored = self._stored
        return None if stored is None else stored.strategy

    def create(self, parameters: Parameters) -> Strategy:
        """Store a new strategy and begin to build it. StrategyExists."""
        with self._lock:
            now = self.current()
            if now is not None:
                raise StrategyExists(kind=now.parameters.kind.value, state=now.state.value)
            made, actions = engine.create(new_uuid(), parameters, build.query_phase(parameters), self._now_ms())
            self._stored = self._store.add(made)
            self._watcher.changed(None, made)
            self._perform(actions)
            return self._stored.strategy

    def preview(self, parameters: Parameters) -> Strategy:
        """What would be built now; not stored."""
        now = self._now_ms()
        phase, reasons = self._hands.plan(parameters)
        made = Strategy("", parameters, StrategyState.BUILDING, current=PhaseName.BUILD,
                        build=Phase(PhaseName.BUILD, begun_ms=now, result=Result.IN_PROGRESS))
        return engine.planned(made, phase, reasons, now)[0]

    def act(self, kind: Kind, action: StrategyAction, stage_id: int | None) -> Strategy:
        """NoStrategy, StrategyRefused."""
        a = StrategyAction
        with self._lock:
            strategy = self._of(kind)
            now = self._now_ms()
            try:
                if action in (a.APPLY_ALL, a.APPLY_STAGE):
                    self._happen(strategy.uuid, lambda one: engine.apply(one, _stage(action, stage_id), now))
                elif action in (a.ABORT, a.ABORT_STAGE):
                    _check_abort(strategy, stage_id)
                    self._happen(strategy.uuid, lambda one: engine.abort(one, now))
                else:
                    self._happen(strategy.uuid, lambda one: engine.pause(one, action is a.PAUSE, now))
            except SoftwareRefused as error:
                raise StrategyRefused(detail=str(error)) from error
            return self._of(kind)

    def delete(self, kind: Kind, force: bool) -> None:
        """NoStrategy, StrategyBusy. A step that runs is not awaited any more."""
        with self._lock:
            strategy = self._of(kind)
            try:
                engine.may_delete(strategy, force)
            except SoftwareRefused as error:
                raise StrategyBusy(detail=str(error)) from error
            for stage in strategy.phase.stages[strategy.phase.stage:][:1] if force else ():
                LOG.warning("the strategy is deleted by force in stage %s; look after %s", stage.name,
                            ", ".join(stage.hosts) or "the deployment")
            self._store.delete(strategy.uuid)
            self._leave()
            self._stored = None
            self._watcher.changed(strategy, None)

    def _of(self, kind: Kind) -> Strategy:
        strategy = self.current()
        if strategy is None or strategy.parameters.kind is not kind:
            raise NoStrategy(kind=kind.value)
        return strategy

    def _happen(self, uuid: str, decide: Decide) -> None:
        """Decide, store, act; nothing for a strategy that is not there any more."""
        with self._lock:
            before = self._stored
            if before is None or before.strategy.uuid != uuid:
                return
            after, actions = decide(before.strategy)
            if after is not before.strategy:
                self._stored = self._save(before, after)
                self._watcher.changed(before.strategy, after)
            self._perform(actions)

    def _save(self, before: Stored, after: Strategy) -> Stored:
        try:
            return self._store.save(before, after)
        except StaleWrite:
            # Another orchestrator works: it is the one that goes on, with what it has stored.
            LOG.warning("another orchestrator has changed the strategy; this one leaves its step")
            self._leave()
            self._stored = self._store.load()
            raise

    def _perform(self, actions: tuple[engine.Action, ...]) -> None:
        for action in actions:
            if isinstance(action, engine.Plan):
                self._begin_plan()
            elif isinstance(action, engine.StopStep):
                self._leave()
            else:
                self._begin_step(action)

    def _begin_step(self, action: engine.RunStep) -> None:
        assert self._stored is not None  # noqa: S101 - a step is of a strategy
        self._leave()
        strategy = self._stored.strategy
        stage = strategy.phase.stages[strategy.phase.stage]
        uuid = strategy.uuid
        LOG.info("stage %d (%s) of the %s phase: %s %s", strategy.phase.stage, stage.name, strategy.current,
                 action.step.name, " ".join(action.step.entities))

        def tell(attempt: int, result: Result, reason: str) -> None:
            LOG.info("%s: %s%s", action.step.name, result, f": {reason}" if reason else "")
            self._happen(uuid, lambda one: engine.step_ended(one, attempt, result, reason, self._now_ms()))

        self._running = self._hands.begin(action.step, strategy.parameters, stage.hosts, action.attempt, tell)

    def _begin_plan(self) -> None:
        assert self._stored is not None  # noqa: S101 - a plan is for a strategy
        self._leave()
        uuid = self._stored.strategy.uuid

        def tell(phase: Phase, reasons: list[str]) -> None:
            self._happen(uuid, lambda one: engine.planned(one, phase, reasons, self._now_ms()))

        self._running = self._hands.begin_plan(self._stored.strategy.parameters, tell)

    def _leave(self) -> None:
        if self._running is not None:
            self._running.leave()
            self._running = None

    def tick(self) -> float:
        """Time has passed. Returns the seconds until the next call."""
        with self._lock:
            strategy = self.current()
            if strategy is not None:
                waits_for = self._running.waits_for() if self._running is not None else ""
                self._happen(strategy.uuid, lambda one: engine.tick(one, self._now_ms(), waits_for))
        return TICK_S


def _stage(action: StrategyAction, stage_id: int | None) -> int | None:
    if action is StrategyAction.APPLY_ALL:
        return None
    if stage_id is None:
        raise StrategyRefused(detail="apply-stage needs the id of a stage.")
    return stage_id


def _check_abort(strategy: Strategy, stage_id: int | None) -> None:
    """An abort that names a stage means the one that runs."""
    if stage_id is not None and stage_id != strategy.apply.stage:
        raise StrategyRefused(detail=f"Stage {stage_id} cannot be aborted: stage {strategy.apply.stage} is the current "
                                     "one.")
