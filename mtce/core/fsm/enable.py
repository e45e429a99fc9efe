# SPDX-License-Identifier: Apache-2.0
"""Enable: unlock of a host, restart of a failed one, and the active controller's unlock of itself."""
from __future__ import annotations

from mtce.contract.states import HostAction
from mtce.core.events import Alive, Event, Tick
from mtce.core.fsm import bringup, guard, hold, pulses, reset
from mtce.core.fsm.draft import Done, Draft, Failure, Outcome, Spared
from mtce.core.settings import AutoRecovery, Cause
from mtce.core.strike import Permit, Wish, wish_of
from mtce.core.view import Stage
from sysinv.contract.enums import Administrative, Availability, Operational

THRESHOLD_TASKS = {
    Cause.CONFIGURATION: "Configuration failure, threshold reached, Lock/Unlock to retry",
    Cause.GOENABLE: "In-Test Failure, threshold reached, Lock/Unlock to retry",
    Cause.SERVICES: "Service Failure, threshold reached, Lock/Unlock to retry",
    Cause.HEARTBEAT: "Heartbeat Failure, threshold reached, Lock/Unlock to retry",
}
_WITHOUT_CAUSE = AutoRecovery(0, 30_000)


def unlock(d: Draft) -> None:
    """Unlock for the operator: reset every counter and begin."""
    d.log("200.021", "command=unlock")
    d.clear_alarms("200.001")
    d.set(failures=(), recovery_attempts=0)
    begin(d)


def begin(d: Draft) -> None:
    """Enter stage START: take the host out of service and boot it, if the guard permits."""
    if d.view.is_active:
        _begin_active(d)
        return
    was_up = d.view.is_enabled or d.view.availability in (Availability.INTEST, Availability.FAILED)
    if was_up and d.view.administrative is Administrative.UNLOCKED:
        d.raise_alarm("200.004")
        availability = Availability.FAILED
    else:
        availability = d.view.availability
    d.set(action=HostAction.ENABLE, degrade=())
    d.states(Administrative.UNLOCKED, Operational.DISABLED, availability)
    pulses.watch(d)
    d.keep_locked_flag()
    powered_on_ms = d.view.powered_on_ms
    fresh = powered_on_ms is not None and d.now_ms - powered_on_ms < d.settings.fresh_power_on_ms
    if fresh and availability is not Availability.ONLINE:
        d.set(left_boot_id=d.view.boot_id)
        bringup.wait_for_boot(d)
    elif wish_of(d.view) is Wish.SILENCE and not isinstance(guard.judge(d), Permit):
        hold.begin(d)
    else:
        reset.begin(d)


def advance(d: Draft, event: Event) -> None:
    """Handle one event while the action is enable."""
    stage = d.view.stage
    if stage in reset.STAGES:
        _after_reset(d, event, reset.advance(d, event))
    elif stage in bringup.STAGES:
        conclude(d, bringup.advance(d, event))
    elif stage is Stage.HOLD:
        held = hold.advance(d, event)
        if isinstance(held, hold.Silent):
            begin(d)
        else:
            conclude(d, held)
    elif stage is Stage.SELF_REBOOT:
        _self_reboot(d, event)
    elif isinstance(event, Tick) and d.deadline_hit:
        begin(d)


def conclude(d: Draft, outcome: Outcome) -> None:
    """Enable or fail the host after its tests, services and heartbeat have ended."""
    if isinstance(outcome, Done):
        enabled(d)
        d.set(failures=(), recovery_attempts=0)
    elif isinstance(outcome, Failure):
        fail(d, outcome)


def enabled(d: Draft, task: str = "") -> None:
    """Put the host in service and clear the alarms of its failure."""
    d.clear_alarms("200.004", "200.011", "200.013")
    d.states(Administrative.UNLOCKED, Operational.ENABLED)
    d.set(unhealthy=0, proven_boot=d.view.boot_id, reported="", critical="")
    d.follow_degrade()
    pulses.follow(d)
    d.log("200.022", "state=enabled")
    d.finish(task)


