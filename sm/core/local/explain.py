# SPDX-License-Identifier: Apache-2.0
"""Says in plain English why a service of this node is in its state, and what it waits for."""
from __future__ import annotations

from sm.contract.states import Condition, GroupState, ServiceAction, ServiceState
from sm.core.local import throttle
from sm.core.local.dependencies import UNHURRIED, Relations
from sm.core.local.draft import AUDITS, Draft
from sm.core.local.failures import failures_max, is_held
from sm.core.local.service import at_target, target_of
from sm.core.local.view import Bounce, LocalView, ServiceView
from sm.core.model import Catalogue, ServiceSpec

WANTED = {ServiceState.ENABLED_ACTIVE: "shall be active", ServiceState.ENABLED_STANDBY: "shall stand by",
          ServiceState.DISABLED: "shall be disabled"}
RUNNING = {ServiceAction.ENABLE: "It is being started", ServiceAction.DISABLE: "It is being stopped",
           ServiceAction.GO_ACTIVE: "It is being made active", ServiceAction.GO_STANDBY: "It is being put on standby",
           ServiceAction.AUDIT_ENABLED: "Its state is being looked at",
           ServiceAction.AUDIT_DISABLED: "Its state is being looked at"}
BOUNCES = {Bounce.REPAIR: "It is stopped first, with everything that uses it, and then started again.",
           Bounce.CRASH: "Its process ended, so it is cleaned up and then started again.",
           Bounce.ALONE: "It is restarted alone, and what uses it goes on."}
NEXT = {ServiceState.ENABLED_STANDBY: ServiceAction.GO_ACTIVE, ServiceState.ENABLED_ACTIVE: ServiceAction.GO_STANDBY}


def explain(view: LocalView, catalogue: Catalogue, name: str, now_ms: int) -> str:
    """Sentences for an operator; they name the dependency, the limit and the time that remains."""
    service = view.services.get(name)
    draft = Draft(view, catalogue, now_ms)
    spec = draft.spec_of(name)
    if service is None or spec is None:
        return f"{name} is not provisioned on this node."
    words = [_now(view, service), _changed(view, service), _managed(service, spec, draft).strip(),
             _trouble(service, spec, now_ms)]
    return " ".join(word for word in words if word)


def _now(view: LocalView, service: ServiceView) -> str:
    group = view.groups.get(service.group)
    if service.name in view.former and service.desired is ServiceState.DISABLED:
        why = "has been removed from the catalogue and is stopped before it is forgotten"
    elif group is None or group.desired is GroupState.INITIAL:
        why = f"is left as it is, because the leader has not said yet what it wants of {service.group}"
    else:
        why = f"{WANTED.get(service.desired, '')} because {service.group} is ordered {group.desired.value}"
    return f"{service.name} is {service.shown_state.value}; it {why}."


def _changed(view: LocalView, service: ServiceView) -> str:
    if service.name not in view.former or service.desired is ServiceState.DISABLED:
        return ""
    return "Its definition has changed, so it is stopped as it was defined before it is started again."


def _managed(service: ServiceView, spec: ServiceSpec, draft: Draft) -> str:
    if not service.managed:
        proof = "it is proven stopped" if service.stopped else "something of it may run here"
        return f"It is unmanaged: nothing is done to it, and it counts as being where it is wanted; {proof}."
    settled = service.action in AUDITS and service.state is not ServiceState.UNKNOWN
    if service.action is not None and not settled:
        seconds = (draft.now_ms - service.run_since_ms) // 1000
        limit = _left(service.run_due_ms, draft.now_ms)
        return f"{RUNNING[service.action]} since {seconds} s; in {limit} that counts as timed out. {_bounce(service)}"
    return _waits(service, spec, draft)


def _waits(service: ServiceView, spec: ServiceSpec, draft: Draft) -> str:
    relations, now_ms = draft.relations, draft.now_ms
    if service.state is ServiceState.SHUTDOWN or service.given_up:
        return "It has been given up and is not started until an operator restarts it or the leader clears that."
    if service.state is ServiceState.DISABLING:
        return f"{_stopping(service, relations, now_ms)} {_bounce(service)}"
    if at_target(service, spec):
        return ""
    if is_held(service, spec):
        return (f"It failed {service.fail_count} times, and {failures_max(spec)} are too many; it is started again when"
                f" the leader recovers it or a failure is forgiven in {_left(service.countdown_ms, now_ms)}.")
    press = relations.pressing(service)
    if press is not None:
        return f"It makes way for {press.service}, which cannot go down before."
    lost = relations.lost(service)
    if lost:
        return f"It must not be enabled without {_named(relations, lost)}."
    pause_ms = max(service.start_ms or 0, service.stop_ms or 0)
    if pause_ms > now_ms:
        return f"The next attempt is in {_left(pause_ms, now_ms)}."
    return _needs(service, spec, draft)


def _stopping(service: ServiceView, relations: Relations, now_ms: int) -> str:
    if service.stop_ms is not None:
        return f"The next attempt to stop it is in {_left(service.stop_ms, now_ms)}."
    user = "" if service.bounce in UNHURRIED else relations.missing(service, ServiceAction.DISABLE)
    return f"It waits for {_named(relations, user)}, to stop first." if user else ""


def _needs(service: ServiceView, spec: ServiceSpec, draft: Draft) -> str:
    relations = draft.relations
    if service.state is ServiceState.ENABLING_THROTTLE:
        other = relations.missing(service, ServiceAction.ENABLE)
        if other:
            return f"It waits for {_named(relations, other)}, to become active."
        return (f"It waits for a place among the services that start at the same time:"
                f" {throttle.starting(draft)} of {max(draft.catalogue.enabling_max, 1)} are taken.")
    action = NEXT.get(service.state)
    other = relations.missing(service, action) if action is not None and target_of(service, spec) is not None else ""
    return f"Before {action.value} it waits for {_named(relations, other)}." if action is not None and other else ""


def _named(relations: Relations, name: str) -> str:
    return f"{name}, which is {relations.services[name].state.value}"


def _bounce(service: ServiceView) -> str:
    return BOUNCES.get(service.bounce, "")


def _trouble(service: ServiceView, spec: ServiceSpec, now_ms: int) -> str:
    words = []
    if service.failure is not Condition.NONE:
        words.append(f"It is failed ({service.failure.value}): {service.fail_count} of {failures_max(spec)} failures,"
                     f" {service.action_failures} of {max(spec.max_action_failures, 1)} failed actions,"
                     f" {service.transition_failures} of {max(spec.max_transition_failures, 1)} failed transitions.")
    elif service.counted_ms is not None:
        words.append(f"It is not failed any more, but counts as failed for its group for another"
                     f" {_left(service.counted_ms, now_ms)}.")
    troubled = (service.failure is not Condition.NONE or service.action_failures or service.fail_count
                or service.bounce is not Bounce.NONE)
    if service.reason and troubled:
        words.append(f"Last: {service.reason}.")
    return " ".join(words)


def _left(moment_ms: int | None, now_ms: int) -> str:
    """The time that remains, in whole seconds, rounded up."""
    return f"{max(-((now_ms - moment_ms) // 1000), 0)} s" if moment_ms is not None else "no set time"
