# SPDX-License-Identifier: Apache-2.0
"""From the first mtcAlive after a boot to a host that may be enabled: tests, services, heartbeat.

Used by enable, by graceful recovery and by add, which decide what follows success and failure.
"""
from __future__ import annotations

from mtce.contract.records import MtcAlive
from mtce.core.actions import RequestAlive, RunGoenabled, StartServices
from mtce.core.events import AgentResult, Alive, Event, Pulse, Resume, Tick
from mtce.core.fsm import pulses
from mtce.core.fsm.draft import Done, Draft, Failure, Outcome
from mtce.core.settings import Cause, HeartbeatAction
from mtce.core.view import Level, Stage
from sysinv.contract.enums import Administrative, Availability, Operational

STAGES = frozenset({Stage.BOOT_WAIT, Stage.TESTING, Stage.SERVICES, Stage.HEARTBEAT_WAIT, Stage.HEARTBEAT_SOAK})
FLAG_TRUST_MS = 10_000
RESTARTS_MAX = 5
_KNOWN = tuple(level for level in Level if level is not Level.UNKNOWN)


def wait_for_boot(d: Draft) -> None:
    """Wait for the first mtcAlive of another boot than ``left_boot_id``."""
    d.task("Booting")
    d.enter(Stage.BOOT_WAIT, d.settings.boot_timeout_ms(d.view.personality), uptime_s=0, uptime_due_ms=0, rounds=0)
    d.do(RequestAlive())


def advance(d: Draft, event: Event) -> Outcome:
    """Handle one event in one of ``STAGES``; a Failure contains the cause."""
    view = d.view
    if isinstance(event, Alive) and view.stage is not Stage.BOOT_WAIT and event.alive.boot_id != view.left_boot_id:
        if view.left_boot_id:
            return _rebooted_again(d, event.alive) if event.over_bus else None
        d.set(left_boot_id=event.alive.boot_id)
    handler = {Stage.BOOT_WAIT: _boot_wait, Stage.TESTING: _testing, Stage.SERVICES: _services,
               Stage.HEARTBEAT_WAIT: _heartbeat_wait, Stage.HEARTBEAT_SOAK: _heartbeat_soak}
    return handler[view.stage](d, event)


def begin_tests(d: Draft, alive: MtcAlive) -> Outcome:
    """The host has booted: check its configuration, then run the go-enabled tests."""
    if not alive.configured or not alive.healthy:
        d.raise_alarm("200.011")
        return Failure("Configuration Failed, re-enabling", Cause.CONFIGURATION, reported=True)
    d.states(Administrative.UNLOCKED, Operational.DISABLED, Availability.INTEST)
    d.log("200.022", "status=online")
    d.keep_locked_flag()
    d.task("Testing")
    # The reboot that an operator, a sensor or a reported failure required has happened: none may strike this boot.
    d.enter(Stage.TESTING, d.settings.goenabled_timeout_ms, left_boot_id=alive.boot_id, ordered="", ordered_ms=None,
            reported="", critical="")
    _run_tests(d)
    return None


def begin_heartbeat(d: Draft) -> Outcome:
    """Monitor the host, unless it is the active controller, which needs no heartbeat."""
    if d.view.is_active or d.settings.heartbeat_failure_action is HeartbeatAction.NONE:
        if not d.view.is_active:
            pulses.start(d)
        return Done()
    pulses.start(d)
    d.enter(Stage.HEARTBEAT_WAIT, d.settings.heartbeat_ready_ms, left_boot_id=d.view.boot_id)
    return None


def _rebooted_again(d: Draft, alive: MtcAlive) -> Outcome:
    restarts = d.view.rounds + 1
    if restarts > RESTARTS_MAX:
        return Failure("Boot Failed, rebooting", retry_ms=d.settings.boot_retry_ms)
    d.set(rounds=restarts)
    return begin_tests(d, alive)


