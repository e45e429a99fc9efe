# SPDX-License-Identifier: Apache-2.0
"""What a voter concludes from another voter's beat, and from the answers of BMCs and operators."""
from __future__ import annotations

from flock.core.records import replace
from sm.core.domain.events import FenceAnswered
from sm.core.domain.lease import stays_void, vote_refusal
from sm.core.domain.view import Beat, Heard, Proof, View, Void


def hear(view: View, beat: Beat, now_ms: int) -> View:
    """The view after a beat of another voter."""
    if beat.node == view.me or beat.node not in view.config.voters:
        return view
    void = view.void.get(beat.node)
    if void is not None and _in_flight(view, void, beat, now_ms):
        return view
    view = _note(view, beat, now_ms)
    if void is not None:
        view = cleared(view, beat.node, now_ms)
    if beat.departing_ms:
        # The echo is of a moment before it ended; it promises nothing for the length of a lease after another start.
        gone = Void(Proof.DEPARTED, beat.boot, view.heard[beat.node].echo_ms, now_ms, now_ms)
        view = replace(view, void={**view.void, beat.node: gone})
    if beat.record.age > view.durable.record.age:
        view = replace(view, durable=replace(view.durable, record=beat.record))
    if beat.claims and beat.vote.holder == beat.node:
        view = _answer_claim(view, beat, now_ms)
    return _take_grant(view, beat) if beat.leading else view


def _in_flight(view: View, void: Void, beat: Beat, now_ms: int) -> bool:
    """Whether a beat of a node that is off was sent before it was switched off."""
    return (void.proof is not Proof.EXPIRED and beat.boot == void.boot
            and now_ms < void.since_ms + view.config.timing.silent_ms)


def _note(view: View, beat: Beat, now_ms: int) -> View:
    known = view.heard.get(beat.node)
    boot, echo_ms = beat.echoes.get(view.me, ("", -1))
    echo_ms = echo_ms if boot == view.boot else -1
    quiet_until_ms = now_ms + beat.pausing_ms if beat.pausing_ms else 0
    if known is None or known.beat.boot != beat.boot:
        # What it was granted in an earlier boot ended with that boot, but nobody has proven when.
        granted_ms, vouched_ms = (-1, -1) if known is None else (known.granted_ms, known.vouched_ms)
        heard = Heard(beat, now_ms, echo_ms, granted_ms, vouched_ms, -1, quiet_until_ms)
    else:
        heard = replace(known, beat=beat, received_ms=now_ms, echo_ms=max(known.echo_ms, echo_ms),
                        quiet_until_ms=quiet_until_ms, ended=False)
    promised = view.promised_until_ms
    if quiet_until_ms and beat.node == view.durable.vote.holder and beat.leading:
        promised = max(promised, quiet_until_ms)
    return replace(view, heard={**view.heard, beat.node: heard}, promised_until_ms=promised)


def _answer_claim(view: View, beat: Beat, now_ms: int) -> View:
    until_ms = now_ms + view.config.timing.lease_ms
    if beat.vote == view.durable.vote:
        return replace(view, promised_until_ms=max(view.promised_until_ms, until_ms))
    if vote_refusal(view, beat, now_ms):
        return view
    return replace(view, durable=replace(view.durable, vote=beat.vote, led_in=""), promised_until_ms=until_ms,
                   claim_ms=None, stand_at_ms=None, reason=f"votes for {beat.node} in term {beat.vote.term}")


def _take_grant(view: View, beat: Beat) -> View:
    """A beat of the leader lets this node keep its groups, and says whether its data is current."""
    timing, echo_ms = view.config.timing, view.heard[beat.node].echo_ms
    if view.leading or echo_ms < 0:
        return view
    view = replace(view, grant_until_ms=max(view.grant_until_ms, echo_ms + timing.grant_ms))
    if view.me in beat.record.members and beat.record.age == view.durable.record.age:
        return replace(view, current_until_ms=max(view.current_until_ms, echo_ms + timing.current_ms))
    return view


def cleared(view: View, name: str, now_ms: int) -> View:
    """The view in which nothing is proven of a node any more. Its vote counts as ours until it could be heard."""
    void = view.void[name]
    heard = view.heard.get(name)
    if heard is not None:
        lent_ms = now_ms if stays_void(view, void) else void.at_ms
        ended = void.proof is Proof.FENCED and void.boot == heard.beat.boot
        view = replace(view, heard={**view.heard, name: replace(heard, lent_ms=lent_ms, ended=ended)})
    return replace(view, void={other: known for other, known in view.void.items() if other != name})


def fence_answered(view: View, answer: FenceAnswered, now_ms: int) -> View:
    """The view after a BMC has answered. It proves that the node was off at some moment after the question."""
    target = answer.target
    attempt, known = view.fencing.get(target), view.void.get(target)
    if attempt is not None and attempt.begun_ms == answer.asked_ms:
        if not answer.off:
            failed = replace(attempt, answered_ms=now_ms, detail=answer.detail)
            return replace(view, fencing={**view.fencing, target: failed})
        view = replace(view, fencing={name: other for name, other in view.fencing.items() if name != target})
        if target in view.heard and view.heard[target].beat.boot != attempt.boot:
            return view
        void = Void(Proof.FENCED, attempt.boot, answer.asked_ms, answer.asked_ms, now_ms)
        return replace(view, void={**view.void, target: void})
    if known is None or known.proof is not Proof.FENCED:
        return view
    if not answer.off:
        return cleared(view, target, now_ms)
    confirmed = replace(known, at_ms=max(known.at_ms, answer.asked_ms))
    return replace(view, void={**view.void, target: confirmed})


def forced(view: View, accepts_loss: bool, now_ms: int) -> View:
    """The view after an operator's word that the silent voters are off."""
    void = dict(view.void)
    for name in view.others:
        if name not in void and view.silent(name, now_ms):
            heard = view.heard.get(name)
            void[name] = Void(Proof.WORD, heard.beat.boot if heard is not None else "", now_ms, now_ms, now_ms)
    return replace(view, void=void, accepts_loss=accepts_loss, stand_at_ms=now_ms)
