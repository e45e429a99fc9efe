# SPDX-License-Identifier: Apache-2.0
"""One step of a voter: view, event and time in; view and actions out. The daemon and the witness run the same step."""
from __future__ import annotations

from flock.core.records import replace
from sm.contract.nodecommand import Fencing
from sm.core.domain.events import (
    Action,
    AskFenced,
    BeatHeard,
    Departing,
    Event,
    Fence,
    FenceAnswered,
    ForceActive,
    Journal,
    LocalChanged,
    Pausing,
    Require,
    Send,
    Store,
    Tick,
)
from sm.core.domain.hearing import fence_answered, forced, hear
from sm.core.domain.lease import fitness_refusal, has_live_majority, stays_void
from sm.core.domain.standing import decided, departed
from sm.core.domain.view import Beat, FenceAttempt, Heard, Proof, View
from sm.core.fencing import Evidence, Permit, Refusal, judge

FENCE_AGAIN_MS = 1_000
"""How often a leader that counts the vote of a fenced node asks whether it is still off."""


def step(view: View, event: Event, now_ms: int) -> tuple[View, tuple[Action, ...]]:
    """The view after ``event``, and what the shell must do, in this order."""
    before, strikes = view, list[Action]()
    if isinstance(event, Departing):
        view = departed(view, event.away_ms)
    elif not view.departing_ms:
        view = decided(_taken(view, event, now_ms), now_ms)
        view, strikes = _fences(view, now_ms)
    actions: list[Action] = [Journal(text) for text in _news(before, view)]
    if view.required != before.required:
        actions.append(Require(view.required, view.order))
    if view.durable != before.durable:
        actions.append(Store(view.durable))
    actions += strikes
    # A new vote is told at once: others wait for it.
    if isinstance(event, (Tick, Pausing, Departing)) or view.durable.vote != before.durable.vote:
        view, beat = _beat(view, event, now_ms)
        actions.append(Send(beat))
    return view, tuple(actions)


def _taken(view: View, event: Event, now_ms: int) -> View:
    match event:
        case BeatHeard(beat):
            return hear(view, beat, now_ms)
        case LocalChanged(local):
            return replace(view, local=local)
        case FenceAnswered():
            return fence_answered(view, event, now_ms)
        case ForceActive(accepts_loss):
            return forced(view, accepts_loss, now_ms)
        case Pausing(pause_ms):
            return replace(view, paused_until_ms=now_ms + pause_ms)
        case Tick() | Departing():
            return view


def _beat(view: View, event: Event, now_ms: int) -> tuple[View, Beat]:
    """The beat to send, and the view that knows what it grants."""
    heard = view.heard
    hears = frozenset(name for name in heard if name not in view.void and not view.silent(name, now_ms))
    if view.leading:
        members = view.durable.record.members
        heard = {name: _granted(known, name in members) for name, known in heard.items()}
    beat = Beat(
        node=view.me, boot=view.boot, sent_ms=now_ms,
        echoes={name: (known.beat.boot, known.beat.sent_ms) for name, known in heard.items() if name not in view.void},
        vote=view.durable.vote, record=view.durable.record, claims=view.claim_ms is not None, leading=view.leading,
        alone=view.leading and not has_live_majority(view, now_ms), accepts_loss=view.accepts_loss,
        active=view.local.active, eligible=view.local.eligible and not view.departing_ms, hears=hears,
        follows=view.leader(now_ms),
        fenced=frozenset(name for name, void in view.void.items() if void.proof is not Proof.EXPIRED),
        pausing_ms=event.pause_ms if isinstance(event, Pausing) else max(0, view.paused_until_ms - now_ms),
        departing_ms=view.departing_ms)
    return replace(view, heard=heard), beat


def _granted(known: Heard, member: bool) -> Heard:
    return replace(known, granted_ms=known.received_ms, vouched_ms=known.received_ms if member else known.vouched_ms)


