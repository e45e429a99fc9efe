# SPDX-License-Identifier: Apache-2.0
"""The guard before every strike: decides whether this node may switch another one off, and says why."""
from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from sm.core.timing import Timing


@dataclass(frozen=True, slots=True)
class Permit:
    """The strike is allowed; ``reason`` goes into the journal."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The strike is not allowed."""

    reason: str


class Evidence(Struct, frozen=True):
    """What speaks for and against a strike. Times are of this node's clock.

    ``silent_since_ms``: when the target was heard last; None when it was never heard, or not since it was switched off.
    ``quiet_until_ms``: it said that it is silent until then. ``heard_by``: a voter that hears the target and is heard
    here; empty without one. ``reachable``: how many voters, this node among them, are heard. ``outvoted``: this node
    hears no majority, and the target may hear one. ``isolated``: why this node's own networks are at fault.
    """

    target: str
    silent_since_ms: int | None
    quiet_until_ms: int
    heard_by: str
    reachable: int
    voters: int
    outvoted: bool
    leading: bool
    leader: str
    eligible: bool
    data_refusal: str
    isolated: str
    stalled_ms: int
    fenceable: bool
    attempts: int
    last_attempt_ms: int | None
    waiting: bool


def judge(facts: Evidence, now_ms: int, timing: Timing) -> Permit | Refusal:
    """Return whether this node may fence the target at ``now_ms``. No evidence is not evidence."""
    refusal = _standing(facts) or _silence(facts, now_ms, timing) or _attempts(facts, now_ms, timing)
    if refusal:
        return Refusal(refusal)
    silent_ms = now_ms - (facts.silent_since_ms or 0)
    role = "this node leads" if facts.leading else "this node takes over"
    return Permit(f"{facts.target} is silent on every path for {silent_ms} ms; {role}")


def _standing(facts: Evidence) -> str:
    """Why this node is not the one to strike."""
    if not facts.fenceable:
        return f"no BMC of {facts.target} is configured"
    if not facts.eligible:
        return "this node is locked or not ready"
    if facts.isolated:
        return f"this node's own networks are at fault: {facts.isolated}"
    if facts.heard_by:
        return f"{facts.heard_by} hears {facts.target}"
    if facts.leading:
        return ""
    if facts.leader:
        return f"{facts.leader} leads"
    if facts.voters > 2 and facts.reachable <= facts.voters // 2:
        return f"only {facts.reachable} of {facts.voters} voters are heard"
    return facts.data_refusal and f"this node could not take over: {facts.data_refusal}"


def _silence(facts: Evidence, now_ms: int, timing: Timing) -> str:
    if facts.silent_since_ms is None:
        return f"{facts.target} was never heard, or not since it was switched off"
    if now_ms < facts.quiet_until_ms:
        return f"{facts.target} said that it pauses"
    needed = timing.silent_ms + _delay_ms(facts, timing)
    if now_ms - facts.silent_since_ms < needed:
        return f"{facts.target} is silent for less than {needed} ms"
    if now_ms - facts.stalled_ms < timing.silent_ms:
        return "this node was itself stalled"
    return ""


def _delay_ms(facts: Evidence, timing: Timing) -> int:
    """How much longer than silence this node waits: of two nodes that do not hear each other only one shall strike."""
    if facts.leading:
        return timing.fence_delay_ms if facts.outvoted else 0
    return timing.majority_delay_ms if facts.voters > 2 else timing.fence_delay_ms


def _attempts(facts: Evidence, now_ms: int, timing: Timing) -> str:
    if facts.waiting:
        return "the BMC has not answered yet"
    if facts.last_attempt_ms is None:
        return ""
    wait_ms = min(timing.fence_retry_ms << min(facts.attempts - 1, 16), timing.fence_retry_max_ms)
    if now_ms - facts.last_attempt_ms < wait_ms:
        return f"attempt {facts.attempts} has failed; the next one follows {wait_ms} ms later"
    return ""
