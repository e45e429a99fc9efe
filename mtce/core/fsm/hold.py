# SPDX-License-Identifier: Apache-2.0
"""Hold: a host out of service is heard on one channel but not on another; mtce requests mtcAlives, does not strike.

Lasts without a time limit. Ends when no fatal network is lost and an mtcAlive arrives over the message bus: the boot
that was in service needs no tests, another boot is tested. A strike follows only silence on every channel.
Used by recovery and by enable.
"""
from __future__ import annotations

from dataclasses import dataclass

from mtce.core.actions import RequestAlive
from mtce.core.events import Alive, Event, Pulse, Tick
from mtce.core.evidence import Channel, heard_on
from mtce.core.fsm import bringup, guard, pulses
from mtce.core.fsm.draft import Draft, Failure, Outcome
from mtce.core.settings import Cause
from mtce.core.strike import Permit, Refusal
from mtce.core.view import Network, Stage
from sysinv.contract.enums import Administrative, Availability, Operational


@dataclass(frozen=True, slots=True)
class Silent:
    """The host is silent on every channel: the guard permits a strike."""


def begin(d: Draft) -> None:
    """Take the host out of service, monitor it, and request mtcAlives."""
    d.states(Administrative.UNLOCKED, Operational.DISABLED, Availability.FAILED)
    pulses.watch(d)
    d.enter(Stage.HOLD, d.settings.hold_look_ms, probe_ms=d.settings.hold_probe_ms)
    _look(d)
    refused = guard.judge(d)
    if isinstance(refused, Refusal):
        guard.withhold(d, refused)
    guard.ask(d)


def advance(d: Draft, event: Event) -> Outcome | Silent:
    """Handle one event in the stage ``hold``."""
    if isinstance(event, Alive):
        return _on_alive(d, event)
    if isinstance(event, Pulse):
        _look(d)
        if not pulses.lost_networks(d):
            d.do(RequestAlive())
    elif isinstance(event, Tick) and (d.probe_hit or d.deadline_hit):
        return _on_timer(d)
    return None


def _on_timer(d: Draft) -> Silent | None:
    if isinstance(guard.judge(d), Permit):
        return Silent()
    _look(d)
    if guard.is_alive(d):
        d.set(probe_ms=d.now_ms + d.settings.hold_probe_ms)
    else:
        guard.ask(d)
        d.set(probe_ms=d.now_ms + d.settings.offline_probe_ms)
    if d.deadline_hit:
        guard.ask(d)
        d.wait_again(d.settings.hold_look_ms)
    return None


def _on_alive(d: Draft, event: Alive) -> Outcome:
    alive = event.alive
    if not alive.configured or not alive.healthy:
        d.raise_alarm("200.011")
        return Failure("Configuration Failed, re-enabling", Cause.CONFIGURATION, reported=True)
    _look(d)
    if not event.over_bus or pulses.lost_networks(d):
        return None
    if alive.boot_id == d.view.proven_boot:
        return bringup.begin_heartbeat(d)
    return bringup.begin_tests(d, alive)


def _look(d: Draft) -> None:
    """Update alarms and the task text from the present evidence."""
    pulses.follow(d)
    d.task(_text(d))


def _text(d: Draft) -> str:
    refused = guard.judge(d)
    if isinstance(refused, Refusal) and refused.task:
        return refused.task
    heard = heard_on(d.view, d.now_ms, d.settings)
    networks = [way for way in (Channel.MGMT_PULSES, Channel.CLUSTER_PULSES) if way in heard]
    missed = pulses.lost_networks(d)
    if not networks and Channel.CLUSTER_ALIVE in heard and Network.CLUSTER_HOST not in missed:
        networks = [Channel.CLUSTER_PULSES]
    alive = ", ".join(networks or heard)
    lost = ", ".join("Management" if name == "mgmt" else "Cluster-host" for name in missed)
    if not alive:
        return f"No heartbeat on {lost}, asking the host" if lost else "Asking the host"
    return f"No heartbeat on {lost}, alive on {alive}" if lost else f"Alive on {alive}, asking the host"
