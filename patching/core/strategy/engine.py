# SPDX-License-Identifier: Apache-2.0
"""The life of a strategy: built, applied stage by stage, paused, aborted, resumed after a crash at the same step."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from flock.core.records import replace
from patching.contract.errors import SoftwareRefused
from patching.core.strategy import stages
from patching.core.strategy.model import Phase, PhaseName, Result, Stage, Step, StepName, Strategy, StrategyState
from patching.core.strategy.parameters import Parameters

S = StrategyState
Item = TypeVar("Item")
_ENDED_WELL = {PhaseName.BUILD: S.READY_TO_APPLY, PhaseName.APPLY: S.APPLIED, PhaseName.ABORT: S.ABORTED}
_ENDED_BADLY = {(PhaseName.BUILD, Result.FAILED): S.BUILD_FAILED, (PhaseName.BUILD, Result.TIMED_OUT): S.BUILD_TIMEOUT,
                (PhaseName.ABORT, Result.FAILED): S.ABORT_FAILED, (PhaseName.ABORT, Result.TIMED_OUT): S.ABORT_TIMEOUT}
_BUSY = (S.BUILDING, S.APPLYING, S.ABORTING)


@dataclass(frozen=True, slots=True)
class RunStep:
    """Carry out a step, or go on with it; its result carries ``attempt``."""

    step: Step
    attempt: int


@dataclass(frozen=True, slots=True)
class StopStep:
    """The step that runs shall end: nobody waits for its result."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The build phase has looked at the system: build the apply phase from a picture, and tell ``planned``."""


Action = RunStep | StopStep | Plan
Outcome = tuple[Strategy, tuple[Action, ...]]


def create(uuid: str, parameters: Parameters, build: Phase, now_ms: int) -> Outcome:
    """A new strategy, which begins to be built at once."""
    made = Strategy(uuid, parameters, S.BUILDING, build=replace(build, begun_ms=now_ms, result=Result.IN_PROGRESS),
                    current=PhaseName.BUILD)
    return _go_on(made, now_ms)


def planned(strategy: Strategy, apply: Phase, reasons: list[str], now_ms: int) -> Outcome:
    """The apply phase was built, or cannot be."""
    if strategy.state is not S.BUILDING:
        return strategy, ()
    if reasons:
        return _phase_ended(strategy, Result.FAILED, "; ".join(reasons), now_ms)
    return _phase_ended(replace(strategy, apply=apply), Result.SUCCESS, "", now_ms)


def apply(strategy: Strategy, stage_id: int | None, now_ms: int) -> Outcome:
    """Apply all stages that are left, or the next one. SoftwareRefused: not now, or not this stage."""
    phase = strategy.apply
    waits = strategy.state is S.APPLYING and _between_stages(phase) and phase.stage == phase.stop_at
    if strategy.state is not S.READY_TO_APPLY and not waits:
        raise SoftwareRefused(detail=f"The strategy is {strategy.state}. Only one that is ready-to-apply, or waits "
                                     "after a single stage, can be applied.")
    if stage_id is not None and stage_id != phase.stage:
        raise SoftwareRefused(detail=f"Stage {stage_id} is not the next one; that is stage {phase.stage}.")
    stop_at = len(phase.stages) if stage_id is None else stage_id + 1
    phase = replace(phase, stop_at=stop_at, begun_ms=phase.begun_ms or now_ms, result=Result.IN_PROGRESS)
    return _go_on(replace(strategy, state=S.APPLYING, current=PhaseName.APPLY, apply=phase), now_ms)


def pause(strategy: Strategy, is_paused: bool, now_ms: int) -> Outcome:
    """Hold before the next stage, or go on. SoftwareRefused: nothing is applied."""
    if strategy.state is not S.APPLYING:
        raise SoftwareRefused(detail=f"The strategy is {strategy.state}; only one that is applying can be paused or "
                                     "resumed.")
    changed = replace(strategy, is_paused=is_paused)
    return (changed, ()) if is_paused else _go_on(changed, now_ms)


def abort(strategy: Strategy, now_ms: int) -> Outcome:
    """Take back what the started stages have done to hosts. SoftwareRefused: not now, or not in this stage."""
    if strategy.state is not S.APPLYING:
        raise SoftwareRefused(detail=f"The strategy is {strategy.state}; only one that is applying can be aborted.")
    if _between_stages(strategy.apply):
        ended = replace(strategy.apply, ended_ms=now_ms, result=Result.ABORTED)
        return replace(strategy, state=S.ABORTED, apply=ended), ()
    stage = strategy.apply.stages[strategy.apply.stage]
    if not stage.is_abortable:
        raise SoftwareRefused(detail=f"Stage {strategy.apply.stage} ({stage.name}) cannot be aborted: a controller is "
                                     "being changed. Wait for its end.")
    stopped = _end_step(strategy, Result.ABORTED, "aborted by an operator", now_ms)
    stopped, then = _begin_abort(_end_stage(stopped, Result.ABORTED, "aborted by an operator", now_ms),
                                 Result.ABORTED, "aborted by an operator", now_ms)
    return stopped, (StopStep(strategy.attempt), *then)


