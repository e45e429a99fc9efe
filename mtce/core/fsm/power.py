# SPDX-License-Identifier: Apache-2.0
"""Operator actions on the power of a locked host: power-on, power-off, reset by BMC, reboot by command."""
from __future__ import annotations

from mtce.contract.states import HostAction
from mtce.core.events import Alive, BmcAnswer, Event, Resume, Tick
from mtce.core.fsm import guard, reset
from mtce.core.fsm.draft import Done, Draft, Failure
from mtce.core.settings import Settings
from mtce.core.view import Stage
from sysinv.contract.enums import Availability

REQUESTED = {HostAction.RESET: "Reset Requested", HostAction.POWER_OFF: "Power-Off Requested",
             HostAction.POWER_ON: "Power-On Requested"}
DOING = {HostAction.RESET: "Resetting", HostAction.POWER_OFF: "Powering Off", HostAction.POWER_ON: "Powering On"}
NAMES = {HostAction.RESET: "Reset", HostAction.POWER_OFF: "Power-Off", HostAction.POWER_ON: "Power-On"}


def begin(d: Draft, action: HostAction, *, source: str = "command") -> None:
    """Begin reset, power-off or power-on with a query of the power state. ``source`` of its log is ``action`` when no
    operator asked for it."""
    d.log("200.021", f"{source}={action}")
    d.set(action=action, failures=(), left_boot_id=d.view.boot_id)
    d.task(REQUESTED[action])
    d.enter(Stage.POWER_QUERY, d.settings.bmc_command_ms)
    guard.bmc(d, "query")


def reboot(d: Draft) -> None:
    """Reboot a locked host by its agent."""
    d.log("200.021", "command=reboot")
    d.set(action=HostAction.REBOOT, failures=())
    if d.view.availability is not Availability.ONLINE:
        _failed(d, "Reboot Failed, try again when host is 'online'")
        return
    reset.begin(d)


def advance(d: Draft, event: Event) -> None:
    """Handle one event while the action is reset, reboot, power-on or power-off."""
    if d.view.stage in reset.STAGES:
        _rebooting(d, event)
    else:
        _ADVANCE[d.view.stage](d, event)


def _tries_max(settings: Settings, action: HostAction) -> int:
    return settings.bmc_reset_tries_max if action is HostAction.RESET else settings.bmc_power_tries_max


def _retry_ms(settings: Settings, action: HostAction) -> int:
    return settings.bmc_power_on_retry_ms if action is HostAction.POWER_ON else settings.bmc_power_off_retry_ms


def _failed(d: Draft, task: str) -> None:
    d.set(action_failed=str(d.view.action))
    d.finish(task)


def _rebooting(d: Draft, event: Event) -> None:
    outcome = reset.advance(d, event)
    if isinstance(outcome, Done):
        if isinstance(event, Alive):
            d.states(availability=Availability.ONLINE)
        d.finish()
    elif isinstance(outcome, Failure):
        _failed(d, "Reboot Failed")


def _query(d: Draft, event: Event) -> None:
    if isinstance(event, BmcAnswer) and event.command_id == d.view.command_id:
        if not event.ok or event.power not in ("on", "off"):
            d.wait_again(d.settings.bmc_query_retry_ms)
        else:
            _known(d, event.power)
    elif isinstance(event, Resume):
        guard.bmc(d, "query")
    elif isinstance(event, Tick) and d.deadline_hit:
        tries, most = d.view.tries + 1, d.settings.bmc_query_tries_max
        if tries >= most:
            _failed(d, f"{NAMES[d.view.action]} Failed - BMC is not accessible")
            return
        d.set(tries=tries)
        d.task(f"{NAMES[d.view.action]} Failed - BMC not accessible, retry {tries} of {most}")
        d.wait_again(d.settings.bmc_command_ms)
        guard.bmc(d, "query")


