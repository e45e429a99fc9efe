# SPDX-License-Identifier: Apache-2.0
from flock.core.records import replace
from sm.core.domain.record import renewed, taken_over, wanted
from sm.core.domain.view import Local, Proof, Record, Void
from sm.core.timing import Timing
from tests.unit.sm.core.domain.names import BOTH, C0, C1, NOW, WITNESS

CURRENT_MS = Timing().current_ms + Timing().drift_ms
OUT = Local(eligible=True, active=True)


def enforcing(view, order):
    return replace(view, local=replace(view.local, enforced=order))


def alone(view):
    leading = view(leads=True, required=frozenset())
    return replace(leading, durable=replace(leading.durable, record=Record(7, 4, frozenset({C0}))))


def test_who_stores_synchronously_is_required_and_joins_when_that_is_in_force(view):
    asked = renewed(alone(view), NOW)
    assert (asked.required, asked.order, asked.durable.record.members) == ({C1}, 1, {C0})
    assert renewed(enforcing(asked, 0), NOW).durable.record.members == {C0}
    joined = renewed(enforcing(asked, 1), NOW)
    assert joined.durable.record == Record(7, 5, BOTH)
    assert renewed(joined, NOW) == joined


def test_a_proof_of_before_is_none_for_a_node_that_is_required_anew(view):
    asked = renewed(enforcing(alone(view), 0), NOW)
    dropped = replace(renewed(replace(asked, local=replace(asked.local, in_sync=frozenset(), enforced=1)), NOW))
    assert (dropped.required, dropped.order) == ({C1}, 1), "it may still be promoted"
    gone = renewed(replace(dropped, void={C1: Void(Proof.FENCED, "boot-1", NOW, NOW, NOW)}), NOW)
    assert (gone.required, gone.order) == (frozenset(), 2)
    again = renewed(replace(gone, void={}, local=replace(gone.local, in_sync=frozenset({C1}), enforced=2)), NOW)
    assert (again.required, again.order, again.durable.record.members) == ({C1}, 3, {C0})


def test_a_member_that_a_new_leader_requires_stays_while_it_is_in_sync(view):
    leading = view(leads=True)
    assert renewed(enforcing(leading, -1), NOW).durable.record.members == BOTH


def test_nobody_leaves_while_nothing_is_written(view, hush):
    stopped = hush(view(leads=True, local=Local(eligible=True)))
    assert wanted(stopped, NOW) == BOTH


def test_who_leaves_is_required_until_it_has_stored_that(view, beat):
    left = renewed(view(leads=True, local=OUT), NOW)
    assert left.durable.record == Record(7, 4, frozenset({C0}))
    assert left.required == {C1}
    stored = replace(left.heard[C1], beat=beat(record=left.durable.record))
    assert renewed(replace(left, heard={C1: stored}), NOW).required == frozenset()


def test_who_leaves_is_required_until_its_right_has_ended(view, hush):
    left = renewed(hush(view(leads=True, local=OUT)), NOW)
    vouched = replace(left, heard={C1: replace(left.heard[C1], vouched_ms=NOW - 10)})
    assert renewed(vouched, NOW - 10 + CURRENT_MS - 1).required == {C1}
    assert renewed(vouched, NOW - 10 + CURRENT_MS).required == frozenset()


def test_who_is_fenced_leaves_at_once_unless_a_third_voter_knows_an_older_record(view, beat):
    fenced = {C1: Void(Proof.FENCED, "boot-1", NOW, NOW, NOW)}
    assert renewed(view(leads=True, void=fenced), NOW).required == frozenset()
    three = renewed(view(leads=True, witness=True, void=fenced), NOW)
    assert three.required == {C1}
    knows = replace(three.heard[WITNESS], beat=beat(node=WITNESS, record=three.durable.record))
    assert renewed(replace(three, heard={**three.heard, WITNESS: knows}), NOW).required == frozenset()


def test_an_expired_lease_is_no_proof_about_data(view, hush):
    expired = hush(view(leads=True, void={C1: Void(Proof.EXPIRED, "boot-1", NOW, NOW, NOW)}, leading_since_ms=NOW - 10))
    assert renewed(expired, NOW).required == {C1}


def test_a_new_leader_requires_every_member_and_distrusts_only_others_than_the_prior_leader(view):
    taken = taken_over(view(), NOW, prior=C1)
    assert taken.required == {C1}
    assert taken.heard[C1].vouched_ms == NOW - Timing().current_ms
    assert taken_over(view(), NOW, prior=C0).heard[C1].vouched_ms == -1


def test_the_successor_stays_while_the_groups_move_to_it(view, hush):
    """Its replication ends when the database here stops, or with the network because of which they move."""
    moving = view(leads=True, local=replace(OUT, successor=C1))
    assert wanted(moving, NOW) == BOTH
    assert wanted(hush(moving), NOW) == {C0}
    outdated = replace(moving.durable, record=Record(7, 4, frozenset({C0})))
    assert wanted(replace(moving, durable=outdated), NOW) == {C0}


def test_who_has_just_lost_synchronization_stays_and_does_not_join(view, hush):
    doubtful = view(leads=True, local=replace(OUT, doubtful=frozenset({C1})))
    assert wanted(doubtful, NOW) == BOTH
    assert wanted(hush(doubtful), NOW) == {C0}
    outdated = replace(doubtful.durable, record=Record(7, 4, frozenset({C0})))
    assert wanted(replace(doubtful, durable=outdated), NOW) == {C0}
