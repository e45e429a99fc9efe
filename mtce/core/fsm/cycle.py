# SPDX-License-Identifier: Apache-2.0
"""Power-cycle that a critical sensor asks for: off, a pause in which the host cools, on, and back into service.

A sensor that stays critical may ask again soon after. After ``cycles_max`` of them the host is switched off for good:
only an operator switches it on again.
"""
from __future__ import annotations

from collections.abc import Callable

from mtce.contract.states import HostAction
from mtce.core.events import Alive, BmcAnswer, Event, Resume, Tick
from mtce.core.fsm import bringup, guard, pulses
from mtce.core.fsm.draft import Draft
from mtce.core.strike import Refusal
from mtce.core.view import Stage
from sysinv.contract.enums import Administrative, Availability, Operational

PERSISTENT = "Critical Event Power-Down ; due to persistent critical sensor"


def begin(d: Draft) -> None:
    """Take the host out of service and switch it off."""
    view, settings = d.view, d.settings
    watched_ms = settings.cycle_pause_ms + settings.cycle_watch_ms
    lasting = view.cycled_ms is not None and d.now_ms - view.cycled_ms < watched_ms
    d.set(action=HostAction.POWER_CYCLE, cycles=view.cycles + 1 if lasting else 1, left_boot_id=view.boot_id,
          action_failed="", bmc_error="")
    d.log("200.021", "action=power-off")
    if view.administrative is Administrative.UNLOCKED:
        d.raise_alarm("200.004")
        d.set(degrade=())
        pulses.stop(d)
        d.states(Administrative.UNLOCKED, Operational.DISABLED, Availability.FAILED)
        d.log("200.022", "status=failed")
    _off(d, 0)


def advance(d: Draft, event: Event) -> None:
    """Handle one event while the action is power-cycle."""
    _ADVANCE[d.view.stage](d, event)


def _is_final(d: Draft) -> bool:
    return d.view.cycles > d.settings.cycles_max


def _text(d: Draft, what: str) -> str:
    return PERSISTENT if _is_final(d) else f"Critical Event Power-Cycle {d.view.cycles}; {what}"


def _say(d: Draft, what: str) -> None:
    d.task(_text(d, what))


def _is_over(d: Draft, event: Event) -> bool:
    return isinstance(event, Tick) and d.deadline_hit


def _is_accepted(d: Draft, event: Event, again: Callable[[Draft, int], None], *, retry_ms: int, tries_max: int,
                 failure: str, power: str = "") -> bool:
    """Whether the BMC has answered an attempt as it should, with ``power`` if that counts. ``again`` begins the next
    attempt after a pause of ``retry_ms``; after ``tries_max`` of them the power-cycle is given up."""
    if isinstance(event, BmcAnswer) and event.command_id == d.view.command_id:
        if event.ok and power in ("", event.power):
            return True
        # The deadline is now the pause before the next attempt.
        d.set(command_id="")
        d.wait_again(retry_ms)
    elif _is_over(d, event) or isinstance(event, Resume):
        if d.view.tries + 1 >= tries_max:
            _give_up(d, failure)
        else:
            again(d, d.view.tries + 1)
    return False


