# SPDX-License-Identifier: Apache-2.0
"""The state machine of one service: what it does next to get where its group's order wants it."""
from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from sm.contract.states import ServiceAction, ServiceState
from sm.core.local import failures
from sm.core.local.dependencies import UNHURRIED, may_stand_by
from sm.core.local.draft import Draft
from sm.core.local.view import ENABLED_STATES, Bounce, ServiceView
from sm.core.model import ServiceSpec


class Goal(enum.IntEnum):
    """Where a service shall be next; a failed or pressed service goes down first although it is wanted up."""

    DOWN = 0
    STANDBY = 1
    ACTIVE = 2


GOALS = {ServiceState.ENABLED_ACTIVE: Goal.ACTIVE, ServiceState.ENABLED_STANDBY: Goal.STANDBY,
         ServiceState.DISABLED: Goal.DOWN}
AUDIT_OF = {ServiceState.ENABLED_ACTIVE: ServiceAction.AUDIT_ENABLED,
            ServiceState.ENABLED_STANDBY: ServiceAction.AUDIT_ENABLED,
            ServiceState.DISABLED: ServiceAction.AUDIT_DISABLED, ServiceState.SHUTDOWN: ServiceAction.AUDIT_DISABLED}


@dataclass(frozen=True, slots=True)
class Case:
    """One look at one service. ``goal`` is None as long as the leader has said nothing."""

    draft: Draft
    name: str
    spec: ServiceSpec
    goal: Goal | None

    @property
    def service(self) -> ServiceView:
        """The service as it is now."""
        return self.draft.services[self.name]

    def to(self, state: ServiceState, bounce: Bounce | None = None) -> None:
        """Enter a state; ``bounce`` replaces the one that is under way."""
        if bounce is None:
            self.draft.change(self.name, state=state)
        else:
            self.draft.change(self.name, state=state, bounce=bounce)


def advance(draft: Draft, name: str) -> None:
    """Take the next step of one service, if there is one now."""
    spec = draft.spec_of(name)
    if spec is None:
        draft.forget(name)
        return
    service = draft.services[name]
    if not service.managed:
        _pass(draft, service, spec)
    else:
        case = Case(draft, name, spec, goal_of(draft, service, spec))
        HANDLERS[service.state](case)
    if name in draft.services:
        _settle(draft, name, spec)


def goal_of(draft: Draft, service: ServiceView, spec: ServiceSpec) -> Goal | None:
    """Where the service shall be next."""
    if service.name in draft.former or service.bounce is not Bounce.NONE or service.given_up:
        return Goal.DOWN
    goal = target_of(service, spec)
    relations = draft.relations
    if goal is not None and goal is not Goal.DOWN and relations.lost(service):
        return Goal.DOWN
    row = relations.pressing(service)
    if row is None:
        return goal
    if spec.has_standby and may_stand_by(row):
        # Without an order nothing is started for it.
        up = service.state in ENABLED_STATES if goal is None else goal is not Goal.DOWN
        return Goal.STANDBY if up else Goal.DOWN
    return Goal.DOWN


def target_of(service: ServiceView, spec: ServiceSpec) -> Goal | None:
    """Where the order of the group wants the service; without anything for the standby side that is down."""
    goal = GOALS.get(service.desired)
    return Goal.DOWN if goal is Goal.STANDBY and not spec.has_standby else goal


def at_target(service: ServiceView, spec: ServiceSpec) -> bool:
    """Whether the service is where the order of its group wants it."""
    target = target_of(service, spec)
    if target is Goal.DOWN:
        return service.state is ServiceState.DISABLED and (service.stopped or not service.managed)
    wanted = ServiceState.ENABLED_ACTIVE if target is Goal.ACTIVE else ServiceState.ENABLED_STANDBY
    return target is not None and service.state is wanted


def look(draft: Draft, name: str, spec: ServiceSpec) -> None:
    """Find out the state by an audit; a service without any is taken as down, but not as proven to be."""
    for action in (ServiceAction.AUDIT_ENABLED, ServiceAction.AUDIT_DISABLED):
        if action in spec.actions:
            draft.run(name, action, state=ServiceState.UNKNOWN)
            return
    draft.change(name, state=ServiceState.DISABLED, stopped=ServiceAction.DISABLE not in spec.actions)


