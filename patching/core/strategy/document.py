# SPDX-License-Identifier: Apache-2.0
"""A strategy as the JSON object that clients of the orchestration API read."""
from __future__ import annotations

import datetime
from typing import Any

from patching.core.strategy.model import Phase, PhaseName, Result, Stage, Step, Strategy


def document(strategy: Strategy) -> dict[str, Any]:
    """The object, with all keys; texts are empty where there is nothing, never null."""
    asked = strategy.parameters
    releases = list(asked.releases)
    return {
        "uuid": strategy.uuid, "name": asked.kind.value, "state": strategy.state.value,
        "release": releases[0] if asked.release_as_text and releases else releases,
        "release-id": ",".join(releases), "metapackages": [], "pre-upgrade-deploy": False, "kube-version": None,
        "controller-apply-type": asked.controllers.value, "storage-apply-type": asked.storage.value,
        "swift-apply-type": "ignore", "worker-apply-type": asked.workers.value,
        "max-parallel-worker-hosts": asked.max_parallel, "default-instance-action": asked.instance_action.value,
        "alarm-restrictions": asked.alarms.value, "rollback": asked.rollback, "delete": asked.delete,
        "cleanup": asked.cleanup, "not-before": asked.not_before_ms, "continue-on-failure": asked.continue_on_failure,
        "paused": strategy.is_paused, "failed-hosts": list(strategy.failed_hosts),
        "current-phase": strategy.current.value,
        "current-phase-completion-percentage": strategy.phase.percentage,
        "build-phase": _phase(strategy.build), "apply-phase": _phase(strategy.apply),
        "abort-phase": _phase(strategy.abort)}


def summary(strategy: Strategy) -> dict[str, Any]:
    """Only which strategy there is, and its state."""
    return {"name": strategy.parameters.kind.value, "state": strategy.state.value}


def _phase(phase: Phase) -> dict[str, Any]:
    return {
        "phase-name": phase.name.value, "timeout": phase.limit_s if phase.stages else 0,
        "total-stages": len(phase.stages), "current-stage": phase.stage, "stop-at-stage": phase.stop_at,
        "inprogress": phase.is_in_progress, "completion-percentage": phase.percentage, **_outcome(phase),
        "response": "", "stages": [_stage(phase, number, stage) for number, stage in enumerate(phase.stages)]}


def _stage(phase: Phase, number: int, stage: Stage) -> dict[str, Any]:
    total = len(stage.steps)
    current = total if number < phase.stage else phase.step if number == phase.stage else 0
    return {
        "stage-id": number, "stage-name": stage.name, "timeout": stage.limit_s, "total-steps": total,
        "current-step": current, "inprogress": stage.result is Result.IN_PROGRESS, **_outcome(stage),
        "steps": [_step(place, step) for place, step in enumerate(stage.steps)]}


def _step(number: int, step: Step) -> dict[str, Any]:
    # Hosts are known by name only; an instance has no name but its id.
    uuids = list(step.entities) if step.entity_type == "instances" else []
    return {"step-id": number, "step-name": step.name.value, "timeout": step.limit_s, "entity-type": step.entity_type,
            "entity-uuids": uuids, "entity-names": list(step.entities), **_outcome(step)}


def _outcome(part: Phase | Stage | Step) -> dict[str, Any]:
    return {"result": part.result.value, "reason": part.reason, "start-date-time": _time(part.begun_ms),
            "end-date-time": _time(part.ended_ms)}


def _time(at_ms: int) -> str:
    if not at_ms:
        return ""
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")


def phase_of(strategy: dict[str, Any]) -> dict[str, Any]:
    """The current phase of the object; the build phase before the first one."""
    name = strategy["current-phase"]
    found: dict[str, Any] = strategy[f"{name if name in (PhaseName.APPLY, PhaseName.ABORT) else PhaseName.BUILD}-phase"]
    return found