def _fences(view: View, now_ms: int) -> tuple[View, list[Action]]:
    """Fence the silent nodes that must be, and ask about those that were."""
    timing = view.config.timing
    actions: list[Action] = []
    for name in targets(view, now_ms):
        if not view.silent(name, now_ms):
            continue
        verdict = fence_verdict(view, name, now_ms)
        if isinstance(verdict, Permit):
            attempt = view.fencing.get(name)
            count = 1 if attempt is None else attempt.count + 1
            boot = view.heard[name].beat.boot if name in view.heard else ""
            view = replace(view, fencing={**view.fencing, name: FenceAttempt(now_ms, count, boot)})
            actions.append(Fence(name, verdict, now_ms))
    if view.claim_ms is not None and len(view.config.voters) > 2:
        for name, void in view.void.items():
            if void.proof is Proof.FENCED and now_ms >= void.asked_ms + min(FENCE_AGAIN_MS, timing.lease_ms // 4):
                view = replace(view, void={**view.void, name: replace(void, asked_ms=now_ms)})
                actions.append(AskFenced(name, now_ms))
    return view, actions


def targets(view: View, now_ms: int) -> list[str]:
    """The nodes that this node would rather have off while they are silent: who led last, also while this node stands
    for election; and for a leader, all that it waits for.

    Who has departed is left alone, unless the leader of three voters needs its vote for longer than a lease.
    """
    if view.me not in view.config.nodes:
        return []
    others = [name for name in view.config.nodes if name != view.me]
    return [name for name in others if (_needed(view, name, now_ms) if name in view.void else
            name == view.durable.vote.holder or _led(view, name) or (view.leading and (
                name in view.required or (name in view.heard and view.heard[name].beat.eligible))))]


def fencing(view: View, name: str, now_ms: int) -> Fencing:
    """What this node does with another one that is silent."""
    if name in view.void:
        return Fencing.OFF if view.void[name].proof is Proof.FENCED else Fencing.NONE
    return Fencing.ABLE if name in view.local.fenceable and name in targets(view, now_ms) else Fencing.NONE


def _needed(view: View, name: str, now_ms: int) -> bool:
    """Whether this leader loses its majority unless the BMC proves that a node that has departed is off."""
    if view.void[name].proof is not Proof.DEPARTED or stays_void(view, view.void[name]) or not view.leading:
        return False
    return 1 + sum(other not in view.void and not view.silent(other, now_ms)
                   for other in view.others) < view.config.majority


def _led(view: View, name: str) -> bool:
    """Whether a node led when it was heard last."""
    return name in view.heard and view.heard[name].beat.leading


def fence_verdict(view: View, target: str, now_ms: int) -> Permit | Refusal:
    """Whether this node may fence ``target`` now, and why."""
    heard, attempt, timing = view.heard.get(target), view.fencing.get(target), view.config.timing
    waiting = (attempt is not None and attempt.answered_ms is None
               and now_ms < attempt.begun_ms + timing.fence_timeout_ms)
    heard_by = sorted(name for name, known in view.heard.items()
                      if name != target and target in known.beat.hears and not view.silent(name, now_ms))
    leader = view.leader(now_ms)
    return judge(Evidence(
        target=target, silent_since_ms=None if heard is None or heard.ended else heard.received_ms,
        quiet_until_ms=0 if heard is None else heard.quiet_until_ms,
        heard_by=heard_by[0] if heard_by else "",
        reachable=1 + sum(not view.silent(name, now_ms) for name in view.others), voters=len(view.config.voters),
        outvoted=_is_outvoted(view, target, now_ms),
        leading=view.leading, leader="" if leader == target else leader, eligible=view.local.eligible,
        data_refusal=fitness_refusal(view, now_ms), isolated=view.local.isolated, stalled_ms=view.local.stalled_ms,
        fenceable=target in view.local.fenceable, attempts=0 if attempt is None else attempt.count,
        last_attempt_ms=None if attempt is None else attempt.begun_ms, waiting=waiting), now_ms, timing)


def _is_outvoted(view: View, target: str, now_ms: int) -> bool:
    """Whether this node hears no majority, and the target, by its last word, may hear one without this node."""
    config, heard = view.config, view.heard.get(target)
    if heard is None or 1 + sum(not view.silent(name, now_ms) for name in view.others) >= config.majority:
        return False
    # Whom the target has fenced gives it a vote.
    theirs = (heard.beat.hears | heard.beat.fenced | {target}) - {view.me} - view.void.keys()
    return len(theirs) >= config.majority


def _news(before: View, after: View) -> list[str]:
    """What an operator may want to know of a step."""
    found: list[str] = []
    if after is before:
        return found
    term = after.durable.vote.term
    if after.leading and not before.leading:
        found.append(f"leads in term {term}: {after.reason}")
    elif before.leading and not after.leading:
        found.append(f"stops leading: {after.reason}")
    if after.claim_ms is not None and before.claim_ms is None and not after.leading:
        found.append(after.reason)
    if after.durable.vote != before.durable.vote and after.durable.vote.holder != after.me:
        found.append(f"votes for {after.durable.vote.holder} in term {term}")
    if after.durable.record != before.durable.record:
        record = after.durable.record
        found.append(f"data is current on {', '.join(sorted(record.members)) or 'no node'} (term {record.term}, "
                     f"revision {record.revision})")
    if after.required != before.required:
        found.append(f"no write is acknowledged without {', '.join(sorted(after.required))}" if after.required
                     else "writes are acknowledged without another node")
    if after.void is not before.void:
        found += [f"{name} is out: {after.void[name].proof.value}" for name in sorted(after.void.keys() - before.void)]
        found += [f"{name} is back" for name in sorted(before.void.keys() - after.void)]
    for name, attempt in after.fencing.items():
        if name not in before.fencing or before.fencing[name].count != attempt.count:
            found.append(f"fences {name}, attempt {attempt.count}")
    return found
