# SPDX-License-Identifier: Apache-2.0
"""The life of strategies: every way from creation to its end."""
from __future__ import annotations

import contextlib
from random import Random
from typing import Any

import pytest

from flock.core.records import replace
from patching.contract.errors import SoftwareRefused
from patching.core.strategy import build, engine, stages
from patching.core.strategy.engine import Plan, RunStep, StopStep
from patching.core.strategy.model import INVERSE, PhaseName, Result, Step, StepName, Strategy, StrategyState
from patching.core.strategy.picture import Alarm, Picture
from tests.unit.patching.core.strategy.pictures import a_picture, asked

ENDED = {state for state in StrategyState if state.value.endswith(("-failed", "-timeout", "aborted", "applied"))}


class Orchestrator:
    """Carries out what the engine asks for; the test says how each step ends."""

    def __init__(self, picture: Picture, **fields: Any) -> None:
        self.picture, self.now_ms = picture, 1_000
        self.ran: list[str] = []
        self.stopped: list[int] = []
        self.running: RunStep | None = None
        parameters = asked(**fields)
        self.take(engine.create("1", parameters, build.query_phase(parameters), self.now_ms))

    def take(self, outcome: tuple[Strategy, tuple[engine.Action, ...]]) -> None:
        self.strategy, actions = outcome
        for action in actions:
            if isinstance(action, Plan):
                made, reasons = build.apply_phase(self.strategy.parameters, self.picture)
                self.take(engine.planned(self.strategy, made, reasons, self.now_ms))
            elif isinstance(action, StopStep):
                self.stopped.append(action.attempt)
                self.running = None
            else:
                self.running = action
                self.ran.append(" ".join((action.step.name.value, *action.step.entities)))

    def end(self, result: Result = Result.SUCCESS, reason: str = "") -> None:
        assert self.running is not None
        attempt, self.running = self.running.attempt, None
        self.now_ms += 1_000
        self.take(engine.step_ended(self.strategy, attempt, result, reason, self.now_ms))

    def until(self, name: StepName, *entities: str) -> None:
        while self.running is not None and (self.running.step.name, self.running.step.entities) != (name, entities):
            self.end()
        assert self.running is not None, f"{name} was never run: {self.ran}"

    def finish(self) -> str:
        while self.running is not None:
            self.end()
        return self.strategy.state.value

    def ready(self) -> Orchestrator:
        assert self.finish() == "ready-to-apply"
        self.ran.clear()
        return self

    def apply(self, stage: int | None = None) -> None:
        self.take(engine.apply(self.strategy, stage, self.now_ms))

    @property
    def state(self) -> str:
        return self.strategy.state.value


def refused(call: Any, *arguments: Any) -> str:
    with pytest.raises(SoftwareRefused) as told:
        call(*arguments)
    return str(told.value)


def test_built_and_applied() -> None:
    one = Orchestrator(a_picture("DX")).ready()
    assert (one.strategy.current, one.strategy.phase.percentage) == (PhaseName.BUILD, 100)
    one.apply()
    assert (one.strategy.current, one.strategy.phase.percentage, one.state) == (PhaseName.APPLY, 0, "applying")
    assert one.finish() == "applied"
    assert one.ran[:4] == ["start-upgrade", "query-alarms", "query-alarms", "swact-hosts controller-1"]
    assert one.strategy.apply.result is Result.SUCCESS
    assert refused(engine.apply, one.strategy, None, 0).startswith("The strategy is applied")


def test_a_build_fails_with_all_reasons() -> None:
    blocked = Orchestrator(a_picture("SX", alarms=(Alarm("100.101", "host=controller-0"),)))
    assert blocked.finish() == "build-failed"
    assert blocked.strategy.build.reason == "active alarms present: 100.101 host=controller-0"
    failed = Orchestrator(a_picture("SX"))
    failed.end(Result.FAILED, "no answer")
    assert (failed.state, failed.strategy.build.reason) == ("build-failed", "no answer")
    late = Orchestrator(a_picture("SX"))
    late.now_ms += 60_000
    late.take(engine.tick(late.strategy, late.now_ms))
    assert (late.state, late.strategy.build.reason) == ("build-timeout", "query-alarms did not end within 60 s")


def test_stage_by_stage() -> None:
    one = Orchestrator(a_picture("DX")).ready()
    assert refused(engine.apply, one.strategy, 1, 0) == "Stage 1 is not the next one; that is stage 0."
    one.apply(0)
    assert one.finish() == "applying"
    assert (one.strategy.apply.stage, one.strategy.apply.stop_at) == (1, 1)
    assert "not the next one" in refused(engine.apply, one.strategy, 0, 0)
    one.apply(1)
    assert "ready-to-apply, or waits" in refused(engine.apply, one.strategy, None, 0)
    one.finish()
    one.apply()
    assert one.finish() == "applied"


