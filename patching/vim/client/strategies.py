# SPDX-License-Identifier: Apache-2.0
"""Client of strategies over the REST API. Results are the API's JSON objects."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from flock.cli.errors import ApiError
from flock.cli.wait import Outcome, Verdict
from patching.core.strategy.document import phase_of

Strategy = dict[str, Any]
BAR_WIDTH = 24


class Api(Protocol):
    """The part of ``flock.cli.client.ApiClient`` that is used here."""

    def get(self, path: str) -> Any: ...

    def post(self, path: str, body: Any, query: Mapping[str, Any] | None = None) -> Any: ...

    def delete(self, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> Any: ...


class Strategies:
    """The strategy of one kind."""

    def __init__(self, api: Api, kind: str) -> None:
        self._api, self._path = api, f"/api/orchestration/{kind}/strategy"

    def get(self) -> Strategy | None:
        """The strategy; None when there is none."""
        found: Strategy | None = self._api.get(self._path)["strategy"]
        return found

    def create(self, body: Mapping[str, Any], dry_run: bool = False) -> Strategy:
        """Create it, or only see what would be built."""
        found: Strategy = self._api.post(self._path, dict(body), {"dry_run": "true"} if dry_run else None)["strategy"]
        return found

    def act(self, action: str, stage_id: int | None) -> Strategy:
        """Apply, abort, pause, resume."""
        found: Strategy = self._api.post(f"{self._path}/actions", {"action": action, "stage-id": stage_id})["strategy"]
        return found

    def delete(self, force: bool) -> bool:
        """Delete it; False when there was none."""
        try:
            self._api.delete(self._path, body={"force": force})
        except ApiError as problem:
            if problem.status == 404:
                return False
            raise
        return True


def built(strategy: Strategy | None) -> Verdict:
    """Whether the strategy has been built."""
    if strategy is None:
        return Verdict(Outcome.FAILED, "there is no strategy any more")
    text = progress(strategy)
    if strategy["state"] == "building":
        return Verdict(Outcome.PENDING, text)
    if strategy["state"].startswith("build-"):
        return Verdict(Outcome.FAILED, f"{strategy['state']}: {strategy['build-phase']['reason']}")
    return Verdict(Outcome.DONE, text)


def applied(strategy: Strategy | None) -> Verdict:
    """Whether the strategy, or the stage that was asked for, has been applied."""
    if strategy is None:
        return Verdict(Outcome.FAILED, "there is no strategy any more")
    state, phase, text = strategy["state"], strategy["apply-phase"], progress(strategy)
    if state == "applied":
        return Verdict(Outcome.DONE, text)
    waits = state == "applying" and phase["current-stage"] == phase["stop-at-stage"] < phase["total-stages"]
    if waits:
        return Verdict(Outcome.DONE, f"waits before stage {phase['current-stage']}")
    if state in ("applying", "aborting", "ready-to-apply"):
        return Verdict(Outcome.PENDING, text)
    return Verdict(Outcome.FAILED, f"{state}: {phase['reason'] or phase['result']}")


def aborted(strategy: Strategy | None) -> Verdict:
    """Whether the strategy has been aborted."""
    if strategy is None:
        return Verdict(Outcome.FAILED, "there is no strategy any more")
    if strategy["state"] == "aborted":
        return Verdict(Outcome.DONE, "aborted")
    if strategy["state"] in ("aborting", "applying"):
        return Verdict(Outcome.PENDING, progress(strategy))
    return Verdict(Outcome.FAILED, f"{strategy['state']}: {strategy['abort-phase']['reason']}")


def progress(strategy: Strategy) -> str:
    """A bar, and what is done now."""
    percent = strategy["current-phase-completion-percentage"]
    filled = BAR_WIDTH * percent // 100
    bar = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {percent:3d}% {strategy['state']}"
    step = current_step(strategy)
    if step is None:
        return bar
    names = ", ".join(step["entity-names"][:4]) + (" ..." if len(step["entity-names"]) > 4 else "")
    return f"{bar}, {step['step-name']}{f' {names}' if names else ''}"


def current_stage(strategy: Strategy) -> Strategy | None:
    """The stage that runs."""
    phase = phase_of(strategy)
    number = phase["current-stage"]
    running = phase["inprogress"] and number < len(phase["stages"])
    return phase["stages"][number] if running else None


def current_step(strategy: Strategy) -> Strategy | None:
    """The step that runs."""
    stage = current_stage(strategy)
    if stage is None or not stage["inprogress"] or stage["current-step"] >= len(stage["steps"]):
        return None
    found: Strategy = stage["steps"][stage["current-step"]]
    return found
