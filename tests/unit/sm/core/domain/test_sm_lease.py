# SPDX-License-Identifier: Apache-2.0
import pytest

from flock.core.records import replace
from sm.contract.states import Policy
from sm.core.domain.lease import (
    backing,
    expired,
    fitness_refusal,
    gone,
    has_live_majority,
    lease_end,
    must_stop,
    permitted_until,
    released,
    steps_down_at,
    vote_refusal,
)
from sm.core.domain.view import Proof, Record, Void, Vote
from sm.core.timing import Timing
from tests.unit.sm.core.domain.names import C0, C1, NOW, WITNESS

TIMING = Timing()


def void(view, proof=Proof.FENCED, at_ms=NOW - 2_000, name=C1):
    return replace(view, void={name: Void(proof, "boot-1", at_ms, at_ms, at_ms)})


def test_the_lease_is_counted_from_when_the_voters_had_heard_us(view):
    assert lease_end(view(leads=True), NOW) == NOW - 50 + TIMING.lease_ms
    assert lease_end(view(leads=True, claim_ms=None), NOW) == -1


def test_a_vote_for_somebody_else_and_an_echo_from_before_the_claim_count_nothing(view, beat):
    leading = view(leads=True)
    other = replace(leading.heard[C1], beat=beat(vote=Vote(7, C1)))
    assert backing(replace(leading, heard={C1: other}), NOW) == {C0: NOW}
    assert lease_end(replace(leading, claim_ms=NOW - 10), NOW) == -1


def test_of_three_voters_two_make_the_lease(view, hush):
    three = hush(view(leads=True, witness=True))
    assert lease_end(three, NOW) == NOW - 50 + TIMING.lease_ms
    assert has_live_majority(three, NOW)
    assert lease_end(hush(three, WITNESS), NOW) == -1


C2 = "controller-2"


def of_three(view, beat, **changes):
    """A leader of three nodes, which all vote for it."""
    leading = view(leads=True, **changes)
    third = replace(leading.heard[C1], beat=beat(node=C2, boot="boot-2"))
    return replace(leading, config=replace(leading.config, nodes=(C0, C1, C2)), heard={**leading.heard, C2: third})


def test_the_vote_of_a_fenced_node_counts_only_when_no_other_survivor_can_count_it(view, beat, hush):
    """Two nodes that have both fenced the third and do not hear each other would both lead."""
    three = of_three(view, beat)
    alone = void(hush(three, C2))
    assert set(backing(alone, NOW)) == {C0, C1} and lease_end(alone, NOW) == -1
    both = replace(alone, void={**alone.void, C2: Void(Proof.FENCED, "boot-2", NOW - 3_000, NOW, NOW)})
    assert lease_end(both, NOW) == NOW - 3_000 + TIMING.lease_ms
    assert lease_end(void(three), NOW) == NOW - 50 + TIMING.lease_ms


def test_the_vote_of_a_fenced_node_counts_without_the_witness_which_leads_nothing(view, hush):
    assert lease_end(void(hush(view(leads=True, witness=True), WITNESS)), NOW) == NOW - 2_000 + TIMING.lease_ms


def test_a_fenced_node_votes_for_us_until_it_could_have_met_the_third_voter(view):
    assert backing(void(view(leads=True)), NOW)[C1] == NOW
    assert backing(void(view(leads=True, witness=True)), NOW)[C1] == NOW - 2_000
    assert backing(void(view(leads=True, witness=True), Proof.WORD), NOW)[C1] == NOW
    assert not has_live_majority(void(view(leads=True)), NOW)


def test_a_leader_that_may_stay_alone_has_no_end(view):
    alone = view(leads=True)
    assert steps_down_at(alone) is permitted_until(alone, leased=True) is None
    assert not must_stop(alone, NOW + 10**9, leased=True)
    bound = view(leads=True, policy=Policy.PROMOTE)
    assert steps_down_at(bound) == NOW + TIMING.lease_ms - TIMING.step_down_ms - TIMING.drift_ms
    assert not must_stop(bound, steps_down_at(bound) - 1, leased=True)
    assert must_stop(bound, steps_down_at(bound), leased=True)


