# SPDX-License-Identifier: Apache-2.0
"""Add: waits for the agent of a host new to mtce, then continues from the states in its sysinv record."""
from __future__ import annotations

from mtce.contract.states import HostAction
from mtce.core.actions import RequestAlive
from mtce.core.events import Alive, Event, Tick
from mtce.core.fsm import bringup, enable, recovery
from mtce.core.fsm.draft import Done, Draft, Failure
from mtce.core.legal import is_legal
from mtce.core.view import Stage
from sysinv.contract.enums import Administrative, Availability, Operational


def begin(d: Draft) -> None:
    """Log the new host and wait for its agent's mtcAlive."""
    if not is_legal(d.view):
        repair_states(d)
    d.log("200.020", "event=add")
    d.set(action=HostAction.ADD)
    d.enter(Stage.ADD_WAIT, d.settings.host_add_delay_ms)
    d.do(RequestAlive())


def advance(d: Draft, event: Event) -> None:
    """Handle one event while the action is add."""
    if d.view.stage is Stage.ADD_WAIT:
        if isinstance(event, Tick) and d.deadline_hit:
            _decide(d)
        elif isinstance(event, Alive) and d.view.availability is Availability.OFFLINE:
            d.states(availability=Availability.ONLINE)
            d.log("200.022", "status=online")
        return
    outcome = bringup.advance(d, event)
    if isinstance(outcome, Done):
        enable.enabled(d)
    elif isinstance(outcome, Failure):
        recovery.begin(d)


def repair_states(d: Draft) -> None:
    """Replace an illegal combination of states by the nearest legal one."""
    unlocked = d.view.administrative is Administrative.UNLOCKED
    d.states(operational=Operational.DISABLED, availability=Availability.ONLINE if unlocked else Availability.OFFLINE)


def _decide(d: Draft) -> None:
    if d.view.administrative is Administrative.LOCKED:
        d.raise_alarm("200.001", "warning")
        d.keep_locked_flag()
        d.finish()
    elif d.view.is_enabled:
        if isinstance(bringup.begin_heartbeat(d), Done):
            enable.enabled(d)
    else:
        enable.begin(d)