def test_aborted_between_stages_nothing_is_taken_back() -> None:
    one = Orchestrator(a_picture("DX")).ready()
    assert "only one that is applying" in refused(engine.abort, one.strategy, 0)
    one.apply(0)
    one.finish()
    one.take(engine.abort(one.strategy, one.now_ms))
    assert (one.state, one.strategy.apply.result, one.running) == ("aborted", Result.ABORTED, None)


def test_a_step_that_fails_gives_its_hosts_back() -> None:
    one = Orchestrator(a_picture("STD"), worker_apply_type="parallel").ready()
    one.apply()
    one.until(StepName.UNLOCK, "compute-0", "compute-1")
    one.ran.clear()
    one.end(Result.FAILED, "compute-1 did not come back")
    assert one.finish() == "aborted"
    assert one.ran == ["unlock-hosts compute-0 compute-1"]
    assert (one.strategy.apply.result, one.strategy.apply.reason) == (Result.FAILED, "compute-1 did not come back")
    assert one.strategy.apply.stages[3].reason == "compute-1 did not come back"


def test_a_step_that_takes_too_long_is_stopped_and_an_abort_can_fail() -> None:
    one = Orchestrator(a_picture("SX")).ready()
    one.apply()
    one.until(StepName.DEPLOY_HOSTS, "controller-0")
    assert one.running is not None
    attempt = one.running.attempt
    one.take(engine.tick(one.strategy, one.now_ms + 3_599_000))
    assert one.stopped == []
    one.now_ms += 3_600_000
    one.take(engine.tick(one.strategy, one.now_ms))
    assert (one.stopped, one.strategy.apply.result, one.state) == ([attempt], Result.TIMED_OUT, "aborting")
    one.take(engine.step_ended(one.strategy, attempt, Result.SUCCESS, "", one.now_ms))
    assert one.state == "aborting", "the result comes too late"
    one.end(Result.FAILED, "mtce does not answer")
    assert (one.state, one.strategy.abort.reason) == ("abort-failed", "mtce does not answer")


def test_waiting_is_the_work_of_stabilizing() -> None:
    one = Orchestrator(a_picture("SX")).ready()
    one.apply()
    one.until(StepName.STABILIZE)
    one.now_ms += 15_000
    one.take(engine.tick(one.strategy, one.now_ms))
    assert one.running is not None
    assert one.running.step.name is StepName.UNLOCK


def test_an_operator_aborts() -> None:
    one = Orchestrator(a_picture("STD")).ready()
    one.apply()
    one.until(StepName.LOCK, "controller-1")
    assert "Stage 1 (sw-upgrade-controllers) cannot be aborted" in refused(engine.abort, one.strategy, 0)
    one.until(StepName.DEPLOY_HOSTS, "compute-0")
    assert one.running is not None
    attempt = one.running.attempt
    one.ran.clear()
    one.take(engine.abort(one.strategy, one.now_ms))
    assert one.stopped == [attempt]
    assert one.finish() == "aborted"
    assert one.ran == ["unlock-hosts compute-0"]
    assert one.strategy.apply.result is Result.ABORTED


def test_pause_and_not_before() -> None:
    one = Orchestrator(a_picture("SX"), not_before=50_000).ready()
    assert "only one that is applying" in refused(engine.pause, one.strategy, True, 0)
    one.apply()
    assert (one.running, one.state) == (None, "applying")
    one.now_ms = 50_000
    one.take(engine.tick(one.strategy, one.now_ms))
    assert one.running is not None
    one.take(engine.pause(one.strategy, True, one.now_ms))
    one.finish()
    assert (one.state, one.strategy.apply.stage) == ("applying", 1), "the stage that ran has ended, no more"
    one.take(engine.tick(one.strategy, one.now_ms))
    assert one.running is None
    one.take(engine.pause(one.strategy, False, one.now_ms))
    assert one.finish() == "applied"


def test_failures_are_put_up_with_until_there_are_too_many() -> None:
    one = Orchestrator(a_picture("STD"), continue_on_failure=1).ready()
    one.apply()
    one.until(StepName.DEPLOY_HOSTS, "compute-0")
    one.end(Result.FAILED, "disk full")
    assert one.ran[-1] == "unlock-hosts compute-0"
    one.until(StepName.UNLOCK, "compute-2")
    one.end()
    assert one.finish() == "aborted"
    assert "activate-upgrade" not in one.ran, "not all hosts have it"
    assert (one.strategy.apply.result, one.strategy.apply.reason) == (
        Result.DEGRADED, "these hosts have failed: compute-0")
    two = Orchestrator(a_picture("STD"), continue_on_failure=1).ready()
    two.apply()
    for name in ("compute-0", "compute-1"):
        two.until(StepName.DEPLOY_HOSTS, name)
        two.end(Result.FAILED, "disk full")
    assert two.finish() == "aborted"
    assert not any("compute-2" in line for line in two.ran)


