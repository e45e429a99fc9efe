# SPDX-License-Identifier: Apache-2.0
from flock.core.records import replace
from sm.core.domain.events import FenceAnswered
from sm.core.domain.hearing import fence_answered, forced, hear
from sm.core.domain.step import fence_verdict
from sm.core.domain.view import FenceAttempt, Proof, Record, Void, Vote
from sm.core.fencing import Permit
from sm.core.timing import Timing
from tests.unit.sm.core.domain.names import BOTH, C0, C1, NOW

TIMING = Timing()


def test_strangers_and_our_own_echo_are_ignored(view, beat):
    before = view()
    assert hear(before, beat(node="controller-9"), NOW) == before
    assert hear(before, beat(node=C0), NOW) == before


def test_an_echo_of_an_earlier_start_of_ours_says_nothing(view, beat):
    heard = hear(view(heard=False), beat(echoes={C0: ("older", 99)}), NOW).heard[C1]
    assert (heard.echo_ms, heard.received_ms) == (-1, NOW)


def test_a_claim_gets_the_vote_and_a_promise(view, beat):
    after = hear(view(), beat(claims=True, vote=Vote(9, C1)), NOW)
    assert (after.durable.vote, after.promised_until_ms) == (Vote(9, C1), NOW + TIMING.lease_ms)
    again = hear(after, beat(claims=True, vote=Vote(9, C1), sent_ms=5_100), NOW + 100)
    assert again.promised_until_ms == NOW + 100 + TIMING.lease_ms
    refused = hear(again, beat(node=C1, claims=True, vote=Vote(9, "somebody")), NOW)
    assert refused.durable.vote == Vote(9, C1)


def test_a_leader_grants_activity_and_vouches_for_data(view, beat):
    after = hear(view(), beat(leading=True, claims=True, vote=Vote(7, C1)), NOW)
    assert after.grant_until_ms == NOW - 50 + TIMING.grant_ms
    assert after.current_until_ms == NOW - 50 + TIMING.current_ms
    behind = hear(view(), beat(leading=True, record=Record(7, 4, frozenset({C1}))), NOW)
    assert behind.current_until_ms == -1
    assert behind.durable.record == Record(7, 4, frozenset({C1}))
    assert hear(view(leads=True), beat(leading=True, vote=Vote(6, C1)), NOW).grant_until_ms == -1


def test_an_announced_pause_extends_the_promise(view, beat):
    after = hear(view(), beat(leading=True, claims=True, vote=Vote(7, C1), pausing_ms=30_000), NOW)
    assert not after.silent(C1, NOW + 29_999)
    assert after.promised_until_ms == NOW + 30_000


def test_late_beats_of_a_fenced_node_are_ignored_and_a_new_start_is_not(view, beat):
    fenced = view(leads=True, void={C1: Void(Proof.FENCED, "boot-1", NOW - 100, NOW - 100, NOW - 100)})
    assert hear(fenced, beat(), NOW) == fenced
    back = hear(fenced, beat(boot="boot-2"), NOW)
    assert back.void == {}
    assert back.heard[C1].lent_ms == NOW
    # It speaks though its BMC said that it is off: the BMC was wrong.
    assert hear(fenced, beat(), NOW - 100 + TIMING.silent_ms).void == {}


def test_a_new_start_does_not_end_what_was_granted_before(view, beat):
    leading = view(leads=True)
    known = replace(leading.heard[C1], granted_ms=NOW - 70, vouched_ms=NOW - 70)
    heard = hear(replace(leading, heard={C1: known}), beat(boot="boot-2"), NOW).heard[C1]
    assert (heard.granted_ms, heard.vouched_ms) == (NOW - 70, NOW - 70)


def test_answers_of_the_bmc(view):
    asked = view(fencing={C1: FenceAttempt(NOW - 900, 1, "boot-1")})
    off = fence_answered(asked, FenceAnswered(C1, True, NOW - 900), NOW)
    # It was off at some moment after the question, and may have started since.
    assert (off.void[C1], off.fencing) == (Void(Proof.FENCED, "boot-1", NOW - 900, NOW - 900, NOW), {})
    failed = fence_answered(asked, FenceAnswered(C1, False, NOW - 900, "no answer"), NOW)
    assert (failed.void, failed.fencing[C1].answered_ms, failed.fencing[C1].detail) == ({}, NOW, "no answer")
    again = fence_answered(off, FenceAnswered(C1, True, NOW - 20), NOW)
    assert (again.void[C1].at_ms, again.void[C1].since_ms) == (NOW - 20, NOW)
    assert fence_answered(again, FenceAnswered(C1, True, NOW - 500), NOW).void[C1].at_ms == NOW - 20
    assert fence_answered(off, FenceAnswered(C1, False, NOW, "on again"), NOW + 9).void == {}


def test_a_node_that_starts_after_a_fence_is_not_fenced_again_before_it_was_heard(view, beat, hush):
    asked = hush(view(leads=True, fencing={C1: FenceAttempt(NOW - 900, 1, "boot-1")}))
    off = fence_answered(asked, FenceAnswered(C1, True, NOW - 900), NOW)
    on = fence_answered(off, FenceAnswered(C1, False, NOW, "on again"), NOW + 9)
    assert on.void == {} and "not since it was switched off" in fence_verdict(on, C1, NOW + 10_000).reason
    back = hear(on, beat(boot="boot-2"), NOW + 20_000)
    assert isinstance(fence_verdict(back, C1, NOW + 30_000), Permit)


def test_answers_that_come_too_late_prove_nothing(view, beat):
    assert fence_answered(view(), FenceAnswered(C1, True, NOW - 90), NOW).void == {}
    asked = view(fencing={C1: FenceAttempt(NOW - 900, 1, "boot-1")})
    assert fence_answered(asked, FenceAnswered(C1, True, NOW - 9_000), NOW).void == {}
    back = hear(asked, beat(boot="boot-2"), NOW - 10)
    assert fence_answered(back, FenceAnswered(C1, True, NOW - 900), NOW).void == {}


def test_the_word_of_an_operator_counts_for_silent_voters_only(view, hush):
    assert forced(view(), True, NOW).void == {}
    taken = forced(hush(view()), True, NOW)
    assert (taken.void[C1].proof, taken.accepts_loss) == (Proof.WORD, True)
    assert taken.durable.record.members == BOTH
