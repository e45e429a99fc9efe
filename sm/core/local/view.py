# SPDX-License-Identifier: Apache-2.0
"""What one node knows of its groups and services: one immutable value that can be stored and loaded.

A field whose name ends in ``_ms`` is a moment on the node's monotonic clock, or a duration in settings. None: not set.
"""
from __future__ import annotations

import enum
from collections.abc import Mapping

from msgspec import Struct, field

from sm.contract.states import Condition, GroupState, ServiceAction, ServiceState, Status
from sm.core.cluster import Health
from sm.core.model import ActionSpec, ServiceSpec

STOPPED_STATES = frozenset({ServiceState.DISABLED, ServiceState.ENABLING_THROTTLE, ServiceState.SHUTDOWN})
ENABLED_STATES = frozenset({ServiceState.ENABLED_STANDBY, ServiceState.ENABLED_GO_STANDBY,
                            ServiceState.ENABLED_GO_ACTIVE, ServiceState.ENABLED_ACTIVE})


class Bounce(enum.StrEnum):
    """Why a service goes down although it is wanted up; over when it is down.

    ``REPAIR``: it failed, or an operator restarts it; what uses it stops first. ``CRASH``: its process is gone, so
    nothing is waited for. ``ALONE``: an operator restarts it and leaves its users running.
    """

    NONE = ""
    REPAIR = "repair"
    CRASH = "crash"
    ALONE = "alone"


class Settings(Struct, frozen=True):
    """Limits and periods of the engines, in milliseconds.

    ``transition_limit_ms``: an action that changes a state, with its retries; never less than one attempt may take.
    ``group_audit_ms``: everything is evaluated anew. ``retry_*``: pause after a failed action, doubled each time.
    ``recover_pause_ms``: between two recoveries of one service. ``look_patience_ms``: how long a first look may delay
    stopping. ``reboot_delay_ms``: so that groups can move before. ``reboot_again_ms``: when a reboot did not happen.
    ``answer_margin_ms``: after the time that an audit may take with all its retries. ``warm_pause_ms``: before a
    unit of systemd that has been stopped to stand by is started again. It only loads its program, and must not slow
    down what is under way.
    """

    transition_limit_ms: int = 300_000
    group_audit_ms: int = 30_000
    retry_first_ms: int = 1_000
    retry_max_ms: int = 60_000
    recover_pause_ms: int = 60_000
    look_patience_ms: int = 5_000
    reboot_delay_ms: int = 30_000
    reboot_again_ms: int = 480_000
    answer_margin_ms: int = 30_000
    warm_pause_ms: int = 30_000


class ServiceView(Struct, frozen=True):
    """One service on this node.

    ``desired``: what the order for its group means for it. ``state``: since ``since_ms``. ``stopped``: a plug-in has
    proven that nothing of it runs; false also means "not known". ``passive``: nothing of it is active, since it stands
    by, or did until its stop began, or was stopped when its start to stand by began. ``leaving``: the step down that it
    waits for or does; services that use it go down first. ``action``: in flight as ``run_id`` since ``run_since_ms``,
    given up at ``run_due_ms``; ``look_due_ms``: a first look is not waited for longer when the service shall stop.
    ``reported`` and ``reported_condition``: the plug-in's words. ``failure``: the engine's.
    ``given_up``: not started again until cleared. Counters: of failures while enabled, of actions that failed since
    the desired state was reached last, of transitions that failed without a stable period between, and of attempts to
    stop it since it last stopped.
    ``countdown_ms``: when failures are forgiven. ``start_ms`` and ``stop_ms``: no attempt before. ``audit_ms``: next.
    ``counted_ms``: until then its group counts it as failed although it has recovered. ``recover_ms``: a recovery is
    due, which forgets failures, and with ``clear_fatal`` also that it was given up; ``recovered_ms``: the last one.
    """

    name: str
    group: str = ""
    desired: ServiceState = ServiceState.INITIAL
    state: ServiceState = ServiceState.INITIAL
    since_ms: int = 0
    stopped: bool = False
    managed: bool = True
    bounce: Bounce = Bounce.NONE
    leaving: ServiceAction | None = None
    watched: bool = False
    action: ServiceAction | None = None
    run_id: int = 0
    run_since_ms: int = 0
    run_due_ms: int | None = None
    look_due_ms: int | None = None
    reported: Status = Status.NONE
    reported_condition: Condition = Condition.NONE
    failure: Condition = Condition.NONE
    given_up: bool = False
    fail_count: int = 0
    action_failures: int = 0
    transition_failures: int = 0
    stop_failures: int = 0
    countdown_ms: int | None = None
    start_ms: int | None = None
    stop_ms: int | None = None
    audit_ms: int | None = None
    counted_ms: int | None = None
    recover_ms: int | None = None
    clear_fatal: bool = False
    recovered_ms: int | None = None
    reason: str = ""
    passive: bool = False

    @property
    def status(self) -> Status:
        """Failed when the engine says so, else what the plug-in reported."""
        return Status.FAILED if self.failure is not Condition.NONE else self.reported

    @property
    def condition(self) -> Condition:
        """The engine's condition, else what the plug-in reported."""
        return self.failure if self.failure is not Condition.NONE else self.reported_condition

    @property
    def shown_state(self) -> ServiceState:
        """The state for the leader and for lists: a service without standby, stopped for standby, stands by."""
        down = self.state is ServiceState.DISABLED and (self.stopped or not self.managed)
        if self.desired is ServiceState.ENABLED_STANDBY and down:
            return ServiceState.ENABLED_STANDBY
        return self.state

    @property
    def is_active(self) -> bool:
        """Whether something of it may be active here: true until it is proven stopped or standing by."""
        stands_by = self.passive or self.state is ServiceState.ENABLED_STANDBY
        return not self.stopped and not (self.managed and stands_by)

    @property
    def deadline_ms(self) -> int | None:
        """When this service needs a look although nothing has happened to it."""
        # Asked of every service in every step, so without a generator.
        due_ms = self.audit_ms if self.action is None else None
        for moment in (self.run_due_ms, self.look_due_ms, self.countdown_ms, self.start_ms, self.stop_ms,
                       self.counted_ms, self.recover_ms):
            if moment is not None and (due_ms is None or moment < due_ms):
                due_ms = moment
        return due_ms


