# SPDX-License-Identifier: Apache-2.0
"""The stages' way to the guard (``mtce.core.strike``): strike if it permits, else say why not; ask the host for a sign.

No other module makes a reboot command or a BMC command.
"""
from __future__ import annotations

from mtce.core import strike as strike_rules
from mtce.core.actions import Bmc, RequestAlive, SendReboot, Withheld
from mtce.core.evidence import heard_on
from mtce.core.fsm import pulses
from mtce.core.fsm.draft import Draft
from mtce.core.strike import Permit, Refusal, Wish


def judge(d: Draft) -> Permit | Refusal:
    """Whether the wish that the present action carries out may strike the host now."""
    return strike_rules.judge(d.view, strike_rules.wish_of(d.view), d.now_ms, d.settings)


def is_alive(d: Draft) -> bool:
    """The host is heard on some way; false when it is silent, and also when nothing is known."""
    return bool(heard_on(d.view, d.now_ms, d.settings))


def strike(d: Draft, *, verb: str = "", graceful: bool = False, delay_s: int = 0) -> Refusal | None:
    """Reboot the host by its agent, or by the BMC command ``verb``, if the guard permits it; else why it does not.

    The only place where a strike is emitted.
    """
    verdict = judge(d)
    if isinstance(verdict, Refusal):
        if strike_rules.wish_of(d.view) is Wish.SILENCE and not d.view.is_active:
            # A row of an earlier release may stand here without monitoring: nothing would ever be known.
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
    """Say once why the host is not struck, until the reason changes."""
    if refused.reason != d.view.withheld:
        d.set(withheld=refused.reason)
        d.do(Withheld(refused.reason))


def bmc(d: Draft, verb: str) -> None:
    """Give a BMC command that is no strike: query, power-on or netboot."""
    d.do(Bmc(d.new_command(), verb))


def ask(d: Draft) -> None:
    """Ask for an mtcAlive; the time of asking counts from the first one that is not answered."""
    heard_ms, asked_ms = d.view.heard_ms(), d.view.asked_ms
    if asked_ms is None or (heard_ms is not None and heard_ms >= asked_ms):
        d.set(asked_ms=d.now_ms)
    d.do(RequestAlive())


def ask_by_probe(d: Draft) -> None:
    """Ask, and again after a while."""
    ask(d)
    d.set(probe_ms=d.now_ms + d.settings.offline_probe_ms)


def ask_before_deadline(d: Draft) -> None:
    """A strike comes at the end of a long wait: ask again before it, long enough for an answer to come."""
    lead_ms = d.settings.loc_recovery_timeout_ms + 2 * d.settings.offline_probe_ms
    first_ms = (d.view.deadline_ms or d.now_ms) - lead_ms
    d.set(probe_ms=max(first_ms, d.now_ms + d.settings.offline_probe_ms))
