# SPDX-License-Identifier: Apache-2.0
import pytest

from flock.core.records import replace
from sm.contract.states import Policy
from sm.core.domain.standing import decided, standing_refusal
from sm.core.domain.view import Durable, Local, Proof, Record, Void, Vote
from sm.core.timing import Timing
from tests.unit.sm.core.domain.names import BOTH, C0, C1, NOW, WITNESS

TIMING = Timing()


def test_the_vote_of_a_node_that_is_off_is_no_reason_to_stand_while_another_is_silent(view, hush):
    third = "controller-2"
    alone = hush(view())
    alone = replace(alone, config=replace(alone.config, nodes=(C0, C1, third)), started_ms=0,
                    heard={**alone.heard, third: replace(alone.heard[C1], beat=replace(
                        alone.heard[C1].beat, node=third))},
                    void={third: Void(Proof.FENCED, "boot-1", NOW, NOW, NOW)})
    assert "no majority: controller-1 is neither heard" in standing_refusal(alone, NOW)
    both = replace(alone, void={**alone.void, C1: Void(Proof.FENCED, "boot-1", NOW, NOW, NOW)})
    assert standing_refusal(both, NOW) == ""


@pytest.mark.parametrize(("changes", "refusal"), [
    ({}, ""),
    ({"me": WITNESS}, "a witness does not lead"),
    ({"local": Local()}, "this node is locked or not ready"),
    ({"local": Local(eligible=True, isolated="mgmt has no carrier")}, "own networks are at fault: mgmt has no carrier"),
    ({"durable": Durable(Vote(7, C1), Record(7, 3, frozenset({C1})))}, "its data is not current"),
    ({"promised_until_ms": NOW + 7, "durable": Durable(Vote(7, WITNESS), Record(7, 3, BOTH))},
     "its vote is promised to witness for 7 ms"),
    ({"heard": {}, "started_ms": NOW - 10}, "waits for controller-1 since its start"),
    ({"heard": {}}, "no majority: controller-1 is neither heard nor proven to be off"),
])
def test_who_does_not_stand(view, changes, refusal):
    assert refusal in standing_refusal(view(**changes), NOW)
    assert bool(refusal) == bool(standing_refusal(view(**changes), NOW))


def test_a_heard_leader_is_left_alone(view, beat):
    led = view()
    led = replace(led, heard={C1: replace(led.heard[C1], beat=beat(leading=True, vote=Vote(7, C1)))})
    assert standing_refusal(led, NOW) == "controller-1 leads"


def test_the_last_leader_stands_first_and_the_next_one_a_little_later(view):
    waiting = decided(view(), NOW)
    assert (waiting.claim_ms, waiting.stand_at_ms) == (None, NOW + TIMING.stagger_ms)
    assert decided(waiting, NOW + TIMING.stagger_ms).durable.vote == Vote(8, C0)
    first = decided(view(durable=Durable(Vote(7, C0), Record(7, 3, BOTH))), NOW)
    assert (first.claim_ms, first.durable.vote, first.leading) == (NOW, Vote(8, C0), False)


def test_a_candidate_leads_with_the_votes_of_a_majority(view, beat):
    standing = decided(view(durable=Durable(Vote(7, C0), Record(7, 3, BOTH))), NOW)
    voted = replace(standing.heard[C1], beat=beat(vote=Vote(8, C0)), echo_ms=NOW)
    leads = decided(replace(standing, heard={C1: voted}), NOW + 1)
    assert leads.leading
    assert leads.reason == "has the votes of a majority in term 8"
    assert leads.durable.led_in == "host-0"
    assert leads.durable.record == Record(8, 1, BOTH)


def test_a_fence_is_a_vote_while_the_data_is_certainly_current(view):
    fenced = {C1: Void(Proof.FENCED, "boot-1", NOW, NOW, NOW)}
    assert decided(view(void=fenced, current_until_ms=NOW + 1, promised_until_ms=NOW + 10**6), NOW).leading
    unsure = decided(view(void=fenced), NOW)
    assert (unsure.leading, unsure.reason) == (False, "nobody confirms that its data is still current")
    assert decided(view(void=fenced, accepts_loss=True), NOW).leading


