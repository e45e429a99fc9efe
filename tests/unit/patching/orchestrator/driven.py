# SPDX-License-Identifier: Apache-2.0
"""The orchestrator without threads: the test lets time pass, and may end and start it between any two looks."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flock.core.errors import FlockError
from flock.db import Database
from patching.contract.orchestration import StrategyAction
from patching.core.strategy.model import Phase, Step, Strategy, StrategyState
from patching.core.strategy.parameters import Kind, Parameters, parse
from patching.db.tables import METADATA
from patching.orchestrator.faults import Faults
from patching.orchestrator.hands import Pace, PlanRun, StepHands, StepRun, Tell, TellPlan
from patching.orchestrator.keeper import Keeper
from patching.orchestrator.store import Store
from tests.unit.patching.core.strategy.pictures import BODY
from tests.unit.patching.orchestrator.cloud import Cloud

ENDED = {state for state in StrategyState if state.value.endswith(("-failed", "-timeout", "aborted", "applied"))}
HOURS = 24


class Raised:
    """Fault management: alarms that are active, and all logs."""

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.logs: list[str] = []

    def raise_alarm(self, alarm_id: str, *, entity_instance_id: str, reason: str | None = None) -> str:
        assert entity_instance_id.startswith("orchestration=")
        self.active.add(alarm_id)
        return ""

    def clear_alarm(self, alarm_id: str, *, entity_instance_id: str, exact: bool = False) -> str:
        self.active.discard(alarm_id)
        return ""

    def log_event(self, alarm_id: str, *, entity_instance_id: str, reason: str | None = None) -> str:
        self.logs.append(alarm_id)
        return ""


class HandsByHand(StepHands):
    """Steps wait for ``work``."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud.system, lambda: cloud.now_ms, Pace)
        self.cloud = cloud
        self.running: list[StepRun | PlanRun] = []
        self.begun: list[str] = []

    def begin(self, step: Step, parameters: Parameters, hosts: tuple[str, ...], attempt: int, tell: Tell) -> StepRun:
        self.begun.append(" ".join((step.name.value, *step.entities)))
        run = StepRun(self.cloud.system, step, parameters, hosts, attempt, tell, lambda: self.cloud.now_ms, Pace)
        self.running = [run]
        return run

    def begin_plan(self, parameters: Parameters, tell: TellPlan) -> PlanRun:
        run = PlanRun(self.cloud.system, parameters, tell, lambda: self.cloud.now_ms)
        self.running = [run]
        return run

    def work(self) -> None:
        for run in self.running:
            try:
                again = run.work()
            except FlockError:
                continue
            if again is None and run in self.running:
                self.running.remove(run)


class Driven:
    """The orchestrator of a cloud. ``percent``: how far it was at every look."""

    def __init__(self, cloud: Cloud, db: Database) -> None:
        METADATA.create_all(db.engine)
        self.cloud, self.store, self.faults = cloud, Store(db), Raised()
        self.begun: list[str] = []
        self.percent: list[int] = []
        self.alarms: list[str] = []
        self.restarted()

    def restarted(self) -> None:
        """The orchestrator was killed, and starts."""
        self.hands = HandsByHand(self.cloud)
        self.keeper = Keeper(self.store, self.hands, Faults(self.faults), lambda: self.cloud.now_ms)
        self.keeper.resume()

    @property
    def strategy(self) -> Strategy:
        found = self.keeper.current()
        assert found is not None
        return found

    @property
    def state(self) -> str:
        return self.strategy.state.value

    def create(self, kind: Kind = Kind.DEPLOY, **fields: Any) -> Driven:
        body = {**BODY, **{name.replace("_", "-"): value for name, value in fields.items()}}
        self.keeper.create(parse(kind, {name: value for name, value in body.items() if value is not None}))
        return self.until(lambda: self.strategy.state is not StrategyState.BUILDING)

    def act(self, action: StrategyAction, stage: int | None = None) -> Driven:
        self.keeper.act(self.strategy.parameters.kind, action, stage)
        return self

    def apply(self) -> Driven:
        return self.act(StrategyAction.APPLY_ALL)

    def finish(self) -> Driven:
        return self.until(lambda: self.strategy.state in ENDED)

    def until(self, holds: Callable[[], bool], every: Callable[[], None] = lambda: None) -> Driven:
        for _ in range(HOURS * 720):
            if holds():
                return self
            self.cloud.pass_time(5)
            self.hands.work()
            self.keeper.tick()
            self.percent.append(self.strategy.phase.percentage)
            self.alarms += sorted(self.faults.active - set(self.alarms[-1:]))
            every()
        raise AssertionError(f"{self.state} at {self.hands.begun[-3:]}: {self.cloud.log[-5:]}")

    def stages(self, phase: Phase | None = None) -> list[str]:
        """Names of the stages of a phase with their hosts."""
        return [" ".join((stage.name.removeprefix("sw-upgrade-"), *stage.hosts))
                for stage in (phase or self.strategy.apply).stages]