def enabled_state(spec: ServiceSpec) -> ServiceState:
    """The state after enabling."""
    return ServiceState.ENABLED_STANDBY if spec.has_standby else ServiceState.ENABLED_ACTIVE


def _initial(case: Case) -> None:
    look(case.draft, case.name, case.spec)


def _unknown(case: Case) -> None:
    service = case.service
    if service.action is not None:
        patience_ms = service.run_since_ms + case.draft.base.settings.look_patience_ms
        if case.goal is not Goal.DOWN:
            return
        if case.draft.now_ms < patience_ms:
            case.draft.change(case.name, look_due_ms=patience_ms)
            return
        case.draft.cancel(case.name)
        case.to(ServiceState.DISABLING)
    elif case.goal is None:
        if service.start_ms is None:
            look(case.draft, case.name, case.spec)
    else:
        # Nobody can say what runs there, so it is stopped for certain, also on the way up.
        case.to(ServiceState.DISABLING, service.bounce if service.bounce is not Bounce.NONE else Bounce.REPAIR)


def _disabled(case: Case) -> None:
    service = case.service
    if case.goal is None:
        return
    if case.goal is Goal.DOWN:
        if not service.stopped:
            if service.stop_ms is None:
                _stop_now(case)
        else:
            _down(case)
    elif service.start_ms is None and not failures.is_held(service, case.spec):
        case.to(ServiceState.ENABLING_THROTTLE)


def _down(case: Case) -> None:
    """The service is proven stopped and shall be."""
    draft, service = case.draft, case.service
    if case.name in draft.former:
        del draft.former[case.name]
        if draft.spec_of(case.name) is None or draft.catalogue.group_of(case.name) is None:
            draft.forget(case.name)
        else:
            draft.touch(case.name)
    elif service.given_up:
        case.to(ServiceState.SHUTDOWN, Bounce.NONE)
    elif service.bounce is not Bounce.NONE:
        draft.change(case.name, bounce=Bounce.NONE)
        failures.judge_stopped(draft, case.name, case.spec)


def _throttled(case: Case) -> None:
    if case.goal in (None, Goal.DOWN):
        case.to(ServiceState.DISABLED)


def _enabling(case: Case) -> None:
    if case.goal is Goal.DOWN:
        _stop_now(case)


def _standby(case: Case) -> None:
    if case.goal is Goal.DOWN:
        _stop_now(case)
    elif (case.goal is Goal.ACTIVE and case.service.start_ms is None
          and not case.draft.relations.missing(case.service, ServiceAction.GO_ACTIVE)):
        case.draft.run(case.name, ServiceAction.GO_ACTIVE, state=ServiceState.ENABLED_GO_ACTIVE)


def _going_active(case: Case) -> None:
    if case.goal is Goal.DOWN:
        _stop_now(case)
    elif case.goal is Goal.STANDBY:
        # It counts as active until it has been demoted.
        case.draft.cancel(case.name)
        case.to(ServiceState.ENABLED_ACTIVE)


def _active(case: Case) -> None:
    if case.goal is Goal.DOWN:
        _stop_now(case)
    elif case.goal is Goal.STANDBY:
        service, spec = case.service, case.spec
        if (ServiceAction.GO_STANDBY not in spec.actions
                or service.action_failures >= max(spec.max_action_failures, 1)):
            _stop_now(case, Bounce.REPAIR)
        elif service.stop_ms is None and not case.draft.relations.missing(service, ServiceAction.GO_STANDBY):
            case.draft.run(case.name, ServiceAction.GO_STANDBY, state=ServiceState.ENABLED_GO_STANDBY)


def _going_standby(case: Case) -> None:
    if case.goal is Goal.DOWN:
        _stop_now(case)


