# SPDX-License-Identifier: Apache-2.0
"""One step of the engines: view, event and time in, view and actions out; and what the leader is told.

The shell stores the view, then carries out the actions in their order. A ``RunAction`` after a ``CancelAction`` of the
same service begins when the cancelled one has ended.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from sm.contract.states import ServiceState
from sm.core.actions import Action
from sm.core.cluster import Assignment, Health
from sm.core.events import ActionDone, AuditNow, Event, Order, ProcessDied, Restart, SetManaged
from sm.core.local import failures, group, impact, results
from sm.core.local.draft import Draft
from sm.core.local.service import Goal, look, target_of
from sm.core.local.settle import settle
from sm.core.local.view import STOPPED_STATES, Bounce, LocalView
from sm.core.model import Catalogue


def step(view: LocalView, event: Event, catalogue: Catalogue, now_ms: int) -> tuple[LocalView, tuple[Action, ...]]:
    """Take in one event. Events for services or groups that are not known here change nothing."""
    return step_all(view, (event,), catalogue, now_ms)


def step_all(view: LocalView, events: Iterable[Event], catalogue: Catalogue,
             now_ms: int) -> tuple[LocalView, tuple[Action, ...]]:
    """Take in events that come at the same moment; what follows from them is settled once."""
    draft = Draft(view, catalogue, now_ms)
    for event in events:
        _take(draft, event)
    after = settle(draft)
    return after, tuple(draft.actions)


def _take(draft: Draft, event: Event) -> None:
    if isinstance(event, ActionDone):
        results.action_done(draft, event)
    elif isinstance(event, ProcessDied):
        results.process_died(draft, event)
    elif isinstance(event, Order):
        group.order(draft, event)
    elif isinstance(event, Restart):
        _restart(draft, event)
    elif isinstance(event, SetManaged):
        _set_managed(draft, event)
    elif isinstance(event, AuditNow):
        _audit(draft, event)


def reports(view: LocalView, catalogue: Catalogue, node: str,
            peers: Mapping[str, Iterable[Health]] | None = None) -> tuple[Assignment, ...]:
    """The assignments of this node for the leader. ``peers``: the health of each group on the other nodes."""
    others = peers or {}
    found = []
    for one in view.groups.values():
        spec = catalogue.groups.get(one.name)
        status = one.status if spec is None else impact.softened(spec, one.status, others.get(one.name, ()))
        found.append(Assignment(one.name, node, desired=one.desired, state=one.state, status=status,
                                condition=one.condition, health=one.health, changed_ms=one.changed_ms,
                                reason=one.reason))
    return tuple(found)


def active_movable(view: LocalView, catalogue: Catalogue) -> frozenset[str]:
    """Groups that must not be active on two nodes, and of which something may be active here.

    A node without the right to be active has stepped down when there are none. A removed group counts as movable.
    """
    shared = {one.name for one in catalogue.groups.values() if not one.movable}
    return view.active_groups - shared


def _restart(draft: Draft, event: Restart) -> None:
    """Restart a service that is wanted up; an operator's word also forgets its failures."""
    service, spec = draft.services.get(event.service), draft.spec_of(event.service)
    if (service is None or spec is None or not service.managed
            or target_of(service, spec) not in (Goal.STANDBY, Goal.ACTIVE)):
        return
    failures.forget(draft, service.name)
    draft.change(service.name, bounce=Bounce.ALONE if event.alone else Bounce.REPAIR)
    if service.state in STOPPED_STATES and not event.alone:
        # What uses it may still run, and is restarted with it.
        draft.cancel(service.name)
        draft.change(service.name, state=ServiceState.DISABLING)


def _set_managed(draft: Draft, event: SetManaged) -> None:
    service, spec = draft.services.get(event.service), draft.spec_of(event.service)
    if service is None or spec is None or service.managed == event.managed:
        return
    draft.cancel(service.name)
    failures.forget(draft, service.name)
    draft.change(service.name, managed=event.managed, bounce=Bounce.NONE, leaving=None, audit_ms=None)
    draft.watch(service.name)
    if event.managed:
        look(draft, service.name, spec)


def _audit(draft: Draft, event: AuditNow) -> None:
    if event.service in draft.services:
        draft.change(event.service, audit_ms=draft.now_ms)
