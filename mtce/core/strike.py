# SPDX-License-Identifier: Apache-2.0
"""The guard before every strike: decides whether mtce may end what runs on a host now, with the reason.

A strike is a reboot command, or a BMC command that stops the running system (reset, power-off). Four wishes may
strike: an operator's action, a critical sensor for which an operator chose that, silence on every channel, a failure
that the host itself reported. A strike needs the
permit that only ``judge`` gives; ``mtce.core.legal`` checks the permit again before it accepts a step.
"""
from __future__ import annotations

import enum
from dataclasses import dataclass

from mtce.contract.states import HostAction
from mtce.core.evidence import Channel, Sign, conclusive, heard_on, since
from mtce.core.settings import Settings
from mtce.core.view import MaintainedHost

STRIKING_VERBS = frozenset({"reset", "power-off"})
"""BMC commands that end what runs on a host; power-on, netboot and queries do not."""


class Wish(enum.StrEnum):
    """The cause of a strike."""

    OPERATOR = "operator"
    SENSOR = "sensor"
    SILENCE = "silence"
    REPORTED = "reported"


@dataclass(frozen=True, slots=True)
class Permit:
    """The strike is allowed; ``reason`` appears in the log and in the host's history."""

    wish: Wish
    reason: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The strike is not allowed. ``heard`` are the channels with evidence of life; empty with too little evidence.

    ``task`` is the task text that tells the operator so; empty when the stage has its own.
    """

    reason: str
    heard: tuple[Channel, ...] = ()
    task: str = ""


def wish_of(view: MaintainedHost) -> Wish:
    """Return the wish behind the present action of the host."""
    if view.ordered:
        return Wish.OPERATOR
    if view.critical:
        return Wish.SENSOR
    return Wish.REPORTED if view.reported else Wish.SILENCE


def judge(view: MaintainedHost, wish: Wish, now_ms: int, settings: Settings) -> Permit | Refusal:
    """Return whether ``wish`` may strike the host at ``now_ms``; refuses a wish that ``view`` does not support."""
    late = _dead_office_refusal(view, wish)
    if late is not None:
        return late
    if wish is Wish.OPERATOR:
        return Permit(wish, f"operator: {view.ordered}") if view.ordered else Refusal("no operator asked for it")
    if wish is Wish.SENSOR:
        return _judge_sensor(view, settings)
    if wish is Wish.REPORTED:
        return Permit(wish, f"the host reported: {view.reported}") if view.reported else \
            Refusal("the host reported no failure")
    return _judge_silence(view, now_ms, settings)


def _judge_sensor(view: MaintainedHost, settings: Settings) -> Permit | Refusal:
    """A sensor never strikes the controller that all depend on: it would come back with the same reading."""
    if not view.critical:
        return Refusal("no critical sensor asks for it")
    if settings.simplex:
        return Refusal(f"sensor {view.critical} is critical, but there is no other controller")
    if view.is_active:
        return Refusal(f"sensor {view.critical} is critical, but this is the active controller")
    return Permit(Wish.SENSOR, f"critical sensor: {view.critical}")


def _judge_silence(view: MaintainedHost, now_ms: int, settings: Settings) -> Permit | Refusal:
    heard = heard_on(view, now_ms, settings)
    if heard:
        return Refusal(f"alive on {', '.join(heard)}", heard)
    if is_claimed(view, now_ms, settings):
        return Refusal(view.claimed, task=f"No reset: MAC {view.claimed_by} claims addresses, see 400.005")
    guarded = _guarded(view, now_ms, settings)
    if guarded is not None:
        return guarded
    found = conclusive(view, now_ms, settings)
    unknown = [channel for channel, sign in found.items() if sign is Sign.UNKNOWN]
    if unknown:
        return Refusal(f"nothing is known from {', '.join(unknown)}")
    silent = (_silence(view, channel, now_ms) for channel in found)
    return Permit(Wish.SILENCE, f"silent on {', '.join(silent)}")


def _guarded(view: MaintainedHost, now_ms: int, settings: Settings) -> Refusal | None:
    """Refuse to strike a silent controller that service management strikes, or has just struck: two power commands at
    a time would spoil each other's proof, and a second one would end the boot that follows the first."""
    if view.fenced_ms is not None and now_ms - view.fenced_ms < settings.boot_timeout_ms(view.personality):
        return Refusal("service management has switched it off, and it may be booting",
                       task="Switched off by service management; booting")
    if view.guarded_ms is not None and now_ms - view.guarded_ms < settings.guard_trusted_ms:
        return Refusal("service management switches a silent controller off itself",
                       task="Silent; service management switches it off")
    return None


def is_claimed(view: MaintainedHost, now_ms: int, settings: Settings) -> bool:
    """Whether a claim of somebody else may be why the host is silent; one that nobody has confirmed lately is not."""
    return view.claimed_ms is not None and now_ms - view.claimed_ms < settings.claim_trusted_ms


def _silence(view: MaintainedHost, channel: Channel, now_ms: int) -> str:
    since_ms = since(view, channel)
    return channel if since_ms is None else f"{channel} for {(now_ms - since_ms) // 1000} s"


def _dead_office_refusal(view: MaintainedHost, wish: Wish) -> Refusal | None:
    """Refuse to strike a host that may still be booting after a power failure of the site, except by a later order."""
    if not view.dead_office or view.seen:
        return None
    if wish is Wish.OPERATOR and (view.ordered != HostAction.UNLOCK or _ordered_since(view)):
        return None
    return Refusal("dead office recovery: the host may still be booting")


def _ordered_since(view: MaintainedHost) -> bool:
    return view.ordered_ms is not None and view.resumed_ms is not None and view.ordered_ms > view.resumed_ms
