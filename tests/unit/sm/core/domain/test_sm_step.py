# SPDX-License-Identifier: Apache-2.0
from flock.core.records import replace
from sm.core.domain.events import (
    AskFenced,
    BeatHeard,
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
from sm.core.domain.step import step
from sm.core.domain.view import Heard, Local, Proof, Void, Vote
from sm.core.timing import Timing
from tests.unit.sm.core.domain.names import C0, C1, NOW, WITNESS

TIMING = Timing()


def only(actions, kind):
    return [action for action in actions if isinstance(action, kind)]


def test_a_vote_is_told_at_once_and_stored_before(view, beat):
    voted, actions = step(view(), BeatHeard(beat(claims=True, vote=Vote(9, C1))), NOW)
    kinds = [type(action) for action in actions]
    assert kinds.index(Store) < kinds.index(Send)
    assert only(actions, Store)[0].durable.vote == only(actions, Send)[0].beat.vote == Vote(9, C1)
    _, actions = step(voted, BeatHeard(beat(claims=True, vote=Vote(9, C1), sent_ms=5_001)), NOW + 1)
    assert not only(actions, Send)


def test_a_candidate_has_the_silent_leader_switched_off(view, beat, hush):
    """It could not vote for that leader, since it had just restarted, and so stands while the witness is promised."""
    led = hush(replace(view(witness=True), heard=view(witness=True).heard | {
        C1: Heard(beat(leading=True, vote=Vote(8, C1)), NOW, NOW)}, current_until_ms=NOW + 60_000))
    stands = replace(led, durable=replace(led.durable, vote=Vote(9, C0)), claim_ms=NOW - 100)
    _, actions = step(stands, Tick(), NOW)
    assert [action.target for action in only(actions, Fence)] == [C1]


def test_a_change_of_the_required_nodes_comes_before_the_record_is_told(view):
    _, actions = step(view(leads=True, required=frozenset()), Tick(), NOW)
    kinds = [type(action) for action in actions]
    assert kinds.index(Require) < kinds.index(Send)


def test_the_decision_to_go_on_alone_is_journalled(view):
    fenced = {C1: Void(Proof.FENCED, "boot-1", NOW, NOW, NOW)}
    after, actions = step(view(leads=True, void=fenced), Tick(), NOW)
    assert only(actions, Require) == [Require(frozenset(), 1)]
    assert Journal("writes are acknowledged without another node") in actions
    _, actions = step(replace(after, void={}), Tick(), NOW)
    assert only(actions, Require) == [Require(frozenset({C1}), 2)]
    assert Journal("no write is acknowledged without controller-1") in actions


def test_a_beat_says_what_its_sender_knows(view):
    after, actions = step(view(leads=True), Tick(), NOW)
    sent = only(actions, Send)[0].beat
    assert (sent.node, sent.leading, sent.claims, sent.active, sent.hears) == (C0, True, True, True, {C1})
    assert sent.echoes == {C1: ("boot-1", 5_000)}
    assert not sent.alone
    assert after.heard[C1].granted_ms == after.heard[C1].vouched_ms == NOW - 50


def test_the_leader_fences_a_silent_peer_once(view, hush):
    silent, actions = step(hush(view(leads=True)), Tick(), NOW)
    fence = only(actions, Fence)[0]
    assert (fence.target, "silent on every path" in fence.permit.reason) == (C1, True)
    _, again = step(silent, Tick(), NOW + 100)
    assert not only(again, Fence)
    late, _ = step(silent, FenceAnswered(C1, False, NOW, "no answer"), NOW + 200)
    _, retried = step(late, Tick(), NOW + TIMING.fence_retry_ms)
    assert only(retried, Fence)
    off, told = step(silent, FenceAnswered(C1, True, NOW), NOW + 300)
    assert off.void[C1].proof is Proof.FENCED
    assert any("controller-1 is out" in line.text for line in only(told, Journal))


def test_a_standby_fences_the_last_leader_after_a_delay_and_takes_over(view, hush):
    standby = view(current_until_ms=NOW + 60_000)
    early, actions = step(hush(standby, ms=TIMING.silent_ms + 1), Tick(), NOW)
    assert not only(actions, Fence)
    late, actions = step(hush(standby, ms=TIMING.silent_ms + TIMING.fence_delay_ms), Tick(), NOW)
    assert only(actions, Fence)
    leads, _ = step(late, FenceAnswered(C1, True, NOW), NOW + 100)
    assert leads.leading


def test_with_a_witness_a_standby_waits_less_long(view, hush, beat):
    standby = view(witness=True, current_until_ms=NOW + 60_000)
    led = replace(standby.heard[C1], beat=beat(vote=Vote(7, C1), leading=True))
    standby = replace(standby, heard={**standby.heard, C1: led})
    waits_ms = TIMING.silent_ms + TIMING.majority_delay_ms
    assert not only(step(hush(standby, ms=waits_ms - 1), Tick(), NOW)[1], Fence)
    assert only(step(hush(standby, ms=waits_ms), Tick(), NOW)[1], Fence)


def test_a_leader_that_hears_no_witness_leaves_the_first_strike_to_who_may_hear_it(view, hush, beat):
    def hearing(names):
        leader = hush(view(leads=True, witness=True), WITNESS)
        told = replace(leader.heard[C1], beat=beat(hears=frozenset(names)))
        return replace(leader, heard={**leader.heard, C1: told})

    silent_ms = TIMING.silent_ms + 100
    assert only(step(hush(hearing([C0]), ms=silent_ms), Tick(), NOW)[1], Fence)
    assert not only(step(hush(hearing([C0, WITNESS]), ms=silent_ms), Tick(), NOW)[1], Fence)
    assert only(step(hush(view(leads=True, witness=True), ms=silent_ms), Tick(), NOW)[1], Fence)


def test_with_three_voters_a_fenced_node_is_watched(view):
    fenced = view(leads=True, witness=True, void={C1: Void(Proof.FENCED, "boot-1", NOW, NOW, NOW)})
    asked, actions = step(fenced, Tick(), NOW + 1_000)
    assert only(actions, AskFenced)
    assert not only(step(asked, Tick(), NOW + 1_001)[1], AskFenced)
    on, _ = step(asked, FenceAnswered(C1, False, NOW + 1_000, "on"), NOW + 1_050)
    assert on.void == {}


def test_an_announced_pause_is_sent_until_it_ends(view):
    paused, actions = step(view(), Pausing(30_000), NOW)
    assert only(actions, Send)[0].beat.pausing_ms == 30_000
    assert only(step(paused, Tick(), NOW + 10_000)[1], Send)[0].beat.pausing_ms == 20_000


def test_an_operator_makes_the_standby_lead(view, hush):
    silent = hush(view(local=Local(eligible=True)))
    assert step(silent, ForceActive(True), NOW)[0].leading
    refused = step(silent, ForceActive(False), NOW)[0]
    assert (refused.leading, refused.reason) == (False, "nobody confirms that its data is still current")


def test_a_locked_node_stops_standing(view):
    waiting = replace(view(), stand_at_ms=NOW)
    after, _ = step(waiting, LocalChanged(Local()), NOW)
    assert (after.stand_at_ms, after.reason) == (None, "this node is locked or not ready")