def test_a_leader_without_a_majority_steps_down_unless_it_may_stay(view, hush):
    late = NOW + TIMING.lease_ms
    assert decided(hush(view(leads=True)), late).leading
    ended = decided(hush(view(leads=True, policy=Policy.PROMOTE)), late)
    assert (ended.leading, ended.reason) == (False, "no majority has confirmed the lease in time")
    assert ended.former_until_ms == view(leads=True).lease_until_ms
    assert not decided(hush(hush(view(leads=True, witness=True)), WITNESS), late).leading


def test_a_leader_gives_way_to_a_greater_term_and_not_to_a_smaller_one(view, beat):
    def after(term):
        leading = view(leads=True)
        rival = replace(leading.heard[C1], beat=beat(leading=True, vote=Vote(term, C1)))
        return decided(replace(leading, heard={C1: rival}), NOW)
    assert not after(8).leading
    assert after(6).leading


def test_a_leader_follows_a_greater_term_that_nobody_leads(view, beat):
    leading = view(leads=True)
    ahead = replace(leading.heard[C1], beat=beat(vote=Vote(9, C1)))
    after = decided(replace(leading, heard={C1: ahead}), NOW)
    assert (after.leading, after.durable.vote) == (True, Vote(10, C0))


def test_the_lease_is_handed_over_once_nothing_is_active_here(view, beat):
    leading = view(leads=True)
    knows = replace(leading.heard[C1], beat=beat(record=leading.durable.record))
    leading = replace(leading, heard={C1: knows})
    stopping = replace(leading, local=replace(leading.local, heir=C1))
    assert decided(stopping, NOW).leading
    stopped = replace(leading, local=replace(leading.local, active=False, heir=C1))
    after = decided(stopped, NOW)
    assert (after.leading, after.durable.vote) == (False, Vote(8, C1))
    locked = replace(leading, local=Local())
    assert decided(locked, NOW).durable.vote == Vote(8, C1)
    staying = replace(leading, local=replace(leading.local, active=False))
    assert decided(staying, NOW).leading


def test_an_offered_lease_is_taken_at_once(view, beat):
    promised = view(promised_until_ms=NOW + 10**6)
    offered = replace(promised.heard[C1], beat=beat(vote=Vote(8, C0)))
    after = decided(replace(promised, heard={C1: offered}), NOW)
    assert (after.claim_ms, after.durable.vote) == (NOW, Vote(8, C0))


def test_a_restarted_daemon_of_a_lone_leader_goes_on(view):
    durable = Durable(Vote(7, C0), Record(7, 3, BOTH), led_in="host-0")
    again = decided(view(heard=False, durable=durable, started_ms=NOW), NOW)
    assert (again.claim_ms, again.leading) == (NOW, False)
    assert decided(again, NOW + TIMING.silent_ms).leading
    rebooted = decided(view(heard=False, durable=replace(durable, led_in="host-9")), NOW)
    assert rebooted.claim_ms is None


def test_candidates_with_split_votes_stand_again(view, beat):
    standing = decided(view(durable=Durable(Vote(7, C0), Record(7, 3, BOTH))), NOW)
    rival = replace(standing.heard[C1], beat=beat(vote=Vote(8, C1), claims=True), received_ms=NOW + 600)
    split = decided(replace(standing, heard={C1: rival}), NOW + 2 * TIMING.stagger_ms)
    assert (split.claim_ms, split.reason) == (None, "another candidate has votes in this term")
    assert decided(split, NOW + 2 * TIMING.stagger_ms).durable.vote == Vote(9, C0)


def test_a_new_store_is_trusted_after_a_leader_or_everybody_was_heard(view, beat, hush):
    new = Durable(Vote(7, C1), Record(7, 3, BOTH), forgot=True)
    assert "store is new" in decided(hush(view(durable=new)), NOW).reason
    assert not decided(view(durable=new), NOW).durable.forgot
    three = hush(view(witness=True, durable=new), WITNESS)
    assert decided(three, NOW).durable.forgot
    leads = replace(three.heard[C1], beat=beat(leading=True, vote=Vote(7, C1)))
    assert not decided(replace(three, heard={**three.heard, C1: leads}), NOW).durable.forgot
