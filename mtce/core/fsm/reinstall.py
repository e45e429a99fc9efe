# SPDX-License-Identifier: Apache-2.0
"""Reinstall of a locked host: power off, boot from the network once, power on, wait for the installed system."""
from __future__ import annotations

from mtce.contract.states import HostAction
from mtce.core.events import Alive, BmcAnswer, Event, Resume, Tick
from mtce.core.fsm import guard
from mtce.core.fsm.draft import Draft
from mtce.core.strike import STRIKING_VERBS
from mtce.core.view import Stage
from sysinv.contract.enums import Availability

VERBS = {Stage.REINSTALL_POWER_OFF: "power-off", Stage.REINSTALL_NETBOOT: "netboot",
         Stage.REINSTALL_POWER_ON: "power-on"}
FAULTS = {Stage.REINSTALL_POWER_OFF: "could not power off host", Stage.REINSTALL_NETBOOT: "netboot request",
          Stage.REINSTALL_POWER_ON: "could not power on host"}
NEXT = {Stage.REINSTALL_POWER_OFF: Stage.REINSTALL_NETBOOT, Stage.REINSTALL_NETBOOT: Stage.REINSTALL_POWER_ON}


def begin(d: Draft) -> None:
    """Begin with a power-off, so that the boot override applies to the host's next start."""
    d.log("200.021", "command=reinstall")
    d.set(action=HostAction.REINSTALL, failures=(), left_boot_id=d.view.boot_id)
    d.task("Reinstalling")
    _command(d, Stage.REINSTALL_POWER_OFF)


def advance(d: Draft, event: Event) -> None:
    """Handle one event while the action is reinstall."""
    if d.view.stage is Stage.REINSTALL_ONLINE:
        _online(d, event)
    elif isinstance(event, BmcAnswer) and event.command_id == d.view.command_id:
        if event.ok:
            _accepted(d)
        else:
            d.wait_again(d.settings.bmc_query_retry_ms)
    elif isinstance(event, Resume):
        _give(d)
    elif isinstance(event, Tick) and d.deadline_hit:
        _retry(d)


def _command(d: Draft, stage: Stage) -> None:
    d.enter(stage, d.settings.bmc_command_ms)
    _give(d)


def _give(d: Draft) -> None:
    verb = VERBS[d.view.stage]
    if verb in STRIKING_VERBS:
        guard.strike(d, verb=verb)
    else:
        guard.bmc(d, verb)


def _accepted(d: Draft) -> None:
    stage = d.view.stage
    if stage is Stage.REINSTALL_POWER_OFF:
        d.states(availability=Availability.OFFLINE)
    if stage in NEXT:
        _command(d, NEXT[stage])
        return
    d.set(powered_on_ms=d.now_ms)
    settings = d.settings
    d.enter(Stage.REINSTALL_ONLINE, settings.boot_timeout_ms(d.view.personality) + settings.node_reinstall_timeout_ms)


def _retry(d: Draft) -> None:
    """Retry until the BMC answers or the wait for it is over, then a few times more."""
    stage = d.view.stage
    if d.now_ms - d.view.stage_ms >= d.settings.reinstall_bmc_wait_ms or d.view.tries >= d.settings.bmc_query_tries_max:
        _failed(d, FAULTS[stage])
        return
    if stage is Stage.REINSTALL_POWER_OFF:
        d.task("Reinstall Wait ; BMC not accessible")
    d.set(tries=d.view.tries + 1)
    d.wait_again(d.settings.bmc_command_ms)
    _give(d)


def _online(d: Draft, event: Event) -> None:
    if isinstance(event, Alive) and event.alive.boot_id != d.view.left_boot_id:
        d.states(availability=Availability.ONLINE)
        d.keep_locked_flag()
        d.log("200.022", "status=reinstall-complete")
        d.finish("Reinstall Succeeded")
    elif isinstance(event, Tick) and d.deadline_hit:
        _failed(d, "timeout waiting for online")


def _failed(d: Draft, reason: str) -> None:
    d.set(action_failed=str(HostAction.REINSTALL))
    d.log("200.022", "status=reinstall-failed")
    d.finish(f"Reinstall Failed ; {reason}")