def _known(d: Draft, power: str) -> None:
    action = d.view.action
    if power == "off" and action is HostAction.RESET:
        d.states(availability=Availability.POWER_OFF)
        _failed(d, f"Reset Failed - {d.view.hostname} is powered off")
    elif power == "off" and action is HostAction.POWER_OFF:
        d.states(availability=Availability.POWER_OFF)
        d.finish("Power-Off Completed")
    elif power == "on" and action is HostAction.POWER_ON:
        if d.view.availability is Availability.POWER_OFF:
            d.states(availability=Availability.OFFLINE)
        d.finish("Power Is On")
    else:
        d.task(DOING[action])
        d.set(tries=0)
        _command(d, tries=0)


def _command(d: Draft, tries: int) -> None:
    action = d.view.action
    d.enter(Stage.POWER_COMMAND, d.settings.bmc_command_ms, tries=tries)
    graceful = tries < _tries_max(d.settings, action) // 2
    if action is HostAction.POWER_ON:
        guard.bmc(d, "power-on")
    else:
        guard.strike(d, verb=str(action), graceful=graceful)


def _commanded(d: Draft, event: Event) -> None:
    action = d.view.action
    if isinstance(event, BmcAnswer) and event.command_id == d.view.command_id and event.ok:
        _accepted(d)
        return
    if isinstance(event, Resume):
        if action is HostAction.RESET:
            _accepted(d)
        else:
            _command(d, d.view.tries)
        return
    refused = isinstance(event, BmcAnswer) and event.command_id == d.view.command_id
    if refused or (isinstance(event, Tick) and d.deadline_hit):
        tries, most = d.view.tries + 1, _tries_max(d.settings, action)
        if tries >= most:
            _failed(d, f"{NAMES[action]} Failed - BMC refused the request")
            return
        d.task(f"{DOING[action]}, retry {tries} of {most}")
        d.enter(Stage.POWER_RETRY, _retry_ms(d.settings, action), tries=tries)


def _accepted(d: Draft) -> None:
    settings = d.settings
    if d.view.action is HostAction.POWER_ON:
        d.set(powered_on_ms=d.now_ms)
        d.states(availability=Availability.OFFLINE)
        d.enter(Stage.POWER_SETTLE, settings.bmc_settle_ms)
        return
    wait_ms = settings.power_off_to_offline_ms
    if d.view.action is HostAction.RESET:
        d.task("Resetting: waiting for offline")
        wait_ms = settings.reset_to_offline_ms
    d.enter(Stage.POWER_OFFLINE, wait_ms, silence_ms=settings.offline_silence_ms, probe_ms=settings.offline_probe_ms)


def _retry(d: Draft, event: Event) -> None:
    if isinstance(event, Tick) and d.deadline_hit:
        _command(d, d.view.tries)


def _offline(d: Draft, event: Event) -> None:
    reset_asked = d.view.action is HostAction.RESET
    if isinstance(event, Alive):
        if reset_asked and event.alive.boot_id != d.view.left_boot_id:
            d.states(availability=Availability.ONLINE)
            d.finish("Reset Completed")
        return
    if not isinstance(event, Tick):
        return
    if d.silence_hit:
        d.states(availability=Availability.OFFLINE if reset_asked else Availability.POWER_OFF)
        d.finish("Reset Completed" if reset_asked else "Power-Off Completed")
    elif d.deadline_hit:
        _failed(d, f"{NAMES[d.view.action]} Failed - host is not going offline")
    elif d.probe_hit:
        guard.ask_by_probe(d)


def _settle(d: Draft, event: Event) -> None:
    if isinstance(event, Alive):
        d.states(availability=Availability.ONLINE)
        d.finish("Power-On Completed")
    elif isinstance(event, Tick) and d.deadline_hit:
        d.finish("Power-On Completed")


_ADVANCE = {Stage.POWER_QUERY: _query, Stage.POWER_COMMAND: _commanded, Stage.POWER_RETRY: _retry,
            Stage.POWER_OFFLINE: _offline, Stage.POWER_SETTLE: _settle}
