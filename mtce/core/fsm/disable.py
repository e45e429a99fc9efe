# SPDX-License-Identifier: Apache-2.0
"""Lock and force-lock: take a host out of service."""
from __future__ import annotations

from mtce.contract.states import HostAction
from mtce.core.actions import RequestAlive, SetLocked, StopServices
from mtce.core.events import AgentResult, Alive, BmcAnswer, Event, Resume, Tick
from mtce.core.fsm import guard, pulses, reset
from mtce.core.fsm.draft import Done, Draft, Failure
from mtce.core.view import Stage
from sysinv.contract.enums import Administrative, Availability, Operational

ANSWERING = frozenset({Availability.AVAILABLE, Availability.DEGRADED, Availability.INTEST, Availability.ONLINE})
FAULT_ALARMS = ("200.004", "200.005", "200.009", "200.011", "200.013")


def lock(d: Draft) -> None:
    """Stop the host's services, then lock it."""
    d.log("200.021", "command=lock")
    d.set(action=HostAction.LOCK)
    pulses.stop(d)
    d.task("Disabling Controller" if d.view.is_controller else "Disabling Services")
    if d.view.availability in ANSWERING:
        d.enter(Stage.STOP_SERVICES, d.settings.host_services_timeout_ms, left_boot_id=d.view.boot_id)
        d.do(StopServices(d.new_command(), d.view.boot_id))
    else:
        locked(d)


def force_lock(d: Draft) -> None:
    """Lock the host at once, then reset it until it has left its boot, so that nothing keeps running there."""
    d.log("200.021", "command=force-lock")
    d.set(action=HostAction.FORCE_LOCK, degrade=())
    pulses.stop(d)
    d.states(Administrative.LOCKED, Operational.DISABLED, _locked_availability(d))
    d.do(SetLocked(True))
    reset.begin(d)
    d.task("Force Lock Reset in Progress")


def advance(d: Draft, event: Event) -> None:
    """Handle one event while the action is lock or force-lock."""
    if d.view.stage is Stage.STOP_SERVICES:
        _stopping(d, event)
    elif d.view.stage is Stage.FORCE_POWER_OFF:
        _powering_off(d, event)
    else:
        _resetting(d, event)


def locked(d: Draft) -> None:
    """Complete a lock: clear the host's alarms and raise the one for a locked host."""
    d.states(Administrative.LOCKED, Operational.DISABLED, _locked_availability(d))
    d.do(SetLocked(True))
    d.clear_alarms(*FAULT_ALARMS)
    d.raise_alarm("200.001", "warning")
    d.set(failures=(), degrade=(), recovery_attempts=0, unhealthy=0)
    d.log("200.022", "state=disabled")
    d.finish()
    d.do(RequestAlive())


def _locked_availability(d: Draft) -> Availability:
    if d.view.availability in ANSWERING:
        return Availability.ONLINE
    return Availability.POWER_OFF if d.view.availability is Availability.POWER_OFF else Availability.OFFLINE


def _stopping(d: Draft, event: Event) -> None:
    stopped = isinstance(event, AgentResult) and event.command == "stop-services" \
        and event.boot_id == d.view.left_boot_id
    rebooted = isinstance(event, Alive) and bool(d.view.left_boot_id) and event.alive.boot_id != d.view.left_boot_id
    if stopped or rebooted or (isinstance(event, Tick) and d.deadline_hit):
        locked(d)
    elif isinstance(event, Resume):
        d.do(StopServices(d.new_command(), d.view.left_boot_id))


def _resetting(d: Draft, event: Event) -> None:
    outcome = reset.advance(d, event)
    if isinstance(outcome, Done):
        if isinstance(event, Alive):
            d.states(availability=Availability.ONLINE)
        locked(d)
    elif isinstance(outcome, Failure) and d.view.has_bmc:
        d.enter(Stage.FORCE_POWER_OFF, d.settings.bmc_command_ms)
        guard.strike(d, verb="power-off")
    elif isinstance(outcome, Failure):
        locked(d)
    d.set(task="Force Lock Reset in Progress" if d.view.action is HostAction.FORCE_LOCK else d.view.task)


def _powering_off(d: Draft, event: Event) -> None:
    if isinstance(event, BmcAnswer) and event.command_id == d.view.command_id:
        if event.ok:
            d.states(availability=Availability.POWER_OFF)
        locked(d)
    elif isinstance(event, Resume):
        guard.strike(d, verb="power-off")
    elif isinstance(event, Tick) and d.deadline_hit:
        locked(d)