class GroupView(Struct, frozen=True):
    """One group on this node. ``desired``: the order. ``state``: since ``changed_ms``. ``status`` and ``condition``
    come from its members; ``reason`` lists those that are not well. ``removed``: stops, then is forgotten."""

    name: str
    desired: GroupState = GroupState.INITIAL
    state: GroupState = GroupState.INITIAL
    changed_ms: int = 0
    status: Status = Status.NONE
    condition: Condition = Condition.NONE
    health: Health = Health()
    reason: str = ""
    removed: bool = False


class Former(Struct, frozen=True):
    """How a service was defined when it was started here, kept until it is stopped: the catalogue has changed since.

    ``users``: other services of that kind which stop before it.
    """

    name: str
    actions: tuple[ActionSpec, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    pid_file: str = ""
    max_action_failures: int = 4
    max_transition_failures: int = 16
    users: tuple[str, ...] = ()

    @property
    def spec(self) -> ServiceSpec:
        """The definition as plug-ins take it."""
        return ServiceSpec(self.name, {spec.action: spec for spec in self.actions}, pid_file=self.pid_file,
                           parameters=self.parameters, max_action_failures=self.max_action_failures,
                           max_transition_failures=self.max_transition_failures)


class LocalView(Struct, frozen=True):
    """Everything that the engines of one node know. ``audit_ms``: when all is evaluated anew.

    ``reboot_ms``: this node is rebooted then, for ``reboot_group``, because of ``reboot_reason``.
    """

    services: Mapping[str, ServiceView] = field(default_factory=dict)
    groups: Mapping[str, GroupView] = field(default_factory=dict)
    former: Mapping[str, Former] = field(default_factory=dict)
    settings: Settings = Settings()
    next_run_id: int = 1
    audit_ms: int = 0
    reboot_ms: int | None = None
    reboot_group: str = ""
    reboot_reason: str = ""

    @property
    def active_groups(self) -> frozenset[str]:
        """Groups of which something may be active here, until all of it is proven stopped or standing by."""
        return frozenset(service.group for service in self.services.values() if service.is_active)

    def is_active(self, group: str | None = None) -> bool:
        """Whether something of ``group``, or of any group, may be active here."""
        return any(service.is_active for service in self.services.values() if group in (None, service.group))

    @property
    def degraded(self) -> bool:
        """Whether host maintenance shall degrade this node: a group is degraded or failed."""
        return any(group.status in (Status.DEGRADED, Status.FAILED) for group in self.groups.values())


def next_deadline_ms(view: LocalView) -> int:
    """The moment at which the shell must send a ``Tick`` if nothing happens before."""
    times = [view.audit_ms] if view.reboot_ms is None else [view.audit_ms, view.reboot_ms]
    times += [moment for service in view.services.values() if (moment := service.deadline_ms) is not None]
    return min(times)
