# SPDX-License-Identifier: Apache-2.0
"""Graceful recovery: a host in service lost its heartbeat or came up in another boot.

A host that answers in its old boot only lost the network and returns to service without tests. A host that rebooted
is tested. A host that is silent on every channel gets one reboot command and, by BMC, a power-on or exactly one reset.
A host that is alive but does not answer on every network is held (``mtce.core.fsm.hold``).
"""
from __future__ import annotations

from mtce.contract.records import MtcAlive
from mtce.contract.states import HostAction
from mtce.core.events import Alive, BmcAnswer, Event, Pulse, RebootAnswer, Resume, Tick
from mtce.core.fsm import bringup, enable, guard, hold, pulses
from mtce.core.fsm.draft import Done, Draft, Failure, Outcome
from mtce.core.settings import Cause
from mtce.core.strike import Refusal
from mtce.core.view import Network, Stage
from sysinv.contract.enums import Administrative, Availability, Operational

SILENT_STAGES = frozenset({Stage.RECOVERY_QUERY, Stage.RECOVERY_BMC_WAIT, Stage.RECOVERY_BMC_RESET,
                           Stage.RECOVERY_POWER_ON, Stage.RECOVERY_BOOT})


def begin(d: Draft) -> None:
    """Take a host that lost its heartbeat out of service at once, then find out what happened."""
    d.set(proven_boot=d.view.boot_id)
    attempts = _start(d)
    if attempts > d.settings.recovery_attempts_max:
        enable.fail(d, Failure("Graceful Recovery Failed, re-enabling"))
        return
    d.states(Administrative.UNLOCKED, Operational.DISABLED, Availability.FAILED)
    d.log("200.022", "status=failed")
    d.task("Graceful Recovery" if attempts == 1 else "Graceful Recovery Retry")
    d.enter(Stage.RECOVERY_PAUSE, d.settings.recovery_pause_ms)


def rebooted(d: Draft, alive: MtcAlive) -> None:
    """Recover a host in service that answers from another boot although its heartbeat was never lost."""
    if _start(d) > d.settings.recovery_attempts_max:
        enable.fail(d, Failure("Graceful Recovery Failed, re-enabling"))
        return
    d.task("Graceful Recovery")
    _tests(d, alive)


def advance(d: Draft, event: Event) -> None:
    """Handle one event while the action is recovery."""
    stage = d.view.stage
    if stage in bringup.STAGES:
        _conclude(d, bringup.advance(d, event))
    elif stage is Stage.HOLD:
        held = hold.advance(d, event)
        if isinstance(held, hold.Silent):
            _outage(d)
        else:
            _conclude(d, held)
    elif isinstance(event, Alive):
        _on_alive(d, event)
    else:
        if stage in SILENT_STAGES and isinstance(event, Tick) and d.silence_hit:
            _offline(d)
        _ADVANCE[stage](d, event)


def _start(d: Draft) -> int:
    recovered_ms = d.view.recovered_ms
    forget = recovered_ms is None or d.now_ms - recovered_ms > d.settings.recovery_forget_ms
    attempts = 1 if forget else d.view.recovery_attempts + 1
    d.set(action=HostAction.RECOVERY, recovery_attempts=attempts, recovered_ms=d.now_ms, rounds=0, bmc_used=False,
          reboot_acked=False, degrade=(), left_boot_id=d.view.boot_id)
    return attempts


def _conclude(d: Draft, outcome: Outcome) -> None:
    if isinstance(outcome, Done):
        d.set(recovered_ms=d.now_ms)
        enable.enabled(d, "Gracefully Recovered")
    elif isinstance(outcome, Failure):
        if outcome.cause is Cause.HEARTBEAT and guard.is_alive(d):
            hold.begin(d)
            return
        if outcome.cause in (None, Cause.HEARTBEAT):
            outcome = Failure("Graceful Recovery Failed, re-enabling")
        enable.fail(d, outcome)


def _on_alive(d: Draft, event: Alive) -> None:
    alive = event.alive
    if alive.boot_id != d.view.left_boot_id:
        if d.view.left_boot_id:
            # Tests are requested over the bus: without it, wait until the host is heard over the bus again.
            if event.over_bus:
                _tests(d, alive)
            return
        d.set(left_boot_id=alive.boot_id)
    if d.view.stage is Stage.RECOVERY_PAUSE or d.view.reboot_acked:
        return
    if d.view.stage in (Stage.RECOVERY_BMC_RESET, Stage.RECOVERY_POWER_ON):
        return
    if not alive.configured or not alive.healthy:
        d.raise_alarm("200.011")
        _conclude(d, Failure("Configuration Failed, re-enabling", Cause.CONFIGURATION, reported=True))
    elif event.over_bus or Network.MGMT not in pulses.lost_networks(d):
        _conclude(d, bringup.begin_heartbeat(d))
    else:
        hold.begin(d)


def _tests(d: Draft, alive: MtcAlive) -> None:
    d.raise_alarm("200.004")
    _conclude(d, bringup.begin_tests(d, alive))


def _offline(d: Draft) -> None:
    d.set(silent_ms=None)
    if d.view.availability is not Availability.POWER_OFF:
        d.states(availability=Availability.OFFLINE)
        d.log("200.022", "status=offline")


def _pause(d: Draft, event: Event) -> None:
    """Wait for mtcAlives that the host sent before it failed, and for the level of the other network."""
    if isinstance(event, Pulse):
        pulses.follow(d)
    elif isinstance(event, Tick) and d.deadline_hit:
        guard.ask(d)
        d.enter(Stage.RECOVERY_ALIVE, d.settings.loc_recovery_timeout_ms, probe_ms=d.settings.offline_probe_ms)


