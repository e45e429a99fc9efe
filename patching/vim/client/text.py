# SPDX-License-Identifier: Apache-2.0
"""A strategy as the lines that ``sw-manager`` prints: values begin in the same column at every depth."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patching.core.strategy.document import phase_of
from patching.vim.client.strategies import current_stage, current_step

VALUE_COLUMN = 41
TITLES = {"sw-upgrade": "Software Deploy", "sw-patch": "Patch"}
INDENT = 2
_TIMES = ("start-date-time", "end-date-time")
Strategy = dict[str, Any]


def lines(strategy: Strategy, details: bool = False, active: bool = False, error_details: bool = False
          ) -> Iterator[str]:
    """``details``: all phases with stages and steps; ``active``: only the stage and step that run."""
    title = TITLES.get(strategy["name"], strategy["name"])
    yield f"Strategy {title} Strategy:"
    yield from _general(strategy)
    phase = phase_of(strategy)
    if not (details or active):
        step, stage = current_step(strategy), current_stage(strategy)
        if stage is not None:
            yield _line(INDENT, "current-stage", stage["stage-name"])
        if step is not None:
            yield _line(INDENT, "current-step", step["step-name"])
            if step["entity-names"]:
                yield _line(INDENT, "entity-names", ", ".join(step["entity-names"]))
    yield _line(INDENT, "current-phase-completion", f"{strategy['current-phase-completion-percentage']}%")
    yield _line(INDENT, "state", strategy["state"] + (" (paused)" if strategy.get("paused") else ""))
    yield from _end(phase, error_details)
    for name in ("build", "apply", "abort") if details else (phase["phase-name"],) if active else ():
        shown = strategy[f"{name}-phase"]
        if shown["stages"] or shown["reason"]:
            yield from _phase(shown, active)


def _general(strategy: Strategy) -> Iterator[str]:
    release = strategy["release"]
    yield _line(INDENT, "strategy-uuid", strategy["uuid"])
    if isinstance(release, list):
        yield _line(INDENT, "release(s)", ", ".join(release))
    else:
        yield _line(INDENT, "release-id", release)
    for name in ("controller-apply-type", "storage-apply-type", "worker-apply-type"):
        yield _line(INDENT, name, strategy[name])
    if strategy["worker-apply-type"] == "parallel":
        yield _line(INDENT, "max-parallel-worker-hosts", strategy["max-parallel-worker-hosts"])
    for name in ("default-instance-action", "alarm-restrictions", "current-phase"):
        yield _line(INDENT, name, strategy[name])


def _end(phase: Strategy, error_details: bool) -> Iterator[str]:
    if phase["inprogress"]:
        yield _line(INDENT, "inprogress", "true")
        return
    name = phase["phase-name"]
    yield _line(INDENT, f"{name}-result", phase["result"])
    yield _line(INDENT, f"{name}-reason", phase["reason"])
    if error_details:
        for stage in phase["stages"]:
            for step in stage["steps"]:
                if step["result"] in ("failed", "timed-out"):
                    yield _line(INDENT, "failed-step", f"{stage['stage-name']}/{step['step-name']}")
                    yield _line(INDENT, "failed-step-reason", step["reason"])


def _phase(phase: Strategy, active: bool) -> Iterator[str]:
    yield f"  {phase['phase-name']}-phase:"
    for name in ("total-stages", "current-stage", "stop-at-stage"):
        yield _line(2 * INDENT, name, phase[name])
    yield _line(2 * INDENT, "timeout", f"{phase['timeout']} seconds")
    yield _line(2 * INDENT, "completion-percentage", f"{phase['completion-percentage']}%")
    yield from _outcome(phase, 2 * INDENT)
    yield "    stages:"
    for stage in phase["stages"]:
        if not active or stage["inprogress"]:
            yield from _stage(stage, active)


def _stage(stage: Strategy, active: bool) -> Iterator[str]:
    for name in ("stage-id", "stage-name", "total-steps", "current-step"):
        yield _line(4 * INDENT, name, stage[name])
    yield _line(4 * INDENT, "timeout", f"{stage['timeout']} seconds")
    yield from _outcome(stage, 4 * INDENT)
    yield "        steps:"
    for step in stage["steps"]:
        if active and step["result"] != "inprogress":
            continue
        for name in ("step-id", "step-name"):
            yield _line(6 * INDENT, name, step[name])
        if step["entity-type"]:
            yield _line(6 * INDENT, "entity-type", step["entity-type"])
            yield _line(6 * INDENT, "entity-names", ", ".join(step["entity-names"]))
        yield _line(6 * INDENT, "timeout", f"{step['timeout']} seconds")
        yield from _outcome(step, 6 * INDENT)
        yield ""


def _outcome(part: Strategy, indent: int) -> Iterator[str]:
    for name in (*_TIMES, "result", "reason"):
        yield _line(indent, name, part[name])


def _line(indent: int, name: str, value: Any) -> str:
    return f"{' ' * indent}{name + ':':<{VALUE_COLUMN - indent}}{value}".rstrip()
