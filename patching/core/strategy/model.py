# SPDX-License-Identifier: Apache-2.0
"""A strategy: phases of stages of steps, each with its result. Times are milliseconds since 1970; 0: not yet."""
from __future__ import annotations

import enum
from dataclasses import dataclass, field

from patching.core.strategy.parameters import Parameters


class StrategyState(enum.StrEnum):
    """State of a strategy."""

    INITIAL = "initial"
    BUILDING = "building"
    BUILD_FAILED = "build-failed"
    BUILD_TIMEOUT = "build-timeout"
    READY_TO_APPLY = "ready-to-apply"
    APPLYING = "applying"
    APPLY_FAILED = "apply-failed"
    APPLY_TIMEOUT = "apply-timeout"
    APPLIED = "applied"
    ABORTING = "aborting"
    ABORT_FAILED = "abort-failed"
    ABORT_TIMEOUT = "abort-timeout"
    ABORTED = "aborted"


class PhaseName(enum.StrEnum):
    """The phase that runs, or ran last."""

    INITIAL = "initial"
    BUILD = "build"
    APPLY = "apply"
    ABORT = "abort"


class Result(enum.StrEnum):
    """Result of a phase, a stage or a step."""

    INITIAL = "initial"
    IN_PROGRESS = "inprogress"
    WAIT = "wait"
    SUCCESS = "success"
    DEGRADED = "degraded"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    ABORTED = "aborted"
    ABORTING = "aborting"


class StepName(enum.StrEnum):
    """What a step does."""

    QUERY_ALARMS = "query-alarms"
    QUERY_UPGRADE = "query-upgrade"
    PRECHECK = "sw-deploy-precheck"
    START = "start-upgrade"
    SWACT = "swact-hosts"
    LOCK = "lock-hosts"
    DISABLE_SERVICES = "disable-host-services"
    ENABLE_SERVICES = "enable-host-services"
    MIGRATE = "migrate-instances-from-host"
    STOP_INSTANCES = "stop-instances"
    START_INSTANCES = "start-instances"
    DEPLOY_HOSTS = "upgrade-hosts"
    PATCH_HOSTS = "sw-patch-hosts"
    STABILIZE = "system-stabilize"
    UNLOCK = "unlock-hosts"
    REBOOT = "reboot-hosts"
    WAIT_DATA_SYNC = "wait-data-sync"
    WAIT_ALARMS_CLEAR = "wait-alarms-clear"
    ACTIVATE = "activate-upgrade"
    COMPLETE = "complete-upgrade"
    DELETE = "deploy-delete"
    ABORT_DEPLOY = "sw-deploy-abort"
    ACTIVATE_ROLLBACK = "sw-deploy-activate-rollback"


TIMEOUT_S = {
    StepName.QUERY_ALARMS: 60, StepName.QUERY_UPGRADE: 60, StepName.PRECHECK: 60, StepName.START: 3600,
    StepName.SWACT: 900, StepName.LOCK: 900, StepName.DISABLE_SERVICES: 180, StepName.ENABLE_SERVICES: 180,
    StepName.MIGRATE: 1800, StepName.STOP_INSTANCES: 900, StepName.START_INSTANCES: 900, StepName.DEPLOY_HOSTS: 3600,
    StepName.PATCH_HOSTS: 1800, StepName.STABILIZE: 60, StepName.UNLOCK: 1800, StepName.REBOOT: 900,
    StepName.WAIT_DATA_SYNC: 1800, StepName.WAIT_ALARMS_CLEAR: 2400, StepName.ACTIVATE: 3600, StepName.COMPLETE: 300,
    StepName.DELETE: 300, StepName.ABORT_DEPLOY: 60, StepName.ACTIVATE_ROLLBACK: 1830,
}
INVERSE = {StepName.LOCK: StepName.UNLOCK, StepName.DISABLE_SERVICES: StepName.ENABLE_SERVICES,
           StepName.MIGRATE: StepName.ENABLE_SERVICES, StepName.STOP_INSTANCES: StepName.START_INSTANCES}
"""What takes a step back when the strategy is aborted. A host whose instances are moved away takes no new ones."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``entities``: names of hosts, or of instances when ``entity_type`` says so."""

    name: StepName
    entities: tuple[str, ...] = ()
    timeout_s: int = 0
    result: Result = Result.INITIAL
    reason: str = ""
    begun_ms: int = 0
    ended_ms: int = 0

    @property
    def limit_s(self) -> int:
        """Seconds until the step has timed out."""
        return self.timeout_s or TIMEOUT_S[self.name]

    @property
    def entity_type(self) -> str:
        """``hosts``, ``instances``, or empty."""
        if not self.entities:
            return ""
        return "instances" if self.name in (StepName.STOP_INSTANCES, StepName.START_INSTANCES) else "hosts"


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps one after the other. ``is_abortable``: an operator may abort the strategy in it."""

    name: str
    steps: tuple[Step, ...]
    is_abortable: bool = True
    result: Result = Result.INITIAL
    reason: str = ""
    begun_ms: int = 0
    ended_ms: int = 0

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that the stage treats."""
        return tuple(dict.fromkeys(name for step in self.steps if step.entity_type == "hosts"
                                   for name in step.entities))

    @property
    def limit_s(self) -> int:
        """The sum of the steps' limits and one second."""
        return sum(step.limit_s for step in self.steps) + 1


@dataclass(frozen=True, slots=True)
class Phase:
    """Stages one after the other, up to but not with ``stop_at``. ``stage`` and ``step`` are the current ones."""

    name: PhaseName
    stages: tuple[Stage, ...] = ()
    stage: int = 0
    step: int = 0
    stop_at: int = 0
    result: Result = Result.INITIAL
    reason: str = ""
    begun_ms: int = 0
    ended_ms: int = 0

    @property
    def is_in_progress(self) -> bool:
        """Whether it has begun and not ended."""
        return bool(self.begun_ms) and not self.ended_ms

    @property
    def limit_s(self) -> int:
        """The sum of the limits of the stages that will be run, and one second."""
        return sum(stage.limit_s for stage in self.stages[:self.stop_at]) + 1

    @property
    def percentage(self) -> int:
        """How much is done: whole per cent of the steps, 100 when it does not run."""
        total = sum(len(stage.steps) for stage in self.stages)
        if not self.is_in_progress or not total:
            return 100
        finished = sum(len(stage.steps) for stage in self.stages[:self.stage]) + self.step
        return 100 * finished // total


@dataclass(frozen=True, slots=True)
class Strategy:
    """The one strategy of a system. ``attempt`` counts steps that were begun: the result of an earlier one is dropped.
    ``failed_hosts``: hosts of stages whose failure was put up with."""

    uuid: str
    parameters: Parameters
    state: StrategyState = StrategyState.INITIAL
    build: Phase = field(default_factory=lambda: Phase(PhaseName.BUILD))
    apply: Phase = field(default_factory=lambda: Phase(PhaseName.APPLY))
    abort: Phase = field(default_factory=lambda: Phase(PhaseName.ABORT))
    current: PhaseName = PhaseName.INITIAL
    attempt: int = 0
    is_paused: bool = False
    failed_hosts: tuple[str, ...] = ()

    @property
    def phase(self) -> Phase:
        """The current phase."""
        return {PhaseName.APPLY: self.apply, PhaseName.ABORT: self.abort}.get(self.current, self.build)
