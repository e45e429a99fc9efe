# SPDX-License-Identifier: Apache-2.0
"""Reset progression: end a host's present boot, by reboot command first, by BMC when it does not answer.

Succeeds when the host is silent or answers with another boot id. Used by enable, force-lock and reboot.
"""
from __future__ import annotations

from mtce.contract.states import HostAction
from mtce.core.events import Alive, BmcAnswer, Event, RebootAnswer, Resume, Tick
from mtce.core.fsm import guard
from mtce.core.fsm.draft import Done, Draft, Failure, Outcome, Spared
from mtce.core.strike import Refusal, Wish, wish_of
from mtce.core.view import Stage
from sysinv.contract.enums import Availability

STAGES = frozenset({Stage.REBOOT_ACK, Stage.REBOOT_LEAVE, Stage.RESET_BMC_WAIT, Stage.RESET_BMC_SENT,
                    Stage.RESET_BMC_LEAVE, Stage.RESET_RETRY})


def begin(d: Draft) -> None:
    """Begin to end the last boot heard; delays a strike until the guard permits it."""
    d.enter(Stage.RESET_RETRY, d.settings.offline_probe_ms, left_boot_id=d.view.boot_id, rounds=0)
    _round(d)


def advance(d: Draft, event: Event) -> Outcome:
    """Handle one event in one of ``STAGES``."""
    if isinstance(event, Alive):
        return _on_alive(d, event)
    handler = {Stage.REBOOT_ACK: _reboot_ack, Stage.REBOOT_LEAVE: _leave, Stage.RESET_BMC_WAIT: _bmc_wait,
               Stage.RESET_BMC_SENT: _bmc_sent, Stage.RESET_BMC_LEAVE: _leave, Stage.RESET_RETRY: _retry}
    return handler[d.view.stage](d, event)


def has_left(d: Draft, boot_id: str) -> bool:
    """Whether ``boot_id`` differs from the boot to leave."""
    return boot_id != d.view.left_boot_id


def _round(d: Draft) -> Outcome:
    d.set(reboots_sent=0, reboot_acked=False, bmc_used=False)
    d.task("Reboot Request")
    return _send(d)


def _send(d: Draft) -> Outcome:
    refused = guard.strike(d)
    if refused is not None:
        return _withheld(d, refused)
    d.enter(Stage.REBOOT_ACK, d.settings.command_ack_ms, reboots_sent=d.view.reboots_sent + 1)
    return None


def _withheld(d: Draft, refused: Refusal) -> Outcome:
    """After a refused strike return Spared for a host that is alive; with too little evidence retry soon."""
    if refused.heard:
        return Spared()
    if refused.task:
        d.task(refused.task)
    guard.ask(d)
    d.set(probe_ms=None)
    d.wait_again(d.settings.offline_probe_ms)
    return None


def _on_alive(d: Draft, event: Alive) -> Outcome:
    if has_left(d, event.alive.boot_id):
        return Done()
    if wish_of(d.view) is Wish.SILENCE and not d.view.reboot_acked:
        return Spared()
    if d.view.stage is Stage.RESET_BMC_WAIT and d.view.reboots_sent < d.settings.reboot_sends_max:
        return _send(d)
    return None


def _reboot_ack(d: Draft, event: Event) -> Outcome:
    if isinstance(event, RebootAnswer) and event.command_id == d.view.command_id and event.acknowledged:
        d.task("Rebooting")
        d.set(reboot_acked=True)
        _watch(d, Stage.REBOOT_LEAVE)
    elif isinstance(event, Tick) and d.deadline_hit:
        if d.view.reboots_sent < d.settings.reboot_ack_tries_max:
            return _send(d)
        if d.view.has_bmc:
            wait_ms = 0 if d.view.bmc_used else d.settings.bmc_reset_delay_ms - d.settings.bmc_reset_lead_ms
            d.enter(Stage.RESET_BMC_WAIT, wait_ms)
            guard.ask_before_deadline(d)
        else:
            _watch(d, Stage.REBOOT_LEAVE)
    return None


def _watch(d: Draft, stage: Stage) -> None:
    d.enter(stage, d.settings.offline_search_ms, probe_ms=d.settings.offline_probe_ms,
            silence_ms=d.settings.offline_silence_ms)


def _leave(d: Draft, event: Event) -> Outcome:
    if not isinstance(event, Tick):
        return None
    if d.silence_hit:
        d.states(availability=Availability.OFFLINE)
        return Done()
    if d.probe_hit:
        guard.ask_by_probe(d)
    if d.deadline_hit:
        return _not_left(d)
    return None


def _not_left(d: Draft) -> Outcome:
    if d.view.stage is Stage.REBOOT_LEAVE:
        if d.view.reboots_sent < d.settings.reboot_sends_max:
            return _send(d)
        if d.view.has_bmc and not d.view.bmc_used:
            return _bmc_reset(d)
    return _round_failed(d, "Reboot")


def _bmc_wait(d: Draft, event: Event) -> Outcome:
    if isinstance(event, Tick) and d.deadline_hit:
        return _bmc_reset(d)
    if isinstance(event, Tick) and d.probe_hit:
        guard.ask_by_probe(d)
    return None


def _bmc_reset(d: Draft) -> Outcome:
    refused = guard.strike(d, verb="reset")
    if refused is not None:
        return _withheld(d, refused)
    d.enter(Stage.RESET_BMC_SENT, d.settings.bmc_command_ms, bmc_used=True)
    return None


def _bmc_sent(d: Draft, event: Event) -> Outcome:
    if isinstance(event, BmcAnswer) and event.command_id == d.view.command_id:
        if not event.ok:
            return _round_failed(d, "Reset")
        _watch(d, Stage.RESET_BMC_LEAVE)
    elif isinstance(event, Resume) or (isinstance(event, Tick) and d.deadline_hit):
        _watch(d, Stage.RESET_BMC_LEAVE)
    return None


def _round_failed(d: Draft, word: str) -> Outcome:
    rounds = d.view.rounds + 1
    rounds_max = 2 if d.view.action is HostAction.FORCE_LOCK else d.settings.reset_rounds_max
    if rounds > rounds_max:
        return Failure(f"{word} Failed", retry_ms=d.settings.reset_retry_ms, again=True)
    d.task(f"{word} Failed, retrying ({rounds} of {rounds_max})")
    d.enter(Stage.RESET_RETRY, d.settings.reset_retry_ms, rounds=rounds)
    return None


def _retry(d: Draft, event: Event) -> Outcome:
    return _round(d) if isinstance(event, Tick) and d.deadline_hit else None
