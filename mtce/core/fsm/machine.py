# SPDX-License-Identifier: Apache-2.0
"""``step``: note an event's facts, hand it to the module of the present action, check the result."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mtce.contract.states import HostAction
from mtce.core.actions import Action, RequestAlive
from mtce.core.arbiter import SWACT, UNINTERRUPTIBLE, start_refusal
from mtce.core.bounds import following
from mtce.core.events import (
    Alive,
    BmcAnswer,
    Claimed,
    Command,
    Event,
    Guarded,
    Pulse,
    Put,
    Resume,
    Resync,
    Sensed,
    Tick,
)
from mtce.core.fsm import add, cycle, disable, enable, monitor, power, pulses, recovery, reinstall, sensed, swact
from mtce.core.fsm.draft import Draft
from mtce.core.legal import ensure, is_legal
from mtce.core.settings import Settings
from mtce.core.view import PAST_BOOTS_MAX, Level, MaintainedHost, Network, Stage, renewed
from sm.contract.nodecommand import Fencing

_ADVANCE: dict[HostAction, Callable[[Draft, Event], None]] = {
    HostAction.ADD: add.advance, HostAction.ENABLE: enable.advance, HostAction.RECOVERY: recovery.advance,
    HostAction.LOCK: disable.advance, HostAction.FORCE_LOCK: disable.advance, HostAction.REBOOT: power.advance,
    HostAction.RESET: power.advance, HostAction.POWER_ON: power.advance, HostAction.POWER_OFF: power.advance,
    HostAction.POWER_CYCLE: cycle.advance, HostAction.REINSTALL: reinstall.advance, HostAction.SWACT: swact.advance,
    HostAction.FORCE_SWACT: swact.advance,
}
_OWN_PAUSES = frozenset({
    Stage.ADD_WAIT, Stage.RESET_BMC_WAIT, Stage.RESET_RETRY, Stage.SELF_REBOOT, Stage.HEARTBEAT_SOAK,
    Stage.FAILED_WAIT, Stage.RECOVERY_PAUSE, Stage.RECOVERY_BMC_WAIT, Stage.POWER_RETRY, Stage.POWER_SETTLE,
    Stage.CYCLE_COOL})
_UPTIME_FIRST_HOUR_S = 3600
BMC_ERROR_MAX = 255


def step(view: MaintainedHost, event: Event, now_ms: int,
         settings: Settings) -> tuple[MaintainedHost, tuple[Action, ...]]:
    """Return the view after ``event`` at ``now_ms`` (monotonic ms) and the shell's actions; raises InvariantBroken.

    Returns ``view`` itself when nothing changed; else a view with the next revision.
    """
    d = Draft(view, now_ms, settings)
    if _note(d, event):
        if isinstance(event, Command):
            _command(d, event)
        elif d.view.stage is Stage.IDLE:
            monitor.advance(d, event, view)
        else:
            _ADVANCE[d.view.action](d, event)
        _next_queued(d)
    after = ensure(d.view, d.actions, now_ms, settings, ticked=isinstance(event, Tick))
    if after == view:
        return view, tuple(d.actions)
    return replace(after, revision=view.revision + 1, sequence=after.sequence + 1), tuple(d.actions)


def _note(d: Draft, event: Event) -> bool:
    """Note the event's facts in the view; returns False when the present action need not see the event."""
    if isinstance(event, Alive):
        return _note_alive(d, event)
    if isinstance(event, Tick):
        _note_tick(d, event)
    elif isinstance(event, Pulse):
        return _note_pulse(d, event)
    elif isinstance(event, Put):
        d.set(**_inventory_changes(renewed(d.view, event.host)),
              sequence=following(d.view.sequence, event.host.state_sequence))
        if event.is_new:
            d.set(resumed_boot=event.controller_boot, resumed_ms=d.now_ms)
            add.begin(d)
        return False
    elif isinstance(event, BmcAnswer):
        if event.command_id == d.view.command_id:
            d.set(bmc_error="" if event.ok else event.reason[:BMC_ERROR_MAX])
    elif isinstance(event, Resume):
        _resume(d, event)
    elif isinstance(event, (Claimed, Guarded, Sensed, Resync)):
        _note_aside(d, event)
        return False
    return True


def _note_aside(d: Draft, event: Claimed | Guarded | Sensed | Resync) -> None:
    """Note what no action needs to see."""
    if isinstance(event, Claimed):
        d.set(claimed=f"address {event.address} is claimed on {event.network} by the machine {event.mac}",
              claimed_by=event.mac, claimed_ms=d.now_ms)
    elif isinstance(event, Guarded):
        _note_guarded(d, event)
    elif isinstance(event, Sensed):
        sensed.note(d, event)
    else:
        _resync(d, event)


def _note_guarded(d: Draft, event: Guarded) -> None:
    if event.fencing is Fencing.OFF:
        d.set(guarded_ms=None, fenced_ms=d.now_ms if d.view.fenced_ms is None else d.view.fenced_ms)
    else:
        d.set(guarded_ms=d.now_ms if event.fencing is Fencing.ABLE else None, fenced_ms=None)


def _note_pulse(d: Draft, event: Pulse) -> bool:
    if not d.view.monitored or event.epoch != d.view.epoch:
        return False
    name = "mgmt" if event.network is Network.MGMT else "cluster_host"
    if event.level is not d.view.level(event.network):
        # mtce-heartbeat repeats levels; ``since`` is the time of the change.
        d.set(**{name: event.level, f"{name}_ms": d.now_ms})
    d.set(seen=d.view.seen or event.level is Level.OK)
    return True


