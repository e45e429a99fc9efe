# SPDX-License-Identifier: Apache-2.0
"""An idle host: online or offline while it is out of service, monitored while it is in service."""
from __future__ import annotations

from mtce.contract.records import MtcAlive
from mtce.core.actions import SetLocked
from mtce.core.events import Alive, Event, Pulse, Tick
from mtce.core.fsm import enable, pulses, recovery
from mtce.core.fsm.draft import Draft, Failure
from mtce.core.settings import Cause
from mtce.core.view import MaintainedHost
from sysinv.contract.enums import Administrative, Availability

GROUPS = "groups"
"""The degrade cause of a controller on which service management has a group degraded or failed."""


def advance(d: Draft, event: Event, before: MaintainedHost) -> None:
    """Handle one event on an idle host; ``before`` is the view before the event's facts were noted."""
    if isinstance(event, Alive):
        if d.view.is_enabled:
            _alive_in_service(d, event, before)
        else:
            _alive_out_of_service(d, event.alive, before)
        _repair_locked_flag(d, event.alive)
    elif isinstance(event, Pulse) and d.view.is_enabled and d.view.monitored:
        _pulse(d, event)
    elif isinstance(event, Tick) and d.silence_hit:
        d.set(silent_ms=None)
        if d.view.availability is Availability.ONLINE:
            d.states(availability=Availability.OFFLINE)
            d.log("200.022", "status=offline")


def _alive_in_service(d: Draft, event: Alive, before: MaintainedHost) -> None:
    alive = event.alive
    if not d.view.proven_boot:
        d.set(proven_boot=before.boot_id or alive.boot_id)
    if alive.boot_id != d.view.proven_boot:
        # Tests are requested over the bus: wait for the mtcAlive that arrives over it.
        if event.over_bus:
            recovery.rebooted(d, alive)
        return
    if (alive.boot_id, alive.sequence) == (before.boot_id, before.alive_sequence):
        return
    if alive.groups_degraded != (GROUPS in d.view.degrade):
        d.degrade(GROUPS, alive.groups_degraded)
    if alive.healthy:
        if d.view.unhealthy:
            d.set(unhealthy=0)
            if d.view.is_active:
                d.clear_alarms("200.011")
        return
    d.set(unhealthy=min(d.view.unhealthy + 1, d.settings.unhealthy_max))
    if d.view.unhealthy < d.settings.unhealthy_max:
        return
    d.raise_alarm("200.011")
    if not d.view.is_active:
        enable.fail(d, Failure("Configuration Failed, re-enabling", Cause.CONFIGURATION, reported=True))


def _alive_out_of_service(d: Draft, alive: MtcAlive, before: MaintainedHost) -> None:
    availability = d.view.availability
    if availability is Availability.POWER_OFF and alive.boot_id == before.boot_id:
        hits = d.view.tries + 1
        d.set(tries=hits)
        if hits < d.settings.power_off_alive_max:
            return
    if availability in (Availability.OFFLINE, Availability.POWER_OFF):
        d.states(availability=Availability.ONLINE)
        d.set(tries=0)
        d.log("200.022", "status=online")
    if d.view.availability is Availability.ONLINE:
        d.set(silent_ms=d.now_ms + d.settings.online_silence_ms)


def _repair_locked_flag(d: Draft, alive: MtcAlive) -> None:
    locked = d.view.administrative is Administrative.LOCKED
    if alive.locked != locked:
        d.do(SetLocked(locked))


def _pulse(d: Draft, event: Pulse) -> None:
    pulses.follow(d)
    if event.network in pulses.lost_networks(d):
        recovery.begin(d)
