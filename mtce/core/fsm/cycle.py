# SPDX-License-Identifier: Apache-2.0
"""Power-cycle that a critical sensor asks for: off, a pause in which the host cools, on, and back into service.

A sensor that stays critical may ask again soon after. After ``cycles_max`` of them the host is switched off for good:
only an operator switches it on again.
"""
from __future__ import annotations

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


def _say(d: Draft, what: str) -> None:
    d.task(PERSISTENT if _is_final(d) else f"Critical Event Power-Cycle {d.view.cycles}; {what}")


def _answer(d: Draft, event: Event) -> BmcAnswer | None:
    return event if isinstance(event, BmcAnswer) and event.command_id == d.view.command_id else None


def _is_over(d: Draft, event: Event) -> bool:
    return isinstance(event, Tick) and d.deadline_hit


def _off(d: Draft, tries: int) -> None:
    """Switch off. A refusal by the guard counts as an attempt, and the next one asks it again."""
    _say(d, "powering off")
    d.enter(Stage.CYCLE_OFF, d.settings.bmc_command_ms, tries=tries)
    refused = guard.strike(d, verb="power-off", graceful=tries < d.settings.bmc_power_tries_max // 2)
    if isinstance(refused, Refusal):
        d.set(command_id="")
        d.wait_again(d.settings.bmc_power_off_retry_ms)


def _switching_off(d: Draft, event: Event) -> None:
    answer = _answer(d, event)
    if answer is not None:
        if answer.ok:
            d.enter(Stage.CYCLE_OFFLINE, d.settings.cycle_offline_ms, probe_ms=d.settings.offline_probe_ms,
                    silence_ms=d.settings.offline_silence_ms)
        else:
            # The deadline is now the pause before the next attempt.
            d.set(command_id="")
            d.wait_again(d.settings.bmc_power_off_retry_ms)
    elif _is_over(d, event) or isinstance(event, Resume):
        if d.view.tries + 1 >= d.settings.bmc_power_tries_max:
            _give_up(d, "power-off failed")
        else:
            _off(d, d.view.tries + 1)


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
    answer = _answer(d, event)
    if answer is not None:
        if answer.ok:
            _verify(d, 0)
        else:
            d.set(command_id="")
            d.wait_again(d.settings.bmc_power_on_retry_ms)
    elif _is_over(d, event) or isinstance(event, Resume):
        if d.view.tries + 1 >= d.settings.bmc_power_tries_max:
            _give_up(d, "power-on failed")
        else:
            _on(d, d.view.tries + 1)


def _verify(d: Draft, tries: int) -> None:
    d.enter(Stage.CYCLE_VERIFY, d.settings.bmc_command_ms, tries=tries)
    guard.bmc(d, "query")


def _verifying(d: Draft, event: Event) -> None:
    answer = _answer(d, event)
    if answer is not None:
        if answer.ok and answer.power == "on":
            _is_on(d)
        else:
            d.set(command_id="")
            d.wait_again(d.settings.bmc_query_retry_ms)
    elif _is_over(d, event) or isinstance(event, Resume):
        if d.view.tries + 1 >= d.settings.bmc_query_tries_max:
            _give_up(d, "power-on failed")
        else:
            _verify(d, d.view.tries + 1)


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
    text = PERSISTENT if _is_final(d) else f"Critical Event Power-Cycle {d.view.cycles}; {what}"
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