def _boot_wait(d: Draft, event: Event) -> Outcome:
    if isinstance(event, Alive) and event.over_bus:
        if event.alive.boot_id != d.view.left_boot_id:
            return begin_tests(d, event.alive)
        if d.view.stale_since_ms is None:
            d.set(stale_since_ms=d.now_ms)
        elif d.now_ms - d.view.stale_since_ms >= d.settings.stale_boot_ms:
            return Failure("Boot Failed, rebooting", retry_ms=d.settings.boot_retry_ms, again=True)
    elif isinstance(event, Tick) and d.deadline_hit:
        return Failure("Boot Failed, rebooting", retry_ms=d.settings.boot_retry_ms)
    elif isinstance(event, Resume):
        d.do(RequestAlive())
    return None


def _run_tests(d: Draft) -> None:
    d.do(RunGoenabled(d.new_command(), d.view.left_boot_id))


def _testing(d: Draft, event: Event) -> Outcome:
    verdict: bool | None = None
    if isinstance(event, AgentResult) and event.command == "goenabled" and event.boot_id == d.view.left_boot_id:
        verdict = event.passed
    elif isinstance(event, Alive) and d.now_ms - d.view.stage_ms >= FLAG_TRUST_MS:
        if event.alive.goenabled:
            verdict = True
        elif event.alive.goenabled_failed is not None:
            verdict = False
        else:
            _run_tests(d)
    elif isinstance(event, Tick) and d.deadline_hit:
        return Failure("In-Test Timeout, re-enabling", Cause.GOENABLE)
    elif isinstance(event, Resume):
        _run_tests(d)
    if verdict is False:
        return Failure("In-Test Failed, re-enabling", Cause.GOENABLE, reported=True)
    if verdict is True:
        d.task("Initializing")
        d.enter(Stage.SERVICES, d.settings.host_services_timeout_ms)
        _start_services(d)
    return None


def _start_services(d: Draft) -> None:
    d.do(StartServices(d.new_command(), d.view.left_boot_id))


def _services(d: Draft, event: Event) -> Outcome:
    verdict: bool | None = None
    if isinstance(event, AgentResult) and event.command == "start-services" and event.boot_id == d.view.left_boot_id:
        verdict = event.passed
    elif isinstance(event, Alive) and d.now_ms - d.view.stage_ms >= FLAG_TRUST_MS:
        if event.alive.services_started:
            verdict = True
        elif event.alive.services_failed:
            verdict = False
        else:
            _start_services(d)
    elif isinstance(event, Tick) and d.deadline_hit:
        return Failure("Start Services Timeout, re-enabling", Cause.SERVICES, "major")
    elif isinstance(event, Resume):
        _start_services(d)
    if verdict is False:
        return Failure("Start Services Failed, re-enabling", Cause.SERVICES, "major", reported=True)
    return begin_heartbeat(d) if verdict else None


def _heartbeat_wait(d: Draft, event: Event) -> Outcome:
    if isinstance(event, Tick) and d.deadline_hit and not event.pulses_ok:
        d.wait_again(d.settings.heartbeat_soak_ms)
    elif (isinstance(event, Pulse) and _answers_everywhere(d)) or (isinstance(event, Tick) and d.deadline_hit):
        if pulses.lost_networks(d):
            return Failure("Enable Heartbeat Failure, re-enabling", Cause.HEARTBEAT)
        d.enter(Stage.HEARTBEAT_SOAK, d.settings.heartbeat_soak_ms)
    return None


def _answers_everywhere(d: Draft) -> bool:
    """Whether the host answers pulses on the fatal networks, and has a known level on the others."""
    fatal = pulses.fatal_networks(d)
    return all(d.view.level(network) in ((Level.OK, Level.MINOR) if network in fatal else _KNOWN)
               for network in d.view.networks())


def _heartbeat_soak(d: Draft, event: Event) -> Outcome:
    if isinstance(event, Pulse) and event.network in pulses.lost_networks(d):
        return Failure("Enable Heartbeat Failure, re-enabling", Cause.HEARTBEAT)
    if isinstance(event, Tick) and d.deadline_hit:
        if not event.pulses_ok:
            d.wait_again(d.settings.heartbeat_soak_ms)
            return None
        if pulses.lost_networks(d):
            return Failure("Enable Heartbeat Failure, re-enabling", Cause.HEARTBEAT)
        fatal = pulses.fatal_networks(d)
        if fatal and all(d.view.level(network) is Level.UNKNOWN for network in fatal):
            # No level was reported at all, which is no evidence against the host: restart its monitoring.
            return begin_heartbeat(d)
        return Done()
    return None