def test_a_grant_and_the_grace_of_an_earlier_daemon_permit_activity(view):
    assert permitted_until(view(grant_until_ms=NOW + 9), leased=False) == NOW + 9 - TIMING.drift_ms
    assert permitted_until(view(grace_until_ms=NOW + 8), leased=True) == NOW + 8 - TIMING.drift_ms
    assert must_stop(view(grant_until_ms=NOW + 10**6), NOW, leased=True)
    assert not must_stop(view(grant_until_ms=NOW + 10**6), NOW, leased=False)
    assert not must_stop(view(grace_until_ms=NOW + 10**6), NOW, leased=True)
    # The lease of an earlier term is nobody's when the vote went to another.
    assert must_stop(view(lease_until_ms=NOW + 10**6, former_until_ms=NOW + 10**6), NOW, leased=False)


def test_a_candidate_has_the_rest_of_its_former_lease_and_no_right_from_its_votes(view):
    """What it was ordered when it led, or before, may be elsewhere by now."""
    leader = view(leads=True, policy=Policy.PROMOTE)
    candidate = replace(leader, leading=False)
    assert must_stop(candidate, NOW, leased=False)
    resigned = replace(candidate, former_until_ms=leader.lease_until_ms)
    assert permitted_until(resigned, leased=True) == leader.lease_until_ms - TIMING.drift_ms
    assert must_stop(resigned, NOW, leased=True) and not must_stop(resigned, NOW, leased=False)


@pytest.mark.parametrize(("changes", "claim", "refusal"), [
    ({}, {"vote": Vote(8, C1)}, ""),
    ({}, {"vote": Vote(7, C1)}, "this voter is in term 7"),
    ({"leading": True}, {"vote": Vote(8, C1)}, "this node leads"),
    ({}, {"vote": Vote(8, C1), "record": Record(6, 9, frozenset({C1}))}, "is older than"),
    ({}, {"vote": Vote(8, C1), "record": Record(6, 9, frozenset({C1})), "accepts_loss": True}, ""),
    ({"promised_until_ms": NOW + 5}, {"vote": Vote(8, C1)}, ""),
])
def test_who_gets_a_vote(view, beat, changes, claim, refusal):
    found = vote_refusal(replace(view(), **changes), beat(claims=True, **claim), NOW)
    assert found == refusal == "" or refusal in found != ""


def test_stale_data_gets_no_vote(view, beat):
    own = view()
    own = replace(own, durable=replace(own.durable, record=Record(7, 3, frozenset({C0}))))
    assert vote_refusal(own, beat(claims=True, vote=Vote(8, C1)), NOW) == "its data is not current"


def test_a_promise_holds_until_the_holder_gives_up_or_is_off(view, beat):
    three = view(witness=True, promised_until_ms=NOW + 5)
    claim = beat(node=WITNESS, vote=Vote(8, WITNESS), claims=True, accepts_loss=True)
    heard = three.heard[C1]
    holds = replace(three, heard={**three.heard, C1: replace(heard, beat=beat(vote=Vote(7, C1), claims=True))})
    assert "promised to controller-1" in vote_refusal(holds, claim, NOW)
    stopping = replace(heard, beat=beat(vote=Vote(7, C1), active=True))
    assert "promised" in vote_refusal(replace(three, heard={**three.heard, C1: stopping}), claim, NOW)
    resigned = replace(three, heard={**three.heard, C1: replace(heard, beat=beat(vote=Vote(7, C1)))})
    assert vote_refusal(resigned, claim, NOW) == ""
    assert released(void(holds))
    assert vote_refusal(holds, replace(claim, fenced=frozenset({C1})), NOW) == ""
    assert not released(replace(holds, heard={}))


