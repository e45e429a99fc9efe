# SPDX-License-Identifier: Apache-2.0
"""How many services start at the same time: those that have waited longest and need nothing more go first."""
from __future__ import annotations

from sm.contract.states import ServiceAction, ServiceState
from sm.core.local.draft import Draft
from sm.core.local.service import Goal, enabled_state, goal_of


def starting(draft: Draft) -> int:
    """Services whose start is running."""
    return sum(service.state is ServiceState.ENABLING for service in draft.services.values())


def grant(draft: Draft) -> bool:
    """Start what may start; whether anything did."""
    free = max(draft.catalogue.enabling_max, 1) - starting(draft)
    waiting = sorted((service for service in draft.services.values()
                      if service.state is ServiceState.ENABLING_THROTTLE and service.managed),
                     key=lambda service: (service.since_ms, service.name))
    granted = False
    for service in waiting:
        if free <= 0:
            break
        spec = draft.spec_of(service.name)
        if spec is None or goal_of(draft, service, spec) in (None, Goal.DOWN):
            continue
        if draft.relations.missing(service, ServiceAction.ENABLE):
            continue
        granted = True
        if ServiceAction.ENABLE in spec.actions:
            draft.run(service.name, ServiceAction.ENABLE, state=ServiceState.ENABLING,
                      passive=spec.has_standby and service.stopped)
            free -= 1
        else:
            draft.change(service.name, state=enabled_state(spec))
    return granted