def _inventory_changes(view: MaintainedHost) -> dict[str, object]:
    names = ("hostname", "personality", "subfunctions", "mgmt_ip", "cluster_host_ip", "has_bmc")
    return {name: getattr(view, name) for name in names}


def _note_alive(d: Draft, event: Alive) -> bool:
    """Note an mtcAlive; returns False for one of an earlier boot, and over cluster-host for one already received."""
    view, alive = d.view, event.alive
    if alive.boot_id in view.past_boots:
        return False
    repeated = alive.boot_id == view.boot_id and alive.sequence == view.alive_sequence
    channel = "bus_alive_ms" if event.over_bus else "cluster_alive_ms"
    d.set(**{channel: d.now_ms}, alive_sequence=alive.sequence, seen=True)
    if alive.boot_id != view.boot_id:
        past = (*view.past_boots, view.boot_id)[-PAST_BOOTS_MAX:] if view.boot_id else view.past_boots
        d.set(boot_id=alive.boot_id, past_boots=past, uptime_due_ms=0, bmc_error="")
    if d.now_ms >= d.view.uptime_due_ms:
        first_hour = alive.uptime_s < _UPTIME_FIRST_HOUR_S
        wait_ms = d.settings.uptime_report_ms if first_hour else d.settings.uptime_report_later_ms
        d.set(uptime_s=alive.uptime_s, uptime_due_ms=d.now_ms + wait_ms)
    if d.view.silent_ms is not None:
        d.set(silent_ms=d.now_ms + _silence_ms(d))
    if alive.locked != d.view.locked_flag:
        d.set(locked_flag=alive.locked)
    return event.over_bus or not repeated


def _silence_ms(d: Draft) -> int:
    return d.settings.online_silence_ms if d.view.stage is Stage.IDLE else d.settings.offline_silence_ms


def _note_tick(d: Draft, event: Tick) -> None:
    if d.view.task_clear_ms is not None and d.view.task_clear_ms <= d.now_ms:
        d.task("")
    d.set(bus_ok=event.bus_ok, pulses_ok=event.pulses_ok, bus_open_ms=event.bus_open_ms,
          dead_office=event.dead_office)
    if not event.bus_ok:
        d.set(asked_ms=None)
        if d.silence_hit:
            d.set(silent_ms=d.now_ms + _silence_ms(d))


def _resume(d: Draft, event: Resume) -> None:
    """Extend the timers after a restart, because the conductor could not hear the hosts meanwhile.

    A pause that waits for no host ends on time, but not before the messages kept by the bus have been read.
    """
    view = d.view
    d.set(asked_ms=None, bus_ok=False, pulses_ok=False)
    if event.controller_boot != view.resumed_boot:
        d.set(resumed_boot=event.controller_boot, resumed_ms=d.now_ms, seen=False)
    own_pause = view.stage in _OWN_PAUSES
    grace_ms = d.now_ms + (d.settings.resume_delay_ms if own_pause else d.settings.resume_grace_ms)
    if view.deadline_ms is not None:
        d.set(deadline_ms=max(view.deadline_ms, grace_ms))
    if view.silent_ms is not None:
        d.set(silent_ms=max(view.silent_ms, grace_ms))
    if view.probe_ms is not None:
        d.set(probe_ms=max(view.probe_ms, d.now_ms + d.settings.offline_probe_ms))
    if view.task_clear_ms is not None:
        d.set(task_clear_ms=max(view.task_clear_ms, d.now_ms + 1))
    pulses.follow_role(d)
    d.do(RequestAlive())


def _resync(d: Draft, event: Resync) -> None:
    """Forget what a false message may have left: an excessive number, the real boot among the past ones, a flag."""
    if not is_legal(d.view):
        add.repair_states(d)
    d.set(sequence=following(d.view.sequence, event.sequence), past_boots=(), alive_sequence=0)
    d.do(RequestAlive())
    d.keep_locked_flag()


def _command(d: Draft, event: Command) -> None:
    if d.view.action in UNINTERRUPTIBLE:
        d.set(queued=(*d.view.queued, (event.action, event.request_id)))
    else:
        _begin(d, event.action)


def _begin(d: Draft, action: HostAction) -> None:
    d.set(action_failed="", tries=0, ordered=str(action), ordered_ms=d.now_ms, reported="",
          bmc_error="", critical="", cycles=0)
    if action is HostAction.UNLOCK:
        enable.unlock(d)
    elif action is HostAction.LOCK:
        disable.lock(d)
    elif action is HostAction.FORCE_LOCK:
        disable.force_lock(d)
    elif action is HostAction.REBOOT:
        power.reboot(d)
    elif action is HostAction.REINSTALL:
        reinstall.begin(d)
    elif action in power.REQUESTED:
        power.begin(d, action)
    elif action in SWACT:
        swact.begin(d, action)
    else:
        raise ValueError(f"no machine for action {action}")


def _next_queued(d: Draft) -> None:
    """Start the next queued action, or refuse it in the task text when the host's states no longer allow it."""
    while d.view.stage is Stage.IDLE and d.view.queued:
        (action, _), rest = d.view.queued[0], d.view.queued[1:]
        d.set(queued=rest)
        refused = start_refusal(d.view, action, d.settings)
        if refused is None:
            _begin(d, action)
        else:
            d.set(action_failed=str(action))
            d.task(f"{action} refused: {refused.reason}", clear_later=True)