def test_a_promise_to_itself_yields_to_a_leader_of_a_later_term(view, beat):
    """A controller that led, was reset and comes back, while the lease that the other one has without it runs out."""
    own = view(leads=True, leading=False, claim_ms=None, promised_until_ms=NOW + 2_985)
    leader = beat(vote=Vote(8, C1), claims=True, leading=True)
    assert vote_refusal(own, leader, NOW) == ""
    assert "promised to controller-0" in vote_refusal(own, replace(leader, leading=False), NOW), "it has no right yet"
    assert "promised to controller-0" in vote_refusal(replace(own, claim_ms=NOW - 10), leader, NOW)
    assert vote_refusal(replace(own, leading=True), leader, NOW) == "this node leads"
    assert not released(own)


def test_data_is_current_by_voters_or_for_a_limited_time(view):
    assert fitness_refusal(view(), NOW) == "nobody confirms that its data is still current"
    assert fitness_refusal(view(current_until_ms=NOW + 1), NOW) == ""
    assert fitness_refusal(view(leads=True), NOW) == ""
    assert fitness_refusal(void(view(leads=True)), NOW) != ""
    stale = view(current_until_ms=NOW + 1)
    stale = replace(stale, durable=replace(stale.durable, record=Record(8, 1, frozenset({C1}))))
    assert fitness_refusal(stale, NOW) == "its data is not current"
    assert fitness_refusal(replace(stale, accepts_loss=True), NOW) == ""


def test_promote_trusts_time_only_about_a_leader_that_needed_our_vote(view, beat, hush):
    silent = hush(view(policy=Policy.PROMOTE))
    assert expired(silent, C1, NOW)
    assert not expired(hush(view()), C1, NOW)
    assert not expired(replace(silent, promised_until_ms=NOW), C1, NOW)
    assert not expired(view(policy=Policy.PROMOTE), C1, NOW)
    alone = replace(silent.heard[C1], beat=beat(alone=True))
    assert not expired(replace(silent, heard={C1: alone}), C1, NOW)


def test_a_silent_node_is_gone_when_its_grant_has_ended(view, hush):
    leading = hush(view(leads=True, leading_since_ms=NOW - 50_000))
    granted = replace(leading.heard[C1], granted_ms=NOW - TIMING.grant_ms)
    assert not gone(replace(leading, heard={C1: granted}), C1, NOW)
    assert gone(replace(leading, heard={C1: granted}), C1, NOW + TIMING.drift_ms)
    assert not gone(view(leads=True), C1, NOW)
    assert not gone(hush(view()), C1, NOW)
    assert gone(void(view()), C1, NOW)


def test_a_voter_that_may_have_forgotten_gives_no_vote(view, beat):
    own = view()
    own = replace(own, durable=replace(own.durable, forgot=True))
    assert "store is new" in vote_refusal(own, beat(claims=True, vote=Vote(8, C1)), NOW)
    assert vote_refusal(own, beat(claims=True, vote=Vote(8, C1), accepts_loss=True), NOW) == ""


def test_what_was_led_without_an_end_stays_over_a_restart_of_the_daemon(view):
    """However long the restart took: nobody else can have taken the lease."""
    restarted = replace(view(leads=True), leading=False, claim_ms=None, lease_until_ms=-1, grace_until_ms=NOW - 9_000)
    led = replace(restarted, durable=replace(restarted.durable, led_in="host-0"))
    assert not must_stop(led, NOW, leased=True) and permitted_until(led, leased=True) is None
    for other in (restarted, replace(led, host_boot="host-1"),
                  replace(led, durable=replace(led.durable, vote=Vote(8, C1))),
                  replace(led, config=replace(led.config, policy=Policy.PROMOTE))):
        assert must_stop(other, NOW, leased=True) and permitted_until(other, leased=True) is not None