def test_a_restarted_orchestrator_runs_the_same_step_again() -> None:
    one = Orchestrator(a_picture("SX")).ready()
    one.apply()
    one.until(StepName.UNLOCK, "controller-0")
    assert one.running is not None
    before = one.running
    one.take(engine.resume(one.strategy, one.now_ms + 5_000))
    assert (one.running.step.name, one.running.attempt) == (StepName.UNLOCK, before.attempt + 1)
    one.take(engine.step_ended(one.strategy, before.attempt, Result.FAILED, "of before", one.now_ms))
    assert one.state == "applying"
    assert one.finish() == "applied"
    built = Orchestrator(a_picture("SX"))
    for _ in range(2):
        built.end()
    assert built.running is not None
    running, _ = engine.step_ended(built.strategy, built.running.attempt, Result.SUCCESS, "", 9_000)
    built.take(engine.resume(running, 9_000))
    assert built.state == "ready-to-apply"
    assert engine.resume(built.strategy, 9_000) == (built.strategy, ())


def test_deletion_waits_for_the_end_or_is_forced() -> None:
    one = Orchestrator(a_picture("SX"))
    assert "The strategy is building" in refused(engine.may_delete, one.strategy, False)
    engine.may_delete(one.strategy, True)
    one.ready()
    engine.may_delete(one.strategy, False)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_hosts_are_given_back_and_an_end_is_reached(seed: int) -> None:
    """Random results, aborts, pauses, restarts. Every host that was locked is unlocked again, or told in a reason."""
    chance = Random(seed)
    one = Orchestrator(a_picture("STG"), worker_apply_type=chance.choice(("serial", "parallel")),
                       continue_on_failure=chance.choice((0, 1, 3))).ready()
    one.apply(chance.choice((None, 0)))
    locked: set[str] = set()
    for _ in range(2_000):
        if one.strategy.state in ENDED:
            break
        assert one.strategy.phase.percentage in range(101)
        if one.running is None:
            if one.strategy.is_paused:
                one.take(engine.pause(one.strategy, False, one.now_ms))
            elif one.strategy.apply.stage < len(one.strategy.apply.stages):
                one.apply()
            continue
        step = one.running.step
        what = chance.random()
        if what < 0.02:
            one.take(engine.resume(one.strategy, one.now_ms))
        elif what < 0.04 and one.strategy.current is PhaseName.APPLY:
            one.take(engine.pause(one.strategy, True, one.now_ms))
        elif what < 0.05 and one.strategy.current is PhaseName.APPLY:
            with contextlib.suppress(SoftwareRefused):
                one.take(engine.abort(one.strategy, one.now_ms))
        elif what < 0.1 and step.name not in INVERSE.values():
            locked |= set(step.entities) if step.name is StepName.LOCK else set()
            one.end(Result.FAILED, "chance")
        else:
            locked = {StepName.LOCK: locked | set(step.entities),
                      StepName.UNLOCK: locked - set(step.entities)}.get(step.name, locked)
            one.end()
    assert one.strategy.state in ENDED
    assert not locked


def test_a_host_that_takes_no_instances_is_given_back_once() -> None:
    """Also when the abort comes before its lock."""
    begun = tuple(replace(Step(name, entities), begun_ms=1, result=Result.SUCCESS) for name, entities in (
        (StepName.DISABLE_SERVICES, ("w-0", "w-1")), (StepName.MIGRATE, ("w-1",))))
    assert [(step.name, step.entities) for step in stages.inverse(begun)] == [
        (StepName.ENABLE_SERVICES, ("w-0", "w-1"))]
    assert stages.inverse(begun[1:]) == (Step(StepName.ENABLE_SERVICES, ("w-1",)),)


def test_a_time_out_says_what_was_waited_for() -> None:
    late = Orchestrator(a_picture("SX"))
    late.take(engine.tick(late.strategy, late.now_ms + 60_000, "fm-api is not available"))
    assert late.strategy.build.reason == "query-alarms did not end within 60 s: fm-api is not available"


def test_a_step_that_runs_tells_what_it_waits_for() -> None:
    one = Orchestrator(a_picture("SX"))
    one.take(engine.tick(one.strategy, one.now_ms + 1_000, "fm-api is not available"))
    (step,) = one.strategy.build.stages[0].steps[:1]
    assert (step.reason, step.result) == ("fm-api is not available", Result.IN_PROGRESS)
    same, _ = engine.tick(one.strategy, one.now_ms + 2_000, "fm-api is not available")
    assert same is one.strategy
    one.end()
    (step,) = one.strategy.build.stages[0].steps[:1]
    assert (step.reason, step.result) == ("", Result.SUCCESS)
