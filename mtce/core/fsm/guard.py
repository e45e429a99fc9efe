# SPDX-License-Identifier: Apache-2.0
"""Lets stages strike through the guard (``mtce.core.strike``), record a refusal, and request an mtcAlive.

No other module creates a reboot command or a BMC command.
"""
from __future__ import annotations

from mtce.core import strike as strike_rules
from mtce.core.actions import Bmc, RequestAlive, SendReboot, Withheld
from mtce.core.evidence import heard_on
from mtce.core.fsm import pulses
from mtce.core.fsm.draft import Draft
from mtce.core.strike import Permit, Refusal, Wish


def judge(d: Draft) -> Permit | Refusal:
    """Return whether the wish behind the present action may strike the host now, with the reason."""
    return strike_rules.judge(d.view, strike_rules.wish_of(d.view), d.now_ms, d.settings)


def is_alive(d: Draft) -> bool:
    """Whether the host is heard on some channel; False when it is silent or when nothing is known."""
    return bool(heard_on(d.view, d.now_ms, d.settings))


def strike(d: Draft, *, verb: str = "", graceful: bool = False, delay_s: int = 0) -> Refusal | None:
    """Reboot the host by its agent, or by the BMC command ``verb``, if the guard permits; else return the refusal.

    Only this function emits strikes.
    """
    verdict = judge(d)
    if isinstance(verdict, Refusal):
        if strike_rules.wish_of(d.view) is Wish.SILENCE and not d.view.is_active:
            # A stored view may lack ``monitored``. Without monitoring there would never be evidence.
            pulses.watch(d)
        withhold(d, verdict)
        return verdict
    d.set(withheld="")
    if verb:
        d.do(Bmc(d.new_command(), verb, graceful, verdict))
    else:
        d.do(SendReboot(d.new_command(), d.view.left_boot_id, delay_s, verdict))
    return None


def withhold(d: Draft, refused: Refusal) -> None:
    """Record why the host is not struck, once until the reason changes."""
    if refused.reason != d.view.withheld:
        d.set(withheld=refused.reason)
        d.do(Withheld(refused.reason))


def bmc(d: Draft, verb: str) -> None:
    """Send a BMC command that is no strike: query, power-on or netboot."""
    d.do(Bmc(d.new_command(), verb))


def ask(d: Draft) -> None:
    """Request an mtcAlive; ``asked_ms`` becomes the time of the first unanswered request."""
    heard_ms, asked_ms = d.view.heard_ms(), d.view.asked_ms
    if asked_ms is None or (heard_ms is not None and heard_ms >= asked_ms):
        d.set(asked_ms=d.now_ms)
    d.do(RequestAlive())


def ask_by_probe(d: Draft) -> None:
    """Request an mtcAlive, and repeat it by the probe timer."""
    ask(d)
    d.set(probe_ms=d.now_ms + d.settings.offline_probe_ms)


def ask_before_deadline(d: Draft) -> None:
    """Start the probe timer so early before the strike at the deadline that the host can still answer a request."""
    lead_ms = d.settings.loc_recovery_timeout_ms + 2 * d.settings.offline_probe_ms
    first_ms = (d.view.deadline_ms or d.now_ms) - lead_ms
    d.set(probe_ms=max(first_ms, d.now_ms + d.settings.offline_probe_ms))
