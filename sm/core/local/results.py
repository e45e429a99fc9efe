# SPDX-License-Identifier: Apache-2.0
"""What a result of a plug-in, or the end of a process, means for a service."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sm.contract.states import ActionResult, Condition, PluginKind, ServiceAction, ServiceState, Status
from sm.core.events import ActionDone, ProcessDied
from sm.core.local import failures
from sm.core.local.draft import AUDITS, Draft
from sm.core.local.service import Goal, enabled_state, look, target_of
from sm.core.local.view import ENABLED_STATES, STOPPED_STATES, Bounce, ServiceView
from sm.core.model import ServiceSpec

FOUND_STATES = frozenset({ServiceState.DISABLED, ServiceState.ENABLED_STANDBY, ServiceState.ENABLED_ACTIVE})
REASON_MAX = 300


def action_done(draft: Draft, event: ActionDone) -> None:
    """Take in the result of the action in flight; results of other runs are ignored."""
    service = draft.services.get(event.service)
    spec = draft.spec_of(event.service)
    if service is None or spec is None or (service.action, service.run_id) != (event.action, event.run_id):
        return
    _take(draft, service, spec, event)


def overdue(draft: Draft, name: str) -> None:
    """The result of the action in flight has not come in time; it is killed and counts as timed out."""
    service, spec = draft.services[name], draft.spec_of(name)
    if service.action is None or spec is None:
        draft.change(name, run_due_ms=None)
        return
    draft.cancel(name)
    _take(draft, service, spec, ActionDone(
        name, service.action, service.run_id, ActionResult.TIMEOUT,
        reason=f"no result within {(draft.now_ms - service.run_since_ms) // 1000} s"))


def _take(draft: Draft, service: ServiceView, spec: ServiceSpec, event: ActionDone) -> None:
    draft.change(service.name, action=None, run_due_ms=None, look_due_ms=None, **_reported(event))
    if not service.managed:
        _evidence(draft, service, event)
    elif event.result is ActionResult.FATAL:
        _fatal(draft, service, spec, event)
    else:
        TAKERS[event.action](draft, service, spec, event)


def process_died(draft: Draft, event: ProcessDied) -> None:
    """A process ended unasked; while the service is going down or standby anyway that is no news."""
    service, spec = draft.services.get(event.service), draft.spec_of(event.service)
    if service is None or spec is None or not service.managed or service.state not in ENABLED_STATES \
            or (service.state is ServiceState.ENABLED_GO_STANDBY and service.action is not None):
        return
    reason = event.reason[:REASON_MAX]
    if target_of(service, spec) is None:
        draft.change(service.name, reason=reason)
        look(draft, service.name, spec)
    else:
        failures.service_failed(draft, service.name, spec, Bounce.CRASH, reason)


def found_state(event: ActionDone, spec: ServiceSpec) -> ServiceState | None:
    """The state that the plug-in reports, in terms of this service; None when it reports none."""
    if event.state not in FOUND_STATES:
        return None
    if event.state is ServiceState.ENABLED_STANDBY and not spec.has_standby:
        return ServiceState.ENABLED_ACTIVE
    return event.state


def _reported(event: ActionDone) -> dict[str, Any]:
    """Status and condition: those of the plug-in; a change of state without a word means that all is well.

    That all is well is no reason for anything: cleaning up after a failure must not hide why it was necessary.
    """
    fields: dict[str, Any] = {}
    succeeded = event.result is ActionResult.SUCCESS
    if succeeded:
        said = event.status is not None or event.condition is not None
        if said or event.action not in AUDITS:
            fields["reported"] = event.status or Status.NONE
            fields["reported_condition"] = event.condition or Condition.NONE
    if event.reason and not (succeeded and event.status in (None, Status.NONE)):
        fields["reason"] = event.reason[:REASON_MAX]
    return fields


def _evidence(draft: Draft, service: ServiceView, event: ActionDone) -> None:
    if event.result is ActionResult.SUCCESS:
        draft.change(service.name, stopped=event.state is ServiceState.DISABLED)


def _fatal(draft: Draft, service: ServiceView, spec: ServiceSpec, event: ActionDone) -> None:
    failures.give_up(draft, service.name, spec)
    if event.action is ServiceAction.DISABLE:
        draft.change(service.name, state=ServiceState.SHUTDOWN, bounce=Bounce.NONE)
    elif service.state not in (ServiceState.DISABLED, ServiceState.SHUTDOWN):
        draft.change(service.name, state=ServiceState.DISABLING)


def _audited(draft: Draft, service: ServiceView, spec: ServiceSpec, event: ActionDone) -> None:
    name, found = service.name, found_state(event, spec)
    succeeded = event.result is ActionResult.SUCCESS
    if service.state is ServiceState.UNKNOWN:
        if succeeded:
            _correct(draft, name, found or enabled_state(spec))
        elif target_of(service, spec) is None:
            draft.change(name, start_ms=draft.now_ms + draft.base.settings.look_patience_ms)
    elif service.state not in ENABLED_STATES:
        if succeeded:
            _correct(draft, name, found or enabled_state(spec))
    elif succeeded and found in (None, service.state):
        return
    elif succeeded and found is not ServiceState.DISABLED:
        _correct(draft, name, found or service.state)
    elif target_of(service, spec) in (None, Goal.DOWN):
        draft.change(name, state=ServiceState.UNKNOWN, start_ms=draft.now_ms + draft.base.settings.look_patience_ms)
    else:
        # An audit that finds the service down is how the death of a process without a pid file is noticed.
        bounce = Bounce.CRASH if succeeded else Bounce.REPAIR
        failures.service_failed(draft, name, spec, bounce, event.reason[:REASON_MAX] or _finding(succeeded))


def _finding(succeeded: bool) -> str:
    return "an audit found it stopped" if succeeded else "its audit failed"


def _correct(draft: Draft, name: str, found: ServiceState) -> None:
    if found is ServiceState.DISABLED:
        state = draft.services[name].state
        draft.change(name, state=state if state in STOPPED_STATES else ServiceState.DISABLED, stopped=True)
    else:
        draft.change(name, state=found)


def _enabled(draft: Draft, service: ServiceView, spec: ServiceSpec, event: ActionDone) -> None:
    found = found_state(event, spec)
    if event.result is ActionResult.SUCCESS and found is not ServiceState.DISABLED:
        draft.change(service.name, state=found or enabled_state(spec))
    else:
        failures.action_failed(draft, service.name, spec, event.action, event.reason[:REASON_MAX])
        draft.change(service.name, state=ServiceState.DISABLING, bounce=Bounce.REPAIR)


def _promoted(draft: Draft, service: ServiceView, spec: ServiceSpec, event: ActionDone) -> None:
    if event.result is ActionResult.SUCCESS and found_state(event, spec) in (None, ServiceState.ENABLED_ACTIVE):
        draft.change(service.name, state=ServiceState.ENABLED_ACTIVE)
    else:
        failures.action_failed(draft, service.name, spec, event.action, event.reason[:REASON_MAX])
        look(draft, service.name, spec)


def _demoted(draft: Draft, service: ServiceView, spec: ServiceSpec, event: ActionDone) -> None:
    found = found_state(event, spec)
    if event.result is ActionResult.SUCCESS and found is ServiceState.DISABLED:
        draft.change(service.name, state=ServiceState.DISABLED, stopped=True)
    elif event.result is ActionResult.SUCCESS and found is not ServiceState.ENABLED_ACTIVE:
        draft.change(service.name, state=ServiceState.ENABLED_STANDBY)
    else:
        failures.action_failed(draft, service.name, spec, event.action, event.reason[:REASON_MAX])
        look(draft, service.name, spec)


def _disabled(draft: Draft, service: ServiceView, spec: ServiceSpec, event: ActionDone) -> None:
    if event.result is ActionResult.SUCCESS and found_state(event, spec) in (None, ServiceState.DISABLED):
        loads = (spec.restarts_to_stand_by and spec.actions[ServiceAction.ENABLE].plugin is PluginKind.SYSTEMD
                 and target_of(service, spec) is Goal.STANDBY and service.failure is Condition.NONE)
        draft.change(service.name, state=ServiceState.DISABLED, stopped=True, stop_failures=0, stop_ms=None,
                     start_ms=draft.now_ms + draft.base.settings.warm_pause_ms if loads else service.start_ms)
    else:
        failures.action_failed(draft, service.name, spec, event.action, event.reason[:REASON_MAX])


TAKERS: dict[ServiceAction, Callable[[Draft, ServiceView, ServiceSpec, ActionDone], None]] = {
    ServiceAction.ENABLE: _enabled,
    ServiceAction.DISABLE: _disabled,
    ServiceAction.GO_ACTIVE: _promoted,
    ServiceAction.GO_STANDBY: _demoted,
    ServiceAction.AUDIT_ENABLED: _audited,
    ServiceAction.AUDIT_DISABLED: _audited,
}