def _disabling(case: Case) -> None:
    draft, service = case.draft, case.service
    if service.action is not None:
        return
    if case.goal is not Goal.DOWN:
        look(draft, case.name, case.spec)
    elif service.stop_ms is not None or (
            service.bounce not in UNHURRIED and draft.relations.missing(service, ServiceAction.DISABLE)):
        return
    elif ServiceAction.DISABLE in case.spec.actions:
        draft.run(case.name, ServiceAction.DISABLE)
    else:
        draft.change(case.name, state=ServiceState.DISABLED, stopped=True)


def _shutdown(case: Case) -> None:
    if not case.service.given_up:
        look(case.draft, case.name, case.spec)


def _stop_now(case: Case, bounce: Bounce | None = None) -> None:
    case.draft.cancel(case.name)
    # A pause after a demotion that failed is none before the first attempt to stop.
    case.draft.change(case.name, stop_ms=None)
    case.to(ServiceState.DISABLING, bounce)


HANDLERS: dict[ServiceState, Callable[[Case], None]] = {
    ServiceState.INITIAL: _initial,
    ServiceState.UNKNOWN: _unknown,
    ServiceState.ENABLED_STANDBY: _standby,
    ServiceState.ENABLED_GO_STANDBY: _going_standby,
    ServiceState.ENABLED_GO_ACTIVE: _going_active,
    ServiceState.ENABLED_ACTIVE: _active,
    ServiceState.ENABLING_THROTTLE: _throttled,
    ServiceState.ENABLING: _enabling,
    ServiceState.DISABLING: _disabling,
    ServiceState.DISABLED: _disabled,
    ServiceState.SHUTDOWN: _shutdown,
}


def _pass(draft: Draft, service: ServiceView, spec: ServiceSpec) -> None:
    """An unmanaged service counts as being where it is wanted; nothing is done to it."""
    draft.former.pop(service.name, None)
    if service.name not in draft.catalogue.services or draft.catalogue.group_of(service.name) is None:
        draft.forget(service.name)
        return
    target = target_of(service, spec)
    if target is Goal.DOWN:
        draft.change(service.name, state=ServiceState.DISABLED)
    elif target is not None:
        draft.change(service.name, state=ServiceState.ENABLED_ACTIVE if target is Goal.ACTIVE
                     else ServiceState.ENABLED_STANDBY)


def _settle(draft: Draft, name: str, spec: ServiceSpec) -> None:
    """What follows from the state, whatever led to it."""
    service = draft.services[name]
    draft.change(name, leaving=_leaving(draft, service, spec))
    draft.watch(name)
    service = draft.services[name]
    if service.managed and not service.given_up and service.bounce is Bounce.NONE and at_target(service, spec):
        failures.succeed(draft, name)
    audit = _audit_of(service, spec)
    if audit is None:
        draft.change(name, audit_ms=None)
    elif service.audit_ms is None and service.action is None and spec.actions[audit].interval_s > 0:
        draft.change(name, audit_ms=draft.now_ms + spec.actions[audit].interval_s * 1000)


def _leaving(draft: Draft, service: ServiceView, spec: ServiceSpec) -> ServiceAction | None:
    if not service.managed:
        return None
    if service.state is ServiceState.DISABLING:
        return None if service.bounce in UNHURRIED else ServiceAction.DISABLE
    demoted = service.state is ServiceState.ENABLED_ACTIVE and goal_of(draft, service, spec) is Goal.STANDBY
    if demoted or service.state is ServiceState.ENABLED_GO_STANDBY:
        return ServiceAction.GO_STANDBY
    return None


def _audit_of(service: ServiceView, spec: ServiceSpec) -> ServiceAction | None:
    """The audit that may run now. Of an unmanaged service only whether it has stopped is of interest."""
    audit = AUDIT_OF.get(service.state)
    if not service.managed and (service.stopped or audit is not ServiceAction.AUDIT_DISABLED):
        return None
    return audit if audit in spec.actions else None


def audit_now(draft: Draft, name: str, spec: ServiceSpec) -> None:
    """Run the audit that is due, unless something else is running or is about to."""
    service = draft.services[name]
    audit = _audit_of(service, spec)
    if audit is not None and service.action is None:
        draft.run(name, audit, audit_ms=None)
    elif service.action is None:
        draft.change(name, audit_ms=None)
