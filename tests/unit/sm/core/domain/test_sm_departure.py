# SPDX-License-Identifier: Apache-2.0
"""A node whose host goes down in order: nobody fences it, nobody waits for it, and nothing is active twice."""
import pytest

from flock.core.records import replace
from sm.contract.nodecommand import Fencing
from sm.core.domain.events import AskFenced, BeatHeard, Departing, Fence, LocalChanged, Send, Tick
from sm.core.domain.lease import gone, lease_end
from sm.core.domain.step import fencing, step
from sm.core.domain.view import Local, Proof, Record, Void, Vote
from sm.core.timing import Timing
from tests.unit.sm.core.domain.names import C0, C1, NOW, WITNESS

TIMING = Timing()
AWAY_MS = 900_000


def only(actions, kind):
    return [action for action in actions if isinstance(action, kind)]


def went(view, beat, **changes):
    """The view after controller-1 has said that it goes down."""
    return step(view, BeatHeard(beat(departing_ms=AWAY_MS, eligible=False, **changes)), NOW)[0]


def later(view, ms):
    """The view after ``ms`` of silence, and the fence orders of that time."""
    orders = []
    for at_ms in range(NOW + 100, NOW + ms + 1, 100):
        view, actions = step(view, Tick(), at_ms)
        orders += only(actions, (Fence, AskFenced))
    return view, orders


def test_the_leader_neither_fences_nor_waits_for_a_standby_that_goes_down(view, beat):
    after = went(view(leads=True), beat)
    assert after.void[C1].proof is Proof.DEPARTED
    assert (after.required, after.durable.record.members, gone(after, C1, NOW)) == (frozenset(), {C0}, True)
    after, orders = later(after, 120_000)
    assert (after.leading, orders) == (True, [])
    assert fencing(after, C1, NOW + 120_000) is Fencing.NONE


def test_it_belongs_to_the_domain_again_when_it_is_heard_in_another_start(view, beat):
    after, _ = later(went(view(leads=True), beat), 30_000)
    assert C1 in step(after, BeatHeard(beat(boot="boot-2", departing_ms=0)), NOW + 30_000)[0].heard
    back = step(after, BeatHeard(beat(boot="boot-2")), NOW + 30_000)[0]
    assert (back.void, back.required) == ({}, {C1})
    silent, orders = later(replace(back, local=replace(back.local, stalled_ms=0)), 40_000)
    assert [order.target for order in orders][:1] == [C1], "without an announcement its silence is fenced as before"
    assert silent.fencing


def test_beats_of_that_start_which_were_under_way_change_nothing(view, beat):
    after = went(view(leads=True), beat)
    assert step(after, BeatHeard(beat()), NOW + 200)[0].void == after.void
    # It is still there long after its last words: it is believed, and is no longer out.
    assert step(after, BeatHeard(beat()), NOW + TIMING.silent_ms)[0].void == {}


def test_the_standby_takes_over_at_once_from_a_leader_that_has_gone(view, beat):
    standby = view(current_until_ms=NOW + 10_000, promised_until_ms=NOW + TIMING.lease_ms)
    after = went(standby, beat, vote=Vote(7, C1))
    for at_ms in range(NOW, NOW + 400, 100):
        after, actions = step(after, Tick(), at_ms)
        assert not only(actions, Fence)
    assert after.leading


def test_who_has_gone_does_nothing_more_but_to_say_so(view, beat):
    leader = view(leads=True, local=Local(eligible=True, in_sync=frozenset({C1})))
    after, actions = step(leader, Departing(AWAY_MS), NOW)
    sent = only(actions, Send)[0].beat
    assert (sent.departing_ms, sent.leading, sent.claims, sent.eligible) == (AWAY_MS, False, False, False)
    assert (after.leading, after.durable.led_in) == (False, "")
    for event in (Tick(), BeatHeard(beat(claims=True, vote=Vote(9, C1))), LocalChanged(Local(eligible=True)),
                  Departing(5)):
        after, actions = step(after, event, NOW + 60_000)
        assert (after.durable.vote.holder, after.claim_ms, only(actions, Fence)) == (C0, None, [])
        assert all(action.beat.departing_ms == AWAY_MS for action in only(actions, Send))


def test_nobody_goes_while_something_is_active_that_needs_the_lease(view):
    after, actions = step(view(leads=True), Departing(AWAY_MS), NOW)
    assert (after.leading, only(actions, Send)[0].beat.departing_ms) == (True, 0)


def test_among_three_voters_its_vote_counts_for_the_length_of_a_lease(view, beat):
    """It could start again and vote with the witness where this node is not heard."""
    leader = view(leads=True, witness=True)
    after = went(leader, beat)
    assert after.void[C1].at_ms == NOW - 50, "a moment before it ended"
    after = replace(after, heard={name: replace(known, echo_ms=-1) for name, known in after.heard.items()})
    assert lease_end(after, NOW + 60_000) == NOW - 50 + TIMING.lease_ms


def test_a_leader_that_needs_its_vote_longer_has_it_switched_off(view, beat):
    after = went(view(leads=True, witness=True), beat)
    hearing = after
    for at_ms in range(NOW, NOW + 10_000, 100):
        hearing, actions = step(hearing, BeatHeard(beat(
            node=WITNESS, boot="boot-w", sent_ms=at_ms, echoes={C0: ("boot-0", at_ms - 10)})), at_ms)
        hearing, more = step(hearing, Tick(), at_ms)
        assert not only((*actions, *more), Fence)
    assert hearing.leading
    assert later(after, 2_000)[1][0].target == C1, "the witness is silent as well"


@pytest.mark.parametrize("eligible", [True, False])
def test_only_a_standby_in_service_is_waited_for_and_fenced(view, beat, hush, eligible):
    """Host maintenance resets one that is locked; nobody may take that for its death."""
    told, _ = step(view(leads=True), BeatHeard(beat(eligible=eligible)), NOW)
    assert (C1 in told.durable.record.members) is eligible
    stored, _ = step(told, BeatHeard(beat(eligible=eligible, record=told.durable.record, sent_ms=5_100)), NOW + 100)
    assert (C1 in stored.required) is eligible
    _, actions = step(hush(stored), Tick(), NOW + 200)
    assert [order.target for order in only(actions, Fence)] == ([C1] if eligible else [])


def test_what_is_said_of_a_controller_that_is_silent(view, hush):
    leads = view(leads=True)
    assert fencing(leads, C1, NOW) is Fencing.ABLE
    assert fencing(hush(leads), C1, NOW) is Fencing.ABLE
    assert fencing(replace(leads, local=replace(leads.local, fenceable=frozenset())), C1, NOW) is Fencing.NONE
    assert fencing(replace(leads, void={C1: Void(Proof.FENCED, "b", 0, 0, 0)}), C1, NOW) is Fencing.OFF
    assert fencing(replace(leads, durable=replace(leads.durable, record=Record(7, 3))), "worker-0", NOW) is Fencing.NONE