def may_delete(strategy: Strategy, force: bool) -> None:
    """SoftwareRefused while something runs, unless by force."""
    if strategy.state in _BUSY and not force:
        raise SoftwareRefused(detail=f"The strategy is {strategy.state}. Abort it, or wait for its end, before it is "
                                     "deleted.")


def step_ended(strategy: Strategy, attempt: int, result: Result, reason: str, now_ms: int) -> Outcome:
    """The result of a step; that of an earlier one changes nothing."""
    running = _running(strategy)
    if attempt != strategy.attempt or running is None:
        return strategy, ()
    ended = _end_step(strategy, result, reason, now_ms)
    if result in (Result.SUCCESS, Result.DEGRADED):
        return _go_on(_with(ended, replace(ended.phase, step=ended.phase.step + 1)), now_ms)
    return _failed(ended, running, result, reason, now_ms)


def tick(strategy: Strategy, now_ms: int, waits_for: str = "") -> Outcome:
    """Time has passed: a step may be over its limit, or the time has come to begin. ``waits_for``: what the step that
    runs was last waiting for, which is its reason as long as it runs."""
    running = _running(strategy)
    if running is None:
        return _go_on(strategy, now_ms) if strategy.state is S.APPLYING else (strategy, ())
    if now_ms - running.begun_ms < running.limit_s * 1000:
        if waits_for == running.reason:
            return strategy, ()
        return _with_step(strategy, replace(running, reason=waits_for)), ()
    # A step whose time is its work has succeeded.
    if running.name is StepName.STABILIZE:
        return step_ended(strategy, strategy.attempt, Result.SUCCESS, "", now_ms)
    after, then = step_ended(strategy, strategy.attempt, Result.TIMED_OUT,
                             f"{running.name} did not end within {running.limit_s} s"
                             + (f": {waits_for}" if waits_for else ""), now_ms)
    return after, (StopStep(strategy.attempt), *then)


def resume(strategy: Strategy, now_ms: int) -> Outcome:
    """The orchestrator has started: the step that ran is run again, with its time anew."""
    running = _running(strategy)
    if running is None:
        if strategy.state is S.BUILDING:
            return strategy, (Plan(),)
        return tick(strategy, now_ms)
    again = _with_step(replace(strategy, attempt=strategy.attempt + 1), replace(running, begun_ms=now_ms))
    return again, (RunStep(replace(running, begun_ms=now_ms), again.attempt),)


def _go_on(strategy: Strategy, now_ms: int) -> Outcome:
    """Begin what is next: a step, a stage, or the end of the phase."""
    phase = strategy.phase
    if phase.stage < len(phase.stages) and phase.step >= len(phase.stages[phase.stage].steps):
        strategy = _end_stage(strategy, Result.SUCCESS, "", now_ms)
        phase = strategy.phase
    if phase.stage >= len(phase.stages):
        return _all_stages_done(strategy, now_ms)
    if _between_stages(phase) and _holds(strategy, now_ms):
        return strategy, ()
    if phase.stage >= phase.stop_at:
        return strategy, ()
    stage = phase.stages[phase.stage]
    begun = replace(stage.steps[phase.step], begun_ms=now_ms, result=Result.IN_PROGRESS)
    strategy = _with_step(replace(strategy, attempt=strategy.attempt + 1), begun)
    return strategy, (RunStep(begun, strategy.attempt),)


def _holds(strategy: Strategy, now_ms: int) -> bool:
    return strategy.current is PhaseName.APPLY and (strategy.is_paused or now_ms < strategy.parameters.not_before_ms)


def _all_stages_done(strategy: Strategy, now_ms: int) -> Outcome:
    if strategy.current is PhaseName.BUILD:
        return strategy, (Plan(),)
    return _phase_ended(strategy, Result.SUCCESS, "", now_ms)


def _failed(strategy: Strategy, step: Step, result: Result, reason: str, now_ms: int) -> Outcome:
    """A step has failed: so has its stage, and the phase, unless the failure is put up with."""
    stage = strategy.phase.stages[strategy.phase.stage]
    failed = tuple(dict.fromkeys((*strategy.failed_hosts, *stage.hosts)))
    if (strategy.current is PhaseName.APPLY and stage.hosts and stage.is_abortable
            and len(failed) <= strategy.parameters.continue_on_failure):
        return _put_up_with(replace(strategy, failed_hosts=failed), stage, result, reason, now_ms)
    ended = _end_stage(strategy, result, reason, now_ms)
    if strategy.current is PhaseName.APPLY:
        return _begin_abort(ended, result, reason, now_ms)
    return _phase_ended(ended, result, reason, now_ms)