def _off(d: Draft, tries: int) -> None:
    """Switch off. A refusal by the guard counts as an attempt, and the next one asks it again."""
    _say(d, "powering off")
    d.enter(Stage.CYCLE_OFF, d.settings.bmc_command_ms, tries=tries)
    refused = guard.strike(d, verb="power-off", graceful=tries < d.settings.bmc_power_tries_max // 2)
    if isinstance(refused, Refusal):
        d.set(command_id="")
        d.wait_again(d.settings.bmc_power_off_retry_ms)


def _switching_off(d: Draft, event: Event) -> None:
    settings = d.settings
    if _is_accepted(d, event, _off, retry_ms=settings.bmc_power_off_retry_ms, tries_max=settings.bmc_power_tries_max,
                    failure="power-off failed"):
        d.enter(Stage.CYCLE_OFFLINE, settings.cycle_offline_ms, probe_ms=settings.offline_probe_ms,
                silence_ms=settings.offline_silence_ms)


def _going_offline(d: Draft, event: Event) -> None:
    if not isinstance(event, Tick):
        return
    if d.silence_hit:
        _is_off(d)
    elif d.deadline_hit:
        # The host still answers although its BMC accepted the command: a graceful one may take longer than this.
        _off(d, d.settings.bmc_power_tries_max - 1)
    elif d.probe_hit:
        guard.ask_by_probe(d)


def _is_off(d: Draft) -> None:
    d.states(availability=Availability.POWER_OFF)
    if _is_final(d):
        d.finish()
        d.task(PERSISTENT)
        return
    _say(d, f"recovery in {d.settings.cycle_cool_ms // 60_000} minute(s)")
    d.enter(Stage.CYCLE_COOL, d.settings.cycle_cool_ms)


def _cooling(d: Draft, event: Event) -> None:
    if _is_over(d, event):
        d.log("200.021", "action=power-on")
        _on(d, 0)


def _on(d: Draft, tries: int) -> None:
    _say(d, "powering on")
    d.enter(Stage.CYCLE_ON, d.settings.bmc_command_ms, tries=tries)
    guard.bmc(d, "power-on")


def _switching_on(d: Draft, event: Event) -> None:
    settings = d.settings
    if _is_accepted(d, event, _on, retry_ms=settings.bmc_power_on_retry_ms, tries_max=settings.bmc_power_tries_max,
                    failure="power-on failed"):
        _verify(d, 0)


def _verify(d: Draft, tries: int) -> None:
    d.enter(Stage.CYCLE_VERIFY, d.settings.bmc_command_ms, tries=tries)
    guard.bmc(d, "query")


def _verifying(d: Draft, event: Event) -> None:
    settings = d.settings
    if _is_accepted(d, event, _verify, retry_ms=settings.bmc_query_retry_ms, tries_max=settings.bmc_query_tries_max,
                    failure="power-on failed", power="on"):
        _is_on(d)


def _is_on(d: Draft) -> None:
    """The boot that the sensor ended is over: an unlocked host comes into service as after any boot."""
    d.set(powered_on_ms=d.now_ms, cycled_ms=d.now_ms, critical="")
    d.states(availability=Availability.OFFLINE)
    if d.view.administrative is Administrative.UNLOCKED:
        d.set(action=HostAction.ENABLE)
        pulses.watch(d)
        d.keep_locked_flag()
        bringup.wait_for_boot(d)
        return
    _say(d, "waiting for online")
    d.enter(Stage.CYCLE_ONLINE, d.settings.cycle_online_ms)


def _coming_online(d: Draft, event: Event) -> None:
    if isinstance(event, Alive):
        d.states(availability=Availability.ONLINE)
        d.finish("Power-Cycle Completed")
    elif _is_over(d, event):
        d.finish("Power-Cycle Completed, but the host is not online")


def _give_up(d: Draft, what: str) -> None:
    """The BMC does not do it. The next request of the sensor, after a pause, is the next attempt."""
    text = _text(d, what)
    d.set(action_failed=str(HostAction.POWER_CYCLE), cycled_ms=d.now_ms)
    if d.view.administrative is Administrative.UNLOCKED:
        d.set(action=HostAction.ENABLE, critical="", left_boot_id="")
        pulses.watch(d)
        bringup.wait_for_boot(d)
        d.task(text)
        return
    d.finish(text)


_ADVANCE = {Stage.CYCLE_OFF: _switching_off, Stage.CYCLE_OFFLINE: _going_offline, Stage.CYCLE_COOL: _cooling,
            Stage.CYCLE_ON: _switching_on, Stage.CYCLE_VERIFY: _verifying, Stage.CYCLE_ONLINE: _coming_online}
