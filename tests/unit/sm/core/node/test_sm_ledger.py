# SPDX-License-Identifier: Apache-2.0
import pytest

from flock.core.records import replace
from sm.contract.messages import Beat
from sm.contract.states import GroupState, SchedulingState
from sm.core.cluster import Assignment
from sm.core.domain.view import Proof, Void
from sm.core.node import ledger
from sm.core.node.step import step
from sm.core.node.view import BeatCame, Book, Peer, StandingChanged
from sm.core.timing import Timing
from tests.unit.sm.core.node.names import C0, C1, NOW

ACTIVE, STANDBY, DISABLED = GroupState.ACTIVE, GroupState.STANDBY, GroupState.DISABLED


def desired(view, node):
    return {order.group: order.desired for order in view.book.orders[node]}


def test_what_needs_the_lease_and_what_needs_a_grant(site):
    kinds = {name: (ledger.leased(group), ledger.bound(group)) for name, group in site.groups.items()}
    assert kinds == {"cloud-services": (True, True), "patching-services": (False, True), "web-services": (False, False)}


def test_a_node_counts_as_current_only_while_it_follows_and_has_told(node, site, heard):
    def current(view):
        return ledger.cluster(view, site, NOW).nodes[C1].current
    view = node()
    assert current(view)
    other = replace(view.domain, heard={C1: heard(follows="")})
    assert not current(replace(view, domain=other))
    assert not current(replace(view, peers={C1: Peer("boot-0", 4)}))
    assert not current(replace(view, peers={}))
    silent = replace(view.domain, heard={C1: replace(heard(), received_ms=NOW - 60_000)})
    assert not current(replace(view, domain=silent))


def test_a_fenced_node_is_gone(node, site):
    view = node()
    fenced = replace(view.domain, void={C1: Void(Proof.FENCED, "boot-1", NOW, NOW, NOW)})
    found = ledger.cluster(replace(view, domain=fenced), site, NOW).nodes[C1]
    assert (found.gone, found.current) == (True, False)


def test_an_order_counts_as_obeyed_only_in_this_term_and_with_its_number(node, site):
    rows = {("cloud-services", C1): Assignment("cloud-services", C1, told_active=True)}
    view = node(book=Book(7, rows, number=3))

    def told_active(obeyed):
        peers = {C1: replace(view.peers[C1], obeyed=obeyed)}
        return ledger.cluster(replace(view, peers=peers), site, NOW).assignments["cloud-services", C1].told_active
    assert told_active((7, 2))
    assert told_active((6, 3))
    assert not told_active((7, 3))


def test_a_new_leader_assumes_that_others_may_obey_an_earlier_one(node, site):
    rows = ledger.opened(node(), site).book.rows
    assert rows["patching-services", C1].told_active
    # It takes the lease, with which nobody can order another node to have it.
    assert not rows["cloud-services", C1].told_active
    assert not rows["web-services", C1].told_active
    assert not rows["cloud-services", C0].told_active


def test_orders_keep_their_number_while_they_mean_the_same(node, site):
    first, _ = ledger.planned(ledger.opened(node(), site), site, NOW)
    again, logs = ledger.planned(replace(first, basis=()), site, NOW)
    assert (first.book.number, again.book.number, logs) == (1, 1, ())
    assert ledger.planned(first, site, NOW) == (first, ())


@pytest.fixture
def placed(node, site):
    """controller-0 leads and has everything active."""
    view = node()
    rows = {(name, place): Assignment(name, place, desired=ACTIVE if place == C0 else STANDBY,
                                      state=ACTIVE if place == C0 else STANDBY, stopped=place == C1)
            for name in site.groups for place in (C0, C1)}
    groups = {name: replace(group, desired=ACTIVE, state=ACTIVE) for name, group in view.local.groups.items()}
    view = replace(view, book=Book(7, rows), local=replace(view.local, groups=groups))
    return ledger.planned(view, site, NOW)[0]


def test_a_leased_group_follows_the_lease_and_others_the_order(placed, site):
    assert desired(placed, C0)["cloud-services"] is ACTIVE
    rows = {key: replace(row, scheduling=SchedulingState.SWACT) if key[1] == C0 and key[0] != "web-services" else row
            for key, row in placed.book.rows.items()}
    stopped = {name: replace(group, state=STANDBY) for name, group in placed.local.groups.items()}
    moving = replace(placed, basis=(), book=replace(placed.book, rows=rows),
                     local=replace(placed.local, groups=stopped))
    # The first pass stops here, the next one sees that it has.
    first, _ = ledger.planned(moving, site, NOW)
    moved, _ = ledger.planned(replace(first, basis=()), site, NOW)
    # The other node must have taken the orders that say so, or it would undo the move.
    assert moved.domain.local.heir == ""
    told = replace(moved.peers[C1], obeyed=(7, moved.book.number))
    moved, _ = ledger.planned(replace(moved, peers={C1: told}), site, NOW)
    assert moved.domain.local.heir == C1
    assert moved.book.rows["cloud-services", C1].desired is ACTIVE
    assert desired(moved, C1) == {"cloud-services": STANDBY, "patching-services": ACTIVE, "web-services": ACTIVE}
    assert desired(moved, C0)["cloud-services"] is STANDBY


def test_the_leader_has_no_heir_while_groups_stay(placed):
    assert placed.domain.local.heir == ""


def test_the_successor_is_known_from_the_beginning_of_a_move(placed, site):
    """The heir only when what is leased has stopped here."""
    assert placed.domain.local.successor == ""
    rows = {key: replace(row, scheduling=SchedulingState.SWACT) if key == ("cloud-services", C0) else row
            for key, row in placed.book.rows.items()}
    moving, _ = ledger.planned(replace(placed, basis=(), book=replace(placed.book, rows=rows)), site, NOW)
    assert desired(moving, C0)["cloud-services"] is STANDBY
    assert (moving.domain.local.heir, moving.domain.local.successor) == ("", C1)


def test_a_loss_of_networks_counts_after_the_others_can_have_told_theirs(node, site):
    view, _ = step(node(), StandingChanged(replace(node().standing, lost=frozenset({"mgmt"}))), site, NOW)
    view, _ = step(view, BeatCame(Beat(C1, "boot-1", 9, 6_000, carriers={"mgmt": False})), site, NOW + 300)
    nodes = ledger.cluster(view, site, NOW + 300).nodes
    held_ms = Timing().silent_ms + 2 * Timing().beat_ms
    assert [(nodes[name].score, nodes[name].score_from_ms) for name in (C0, C1)] == [
        (-4, NOW + held_ms), (-4, NOW + 300 + held_ms)]
    same, _ = step(view, BeatCame(Beat(C1, "boot-1", 10, 6_100, carriers={"mgmt": False})), site, NOW + 400)
    assert ledger.cluster(same, site, NOW + 400).nodes[C1].score_from_ms == NOW + 300 + held_ms


def test_a_site_says_what_a_lost_network_costs(node, site):
    view = node(standing=replace(node().standing, lost=frozenset({"oam"})))
    assert ledger.cluster(view, site, NOW).nodes[C0].score == -1
    assert ledger.cluster(replace(view, weights={"oam": 6}), site, NOW).nodes[C0].score == -6