def fail(d: Draft, failure: Failure) -> None:
    """Enter stage FAILURE: out of service with an alarm, then another attempt unless the cause reached its threshold.

    Holds a host that is alive and only misses heartbeats without a time limit; that does not count as an attempt.
    """
    d.raise_alarm("200.004", failure.severity)
    if not failure.again:
        d.set(ordered="", ordered_ms=None, critical="", reported=failure.task if failure.reported else "")
    if d.view.is_active:
        _fail_active(d, failure)
        return
    pulses.watch(d)
    d.set(action=HostAction.ENABLE, degrade=())
    d.states(Administrative.UNLOCKED, Operational.DISABLED, Availability.FAILED)
    d.log("200.022", "status=failed")
    if failure.cause is Cause.HEARTBEAT and guard.is_alive(d):
        hold.begin(d)
        return
    if failure.cause is not None and _count(d, failure.cause) > _recovery(d, failure.cause).threshold:
        d.finish()
        d.task(THRESHOLD_TASKS[failure.cause])
        return
    d.task(failure.task)
    wait_ms = _recovery(d, failure.cause).interval_ms if failure.retry_ms is None else failure.retry_ms
    d.enter(Stage.FAILED_WAIT, wait_ms)


def _after_reset(d: Draft, event: Event, outcome: Outcome) -> None:
    if isinstance(outcome, Done):
        bringup.wait_for_boot(d)
        if isinstance(event, Alive):
            conclude(d, bringup.advance(d, event))
    elif isinstance(outcome, Spared):
        hold.begin(d)
    elif isinstance(outcome, Failure):
        fail(d, outcome)


def _count(d: Draft, cause: Cause) -> int:
    counts = dict(d.view.failures)
    counts[cause] = counts.get(cause, 0) + 1
    d.set(failures=tuple(sorted(counts.items())))
    return counts[cause]


def _recovery(d: Draft, cause: Cause | None) -> AutoRecovery:
    return _WITHOUT_CAUSE if cause is None else d.settings.auto_recovery[cause]


def _begin_active(d: Draft) -> None:
    """Reboot the active controller for an operator's unlock; test one that was unlocked before in its present boot."""
    d.set(action=HostAction.ENABLE, degrade=(), left_boot_id=d.view.boot_id)
    d.states(Administrative.UNLOCKED, Operational.DISABLED, Availability.OFFLINE)
    d.keep_locked_flag()
    if wish_of(d.view) is Wish.SILENCE:
        d.set(left_boot_id="")
        bringup.wait_for_boot(d)
        return
    d.task("Unlocking, please stand-by while the system gracefully reboots" if d.settings.simplex
           else "Unlocking active controller, please stand-by while it reboots")
    _lazy_reboot(d)


def _lazy_reboot(d: Draft) -> None:
    delay_s = d.settings.lazy_reboot_delay_s
    d.enter(Stage.SELF_REBOOT, d.settings.lazy_reboot_retry_ms + delay_s * 1000)
    guard.strike(d, delay_s=delay_s)


def _self_reboot(d: Draft, event: Event) -> None:
    if isinstance(event, Alive):
        if not d.view.left_boot_id:
            d.set(left_boot_id=event.alive.boot_id)
        elif event.alive.boot_id != d.view.left_boot_id:
            d.set(rounds=0)
            conclude(d, bringup.begin_tests(d, event.alive))
    elif isinstance(event, Tick) and d.deadline_hit:
        _lazy_reboot(d)


def _fail_active(d: Draft, failure: Failure) -> None:
    """Keep the active controller in service, degraded, as no other can take over; on simplex try a reboot first."""
    tried_out = True
    if failure.cause is not None:
        tried_out = _count(d, failure.cause) > _recovery(d, failure.cause).threshold
    if d.settings.simplex and not tried_out and isinstance(guard.judge(d), Permit):
        d.set(action=HostAction.ENABLE, left_boot_id=d.view.boot_id)
        d.states(Administrative.UNLOCKED, Operational.DISABLED, Availability.FAILED)
        d.task(failure.task)
        _lazy_reboot(d)
        return
    d.states(Administrative.UNLOCKED, Operational.ENABLED, Availability.DEGRADED)
    d.degrade("enable", True)
    d.finish()
    if not d.settings.simplex:
        d.task("Critical failure.Please provision/enable standby controller")
    elif failure.cause is not None:
        d.task(THRESHOLD_TASKS[failure.cause])