def _put_up_with(strategy: Strategy, stage: Stage, result: Result, reason: str, now_ms: int) -> Outcome:
    """Give the hosts of the stage back, then go on with the others; what needs all hosts is not reached."""
    ended = _end_stage(strategy, result, reason, now_ms)
    phase = ended.apply
    back = stages.inverse(stage.steps)
    recovery = (Stage(f"{stage.name}-recovery", back),) if back else ()
    rest = tuple(one for one in phase.stages[phase.stage:] if one.hosts)
    if not recovery and not rest:
        return _begin_abort(ended, result, reason, now_ms)
    made = (*phase.stages[:phase.stage], *recovery, *rest)
    stop_at = len(made) if phase.stop_at >= len(phase.stages) else phase.stop_at + len(recovery)
    return _go_on(replace(ended, apply=replace(phase, stages=made, stop_at=stop_at)), now_ms)


def _begin_abort(strategy: Strategy, result: Result, reason: str, now_ms: int) -> Outcome:
    """The apply phase has ended; hosts are given back by what the started steps of its stages have as inverse."""
    applied = replace(strategy.apply, ended_ms=now_ms, result=result, reason=reason)
    made = tuple(Stage(f"{stage.name}-abort", steps) for stage in reversed(applied.stages[:applied.stage + 1])
                 if stage.result in (Result.ABORTED, Result.FAILED, Result.TIMED_OUT)
                 and (steps := stages.inverse(stage.steps)))
    phase = Phase(PhaseName.ABORT, made, stop_at=len(made), begun_ms=now_ms, result=Result.IN_PROGRESS)
    return _go_on(replace(strategy, state=S.ABORTING, current=PhaseName.ABORT, apply=applied, abort=phase), now_ms)


def _phase_ended(strategy: Strategy, result: Result, reason: str, now_ms: int) -> Outcome:
    if result is Result.SUCCESS and strategy.current is PhaseName.APPLY and strategy.failed_hosts:
        return _begin_abort(strategy, Result.DEGRADED,
                            f"these hosts have failed: {', '.join(strategy.failed_hosts)}", now_ms)
    ended = _with(strategy, replace(strategy.phase, ended_ms=now_ms, result=result, reason=reason))
    state = (_ENDED_WELL[strategy.current] if result is Result.SUCCESS
             else _ENDED_BADLY[strategy.current, result])
    return replace(ended, state=state), ()


def _between_stages(phase: Phase) -> bool:
    """Whether no stage runs."""
    return phase.stage >= len(phase.stages) or (phase.step == 0 and not phase.stages[phase.stage].begun_ms)


def _running(strategy: Strategy) -> Step | None:
    phase = strategy.phase
    if strategy.state not in _BUSY or phase.stage >= len(phase.stages):
        return None
    stage = phase.stages[phase.stage]
    step = stage.steps[phase.step] if phase.step < len(stage.steps) else None
    return step if step is not None and step.result is Result.IN_PROGRESS else None


def _end_step(strategy: Strategy, result: Result, reason: str, now_ms: int) -> Strategy:
    stage = strategy.phase.stages[strategy.phase.stage]
    return _with_step(strategy, replace(stage.steps[strategy.phase.step], result=result, reason=reason,
                                        ended_ms=now_ms))


def _end_stage(strategy: Strategy, result: Result, reason: str, now_ms: int) -> Strategy:
    """The current stage has ended; the next one is current."""
    phase = strategy.phase
    ended = replace(phase.stages[phase.stage], result=result, reason=reason, ended_ms=now_ms)
    return _with(strategy, replace(phase, stages=_put(phase.stages, phase.stage, ended), stage=phase.stage + 1, step=0))


def _with_step(strategy: Strategy, step: Step) -> Strategy:
    phase = strategy.phase
    stage = phase.stages[phase.stage]
    changed = replace(stage, steps=_put(stage.steps, phase.step, step), begun_ms=stage.begun_ms or step.begun_ms,
                      result=Result.IN_PROGRESS)
    return _with(strategy, replace(phase, stages=_put(phase.stages, phase.stage, changed)))


def _with(strategy: Strategy, phase: Phase) -> Strategy:
    if strategy.current is PhaseName.APPLY:
        return replace(strategy, apply=phase)
    if strategy.current is PhaseName.ABORT:
        return replace(strategy, abort=phase)
    return replace(strategy, build=phase)


def _put(row: tuple[Item, ...], place: int, item: Item) -> tuple[Item, ...]:
    return (*row[:place], item, *row[place + 1:])
