# SPDX-License-Identifier: Apache-2.0
"""The state machine of one group: orders become the desired states of its members, and those make up its state."""
from __future__ import annotations

from collections.abc import Sequence

from sm.contract.states import Condition, GroupState, Impact, OnFailure, ServiceState, Status
from sm.core.events import Order
from sm.core.local import failures, impact
from sm.core.local.draft import Draft
from sm.core.local.view import GroupView, ServiceView
from sm.core.model import GroupSpec

DESIRED = {GroupState.ACTIVE: ServiceState.ENABLED_ACTIVE, GroupState.STANDBY: ServiceState.ENABLED_STANDBY,
           GroupState.DISABLED: ServiceState.DISABLED}
ON_THE_WAY = {GroupState.ACTIVE: GroupState.GO_ACTIVE, GroupState.STANDBY: GroupState.GO_STANDBY,
              GroupState.DISABLED: GroupState.DISABLING}


def order(draft: Draft, event: Order) -> None:
    """Take in an order of the leader; it may be repeated at will. Unknown groups and other states are ignored."""
    group, spec = draft.groups.get(event.group), draft.catalogue.groups.get(event.group)
    desired = DESIRED.get(event.desired)
    if group is None or spec is None or group.removed or desired is None:
        return
    draft.change_group(group.name, desired=event.desired)
    draft.stale_groups[group.name] = None
    reboots = event.escalate and spec.fatal_error_reboot
    if reboots:
        draft.reboot_later(group.name, f"group {group.name} failed beyond repair: {group.reason or 'fatal failure'}")
    elif event.recover or event.clear_fatal:
        draft.stay(group.name)
    for service in members(draft, group.name):
        if service.name in draft.former and service.name not in draft.catalogue.services:
            continue
        if service.desired is not desired:
            draft.change(service.name, desired=desired, action_failures=0, start_ms=None, stop_ms=None)
            if service.desired is not ServiceState.INITIAL:
                failures.release(draft, service.name)
        if (event.recover or event.clear_fatal) and not reboots:
            failures.ask_recovery(draft, service.name, event.clear_fatal)


def members(draft: Draft, group: str) -> list[ServiceView]:
    """The services of a group, also those that have been removed from it and still run."""
    return [service for service in draft.services.values() if service.group == group]


def evaluate(draft: Draft, name: str) -> None:
    """State and status of a group anew; a removed group without services is forgotten."""
    group = draft.groups.get(name)
    if group is None:
        return
    services = members(draft, name)
    spec = draft.catalogue.groups.get(name)
    if group.removed and not services:
        del draft.groups[name]
        return
    found = impact.judge(spec, services, draft.catalogue) if spec is not None else impact.Finding()
    draft.change_group(name, state=_state(draft, group, spec, services), status=found.status,
                       condition=found.condition, health=found.health, reason=found.reason)


def _state(draft: Draft, group: GroupView, spec: GroupSpec | None, services: Sequence[ServiceView]) -> GroupState:
    if group.desired not in DESIRED:
        # Nothing is wanted yet. What an earlier daemon has left active is told, so that the leader leaves it here. What
        # is proven to be stopped is told too, so that no other node waits for that before it goes active.
        if services and all(_is_active(draft, spec, service) for service in services):
            return GroupState.ACTIVE
        stopped = bool(services) and all(service.managed and service.stopped for service in services)
        return GroupState.DISABLED if stopped else GroupState.INITIAL
    arrived = group.state is group.desired
    if group.desired is GroupState.ACTIVE:
        # A member that fails later is a matter of the status: the group stays active while it is repaired.
        done = arrived or all(_is_active(draft, spec, service) for service in services)
    elif arrived:
        done = not any(service.managed and service.is_active for service in services)
    else:
        done = all(_is_down(draft, service, group.desired) for service in services)
    return group.desired if done else ON_THE_WAY[group.desired]


def _is_active(draft: Draft, spec: GroupSpec | None, service: ServiceView) -> bool:
    """Whether a member no longer delays its group: it is active, or failed without being critical, or removed."""
    if service.state is ServiceState.ENABLED_ACTIVE or service.desired is ServiceState.DISABLED:
        return True
    critical = spec is None or any(member.service == service.name and member.impact is Impact.CRITICAL
                                   for member in spec.members)
    ignored = impact.on_failure(draft.catalogue, service.name) is OnFailure.IGNORE
    return service.failure is not Condition.NONE and service.status is Status.FAILED and (ignored or not critical)


def _is_down(draft: Draft, service: ServiceView, desired: GroupState) -> bool:
    """Whether a member has gone where a group that stands by or is disabled wants it.

    A member that cannot stand by does not delay the peer, as long as nothing of it runs here.
    """
    if not service.managed:
        return service.state in (ServiceState.DISABLED, ServiceState.ENABLED_STANDBY)
    if desired is GroupState.DISABLED:
        return service.stopped
    spec = draft.spec_of(service.name)
    if service.state is ServiceState.ENABLED_STANDBY:
        return True
    if spec is not None and spec.restarts_to_stand_by:
        return service.passive or service.stopped
    return service.stopped and (spec is None or not spec.has_standby or service.status is Status.FAILED)