def _alive_wait(d: Draft, event: Event) -> None:
    if isinstance(event, Pulse):
        pulses.follow(d)
    if not isinstance(event, Tick):
        return
    if d.deadline_hit:
        _outage(d)
    elif d.probe_hit:
        guard.ask_by_probe(d)


def _outage(d: Draft) -> None:
    """Strike a host that is silent on every channel; on less evidence the guard refuses."""
    refused = guard.strike(d)
    if refused is not None:
        _withheld(d, refused)
        return
    d.raise_alarm("200.004")
    d.task("Graceful Recovery Wait")
    d.set(silent_ms=d.now_ms + d.settings.offline_silence_ms)
    if d.view.has_bmc:
        _keep_silence(d, Stage.RECOVERY_QUERY, d.settings.bmc_command_ms)
        guard.bmc(d, "query")
    else:
        _boot(d)


def _withheld(d: Draft, refused: Refusal) -> None:
    """After a refused strike hold a host that is alive; with too little evidence keep requesting in this stage."""
    if refused.heard:
        hold.begin(d)
        return
    if refused.task:
        d.task(refused.task)
    elif d.view.dead_office and not d.view.seen:
        d.task("Graceful Recovery Wait, dead office recovery")
    guard.ask(d)
    d.set(probe_ms=None)
    d.wait_again(d.settings.offline_probe_ms)


def _query(d: Draft, event: Event) -> None:
    if _reboot_acknowledged(d, event):
        _boot(d)
    elif isinstance(event, BmcAnswer) and event.command_id == d.view.command_id:
        if not event.ok or event.power not in ("on", "off"):
            d.set(deadline_ms=d.now_ms + d.settings.bmc_query_retry_ms)
        elif event.power == "off":
            d.states(availability=Availability.POWER_OFF)
            _power_on(d)
        else:
            _keep_silence(d, Stage.RECOVERY_BMC_WAIT, d.settings.bmc_reset_delay_ms)
            guard.ask_before_deadline(d)
    elif isinstance(event, Resume):
        guard.bmc(d, "query")
    elif isinstance(event, Tick) and d.deadline_hit:
        if d.view.tries + 1 >= d.settings.bmc_query_tries_max:
            _boot(d)
            return
        d.set(tries=d.view.tries + 1)
        d.wait_again(d.settings.bmc_command_ms)
        guard.bmc(d, "query")


def _keep_silence(d: Draft, stage: Stage, wait_ms: int) -> None:
    silent_ms = d.view.silent_ms
    d.enter(stage, wait_ms)
    d.set(silent_ms=silent_ms)


def _bmc_wait(d: Draft, event: Event) -> None:
    if _reboot_acknowledged(d, event):
        _boot(d)
    elif isinstance(event, Tick) and d.deadline_hit:
        refused = guard.strike(d, verb="reset")
        if refused is not None:
            _withheld(d, refused)
            return
        _keep_silence(d, Stage.RECOVERY_BMC_RESET, d.settings.bmc_command_ms)
        d.set(bmc_used=True)
    elif isinstance(event, Tick) and d.probe_hit:
        guard.ask_by_probe(d)


def _bmc_reset(d: Draft, event: Event) -> None:
    answered = isinstance(event, BmcAnswer) and event.command_id == d.view.command_id
    if answered or isinstance(event, Resume) or (isinstance(event, Tick) and d.deadline_hit):
        _boot(d)


def _power_on(d: Draft) -> None:
    _keep_silence(d, Stage.RECOVERY_POWER_ON, d.settings.bmc_command_ms)
    guard.bmc(d, "power-on")


def _powering(d: Draft, event: Event) -> None:
    if isinstance(event, BmcAnswer) and event.command_id == d.view.command_id:
        if event.ok:
            d.set(powered_on_ms=d.now_ms)
            d.states(availability=Availability.OFFLINE)
            _boot(d)
        else:
            d.set(deadline_ms=d.now_ms + d.settings.bmc_power_on_retry_ms)
    elif isinstance(event, Resume):
        guard.bmc(d, "power-on")
    elif isinstance(event, Tick) and d.deadline_hit:
        if d.view.tries + 1 >= d.settings.bmc_power_tries_max:
            _boot(d)
            return
        d.set(tries=d.view.tries + 1)
        d.wait_again(d.settings.bmc_command_ms)
        guard.bmc(d, "power-on")


def _boot(d: Draft) -> None:
    """Wait for the boot, as nothing else can be done."""
    _keep_silence(d, Stage.RECOVERY_BOOT, d.settings.boot_timeout_ms(d.view.personality))


def _boot_wait(d: Draft, event: Event) -> None:
    if not _reboot_acknowledged(d, event) and isinstance(event, Tick) and d.deadline_hit:
        enable.fail(d, Failure("Graceful Recovery Failed, re-enabling"))


def _reboot_acknowledged(d: Draft, event: Event) -> bool:
    """Whether the host acknowledged the reboot command, and so is rebooting."""
    if isinstance(event, RebootAnswer) and event.acknowledged:
        d.set(reboot_acked=True)
        return True
    return False


_ADVANCE = {
    Stage.RECOVERY_PAUSE: _pause, Stage.RECOVERY_ALIVE: _alive_wait, Stage.RECOVERY_QUERY: _query,
    Stage.RECOVERY_BMC_WAIT: _bmc_wait, Stage.RECOVERY_BMC_RESET: _bmc_reset, Stage.RECOVERY_POWER_ON: _powering,
    Stage.RECOVERY_BOOT: _boot_wait,
}
