# SPDX-License-Identifier: Apache-2.0
import pytest

from flock.core.records import replace
from sm.contract.messages import AssignmentReport, Beat, Echo, GroupOrder, Maintenance, NodeReport, Snapshot, Vote
from sm.contract.states import (
    ActionResult,
    Administrative,
    GroupState,
    Operational,
    ServiceAction,
    ServiceState,
    Status,
)
from sm.core.actions import RunAction
from sm.core.domain import events as domain
from sm.core.events import ActionDone, ProcessDied
from sm.core.node import ledger
from sm.core.node.step import step, watchdog_until
from sm.core.node.view import (
    BeatCame,
    NodeTold,
    Peer,
    Send,
    SetMaintenance,
    Standing,
    StandingChanged,
    Swact,
    TakeReport,
)
from sm.core.timing import Timing
from sm.daemon.status import status
from tests.unit.sm.core.node.names import C0, C1, NOW

ACTIVE, STANDBY = GroupState.ACTIVE, GroupState.STANDBY


def only(actions, kind):
    return [action for action in actions if isinstance(action, kind)]


def looked(view, site):
    """The first looks of the engines found nothing running."""
    for service in site.services:
        run = view.local.services[service]
        view, _ = step(view, ActionDone(service, run.action or ServiceAction.AUDIT_DISABLED, run.run_id,
                                        ActionResult.SUCCESS, ServiceState.DISABLED), site, NOW)
    return view


def leader_beat(number=1, term=7, desired=ACTIVE, **changes):
    orders = {C0: tuple(GroupOrder(name, desired, number) for name in ("patching-services", "web-services",
                                                                       "cloud-services"))}
    return Beat(C1, "boot-1", 9, 6_000, vote=Vote(term, C1), term=term, leading=True, claims=True,
                snapshot=Snapshot(9, orders=orders), **changes)


def test_a_leader_orders_itself_and_the_others(node, site):
    view, _ = step(looked(node(), site), domain.Tick(), site, NOW)
    view, actions = step(view, domain.Tick(), site, NOW + 100)
    sent = only(actions, Send)[0].beat
    assert {order.group for order in sent.snapshot.orders[C1]} == set(site.groups)
    assert sent.snapshot.obeyed == (view.domain.durable.vote.term, view.book.number)
    assert view.given["web-services"].desired is ACTIVE


def test_a_snapshot_is_sent_on_a_change_until_read_and_once_in_a_while(node, site):
    view = node(leads=False)
    view = replace(view, peers={C1: replace(view.peers[C1], read=1)})
    view, first = step(view, domain.Tick(), site, NOW)
    view, second = step(view, domain.Tick(), site, NOW + 100)
    _, third = step(view, domain.Tick(), site, NOW + 1_000)
    assert [only(done, Send)[0].beat.snapshot is not None for done in (first, second, third)] == [True, False, True]
    def sent(view, now_ms=NOW + 200):
        return only(step(view, domain.Tick(), site, now_ms)[1], Send)[0].beat.snapshot is not None
    unread = replace(view, peers={C1: replace(view.peers[C1], read=0)})
    assert sent(unread)
    # Neither who never reads one, nor who is not there, has it sent with every beat.
    assert not sent(replace(view, peers={**view.peers, "witness": Peer("boot-w")}))
    assert not sent(replace(unread, domain=replace(unread.domain, heard={})))


def test_a_follower_obeys_the_leader_of_the_latest_term(node, site):
    view = node(leads=False)
    view, _ = step(view, BeatCame(leader_beat(number=3, echoes={C0: _echo(NOW)})), site, NOW)
    assert (view.obeyed, view.given["web-services"].desired) == ((7, 3), ACTIVE)
    older, _ = step(view, BeatCame(leader_beat(number=9, term=6, desired=STANDBY)), site, NOW)
    assert (older.obeyed, older.given["web-services"].desired) == ((7, 3), ACTIVE)
    assert view.book.rows["web-services", C0].desired is ACTIVE


def test_without_a_right_nothing_bound_goes_active(node, site):
    """Only the leader has leased groups active, and others need a grant that lasts."""
    view, _ = step(node(leads=False), BeatCame(leader_beat(echoes={C0: _echo(NOW)})), site, NOW)
    assert {name: order.desired for name, order in view.given.items()} == {
        "web-services": ACTIVE, "patching-services": ACTIVE, "cloud-services": STANDBY}
    ended, _ = step(view, domain.Tick(), site, NOW + Timing().grant_ms)
    assert ended.given["patching-services"].desired is STANDBY
    assert ended.given["web-services"].desired is ACTIVE


def test_what_rests_goes_active_by_the_newest_orders_only(node, site):
    """The leader may have moved the group while it was not heard here, and a grant may come before its orders."""
    def given(view):
        return view.given["patching-services"].desired

    view, _ = step(node(leads=False), BeatCame(leader_beat(number=3, echoes={C0: _echo(NOW)})), site, NOW)
    assert given(view) is ACTIVE
    later = NOW + Timing().grant_ms
    rests, _ = step(view, domain.Tick(), site, later)
    assert given(rests) is STANDBY
    same = replace(leader_beat(echoes={C0: _echo(later)}), snapshot=None)
    for beat in (replace(same, revision=10), replace(same, term=8, vote=Vote(8, C1))):
        granted, _ = step(rests, BeatCame(beat), site, later)
        granted, _ = step(granted, domain.Tick(), site, later)
        assert granted.domain.grant_until_ms > later and given(granted) is STANDBY
    for beat in (replace(same, revision=9), leader_beat(number=4, term=8, echoes={C0: _echo(later)})):
        told, _ = step(rests, BeatCame(beat), site, later)
        assert given(step(told, domain.Tick(), site, later)[0]) is ACTIVE
    # What is active stays so: the new leader counts on it.
    kept, _ = step(view, BeatCame(replace(same, term=8, vote=Vote(8, C1))), site, NOW)
    assert given(step(kept, domain.Tick(), site, NOW)[0]) is ACTIVE


def test_a_node_that_has_led_no_longer_obeys_who_led_before(node, site):
    before = (GroupOrder("patching-services", ACTIVE, 3),)
    view, _ = step(looked(node(orders=before, obeyed=(6, 3)), site), domain.Tick(), site, NOW)
    assert view.obeyed == (view.domain.durable.vote.term, view.book.number) and view.orders == view.book.orders[C0]
    late, _ = step(replace(view, domain=replace(view.domain, leading=False, claim_ms=None)),
                   BeatCame(leader_beat(number=9, term=6)), site, NOW)
    assert late.orders == view.orders


def test_what_is_going_active_rests_when_the_right_ends_though_nobody_gives_an_order(node, site):
    """Its start may be tried again and again, and succeed later."""
    view, _ = step(looked(node(), site), domain.Tick(), site, NOW)
    starting, _ = step(view, domain.Tick(), site, NOW + 100)
    assert starting.given["patching-services"].desired is ACTIVE
    assert starting.local.groups["patching-services"].state is GroupState.GO_ACTIVE
    lost = replace(starting, orders=(), domain=replace(
        starting.domain, leading=False, claim_ms=None, lease_until_ms=NOW, heard={}, durable=replace(
            starting.domain.durable, vote=replace(starting.domain.durable.vote, holder=C1), led_in="")))
    ended, _ = step(lost, domain.Tick(), site, NOW + 5_000)
    assert ended.given["patching-services"].desired is STANDBY


def test_what_a_peer_tells_is_kept_with_its_boot(node, site):
    report = NodeReport(state_uuid="other")
    snapshot = Snapshot(5, nodes={C1: report}, assignments=(AssignmentReport("web-services"),), obeyed=(7, 1))
    beat = Beat(C1, "boot-1", 9, 6_000, carriers={"mgmt": False}, acknowledged={C0: 2}, snapshot=snapshot)
    view, _ = step(node(), BeatCame(beat), site, NOW)
    peer = view.peers[C1]
    assert (peer.revision, peer.report, peer.obeyed, peer.lost, peer.read) == (5, report, (7, 1), {"mgmt"}, 2)
    late, _ = step(view, BeatCame(replace(beat, snapshot=replace(snapshot, revision=4, obeyed=(1, 1)))), site, NOW)
    assert late.peers[C1].obeyed == (7, 1)
    restarted, _ = step(view, BeatCame(replace(beat, boot="boot-2", snapshot=None)), site, NOW)
    assert (restarted.peers[C1].boot, restarted.peers[C1].revision) == ("boot-2", 0)


def test_a_swact_is_taken_by_the_leader_only(node, site):
    follower = node(leads=False)
    assert step(follower, Swact(C0), site, NOW)[0].book == follower.book
    view = node()
    active = {name: replace(group, desired=ACTIVE, state=ACTIVE) for name, group in view.local.groups.items()}
    view, _ = step(replace(view, local=replace(view.local, groups=active)), domain.Tick(), site, NOW)
    assert view.given["patching-services"].desired is ACTIVE
    moved, _ = step(view, Swact(C0), site, NOW)
    assert moved.given["patching-services"].desired is STANDBY


def test_the_journal_has_every_move_of_a_group_here(node, site):
    view = looked(node(), site)
    _, actions = step(view, Swact(C0), site, NOW)
    told = [action.text for action in only(actions, domain.Journal)]
    assert told[2:] == ["cloud-services is go-standby here", "patching-services is go-standby here"]
    run = view.local.services["lighttpd"]
    view, actions = step(view, ActionDone("lighttpd", run.action, run.run_id, ActionResult.SUCCESS,
                                          ServiceState.ENABLED_ACTIVE), site, NOW)
    assert [action.text for action in only(actions, domain.Journal)] == ["web-services is active here"]
    _, actions = step(view, domain.Tick(), site, NOW + 100)
    assert only(actions, domain.Journal) == []


def test_the_journal_says_once_why_a_service_has_failed(node, site):
    view = looked(node(), site)
    run = view.local.services["lighttpd"]
    view, _ = step(view, ActionDone("lighttpd", run.action, run.run_id, ActionResult.SUCCESS,
                                    ServiceState.ENABLED_ACTIVE), site, NOW)
    view, actions = step(view, ProcessDied("lighttpd", "its program was killed"), site, NOW + 5_000)
    assert "lighttpd has failed: its program was killed" in [action.text for action in only(actions, domain.Journal)]
    _, actions = step(view, domain.Tick(), site, NOW + 5_100)
    assert not [action for action in only(actions, domain.Journal) if "has failed" in action.text]


def test_maintenance_is_begun_by_the_leader_and_told_to_all(node, site):
    follower = node(leads=False)
    assert step(follower, SetMaintenance(True), site, NOW)[0].book == follower.book
    view, _ = step(looked(node(), site), domain.Tick(), site, NOW)
    view, actions = step(view, SetMaintenance(True), site, NOW + 50)
    assert ledger.cluster(view, site, NOW).maintenance and status(view, site, NOW, {}, (), ()).maintenance
    view, actions = step(view, domain.Tick(), site, NOW + 100)
    told = only(actions, Send)[0].beat.snapshot.maintenance
    assert told == Maintenance(1, True)
    assert ledger.opened(view, site).book.maintenance == told, "it outlasts the leader's term"
    over, _ = step(view, SetMaintenance(False), site, NOW + 200)
    assert over.book.maintenance == Maintenance(2, False)


@pytest.mark.parametrize("leads", [True, False])
def test_a_node_that_has_restarted_learns_of_maintenance_from_any_other(node, site, leads):
    """The newest word counts, so that an older one, of a node that was away, changes nothing."""
    def heard_of(view, maintenance):
        beat = Beat(C1, "boot-1", 9, 6_000, snapshot=Snapshot(9, maintenance=maintenance))
        return step(view, BeatCame(beat), site, NOW)[0]

    view = heard_of(node(leads=leads), Maintenance(3, True))
    assert view.book.maintenance == Maintenance(3, True)
    assert heard_of(view, Maintenance(2, False)).book.maintenance == Maintenance(3, True)
    assert heard_of(view, Maintenance()).book.maintenance == Maintenance(3, True)


def test_answers_of_plugins_reach_the_engines(node, site):
    view = node()
    run = view.local.services["lighttpd"]
    done = ActionDone("lighttpd", run.action, run.run_id, ActionResult.SUCCESS, ServiceState.DISABLED)
    view, _ = step(view, domain.Tick(), site, NOW)
    view, actions = step(view, done, site, NOW)
    assert [action.service for action in only(actions, RunAction)] == ["lighttpd"]


def test_a_locked_node_is_not_eligible(node, site):
    view, _ = step(node(leads=False), StandingChanged(Standing()), site, NOW)
    assert view.domain.reason == "this node is locked or not ready"


def test_the_watchdog_waits_for_what_needs_a_right(node, site):
    services = {name: replace(service, stopped=True) for name, service in node().local.services.items()}

    def until(*active, **changes):
        view = node(**changes)
        running = {name: replace(service, stopped=name not in active) for name, service in services.items()}
        domain_view = replace(view.domain, grant_until_ms=NOW + 500)
        return watchdog_until(replace(view, domain=domain_view, local=replace(view.local, services=running)), site)
    assert until("lighttpd", leads=False) is None
    assert until("patch-alarm-manager", leads=False) == NOW + 500 - Timing().drift_ms
    assert until("keystone", "patch-alarm-manager", leads=False) == -1 - Timing().drift_ms
    assert until("keystone") is None


def _echo(sent_ms):

    return Echo("boot-0", sent_ms)


LOCKED = NodeReport(Administrative.LOCKED, Operational.DISABLED, state_uuid="locked")


def test_the_leader_goes_by_what_it_was_told_of_another_node_until_that_node_says_so(node, site):
    view, _ = step(looked(node(), site), domain.Tick(), site, NOW)
    view, _ = step(view, NodeTold(C1, LOCKED), site, NOW + 100)
    shown = ledger.cluster(view, site, NOW + 100).nodes[C1]
    assert (shown.administrative, shown.operational, shown.ready) == ("locked", "disabled", True)
    view, actions = step(view, domain.Tick(), site, NOW + 200)
    assert only(actions, Send)[0].beat.snapshot.nodes[C1] == LOCKED
    told = Snapshot(50, nodes={C1: replace(LOCKED, ready=Operational.ENABLED)})
    view, _ = step(view, BeatCame(Beat(C1, "boot-1", 9, 6_000, snapshot=told)), site, NOW + 300)
    assert not view.book.states and ledger.cluster(view, site, NOW + 300).nodes[C1].administrative == "locked"
    view, actions = step(view, domain.Tick(), site, NOW + 400)
    assert C1 not in only(actions, Send)[0].beat.snapshot.nodes


def test_only_the_leader_takes_what_is_told_of_another_node(node, site):
    follower, _ = step(node(leads=False), NodeTold(C1, LOCKED), site, NOW)
    leader, _ = step(node(), NodeTold("worker-0", LOCKED), site, NOW)
    assert not follower.book.states and not leader.book.states


def test_a_node_takes_its_states_from_the_leader_until_it_has_them(node, site):
    def told(term=7, report=LOCKED):
        beat = leader_beat(term=term, echoes={C0: _echo(NOW)})
        return BeatCame(replace(beat, snapshot=replace(beat.snapshot, nodes={C0: report})))

    view, actions = step(node(leads=False), told(), site, NOW)
    assert only(actions, TakeReport) == [TakeReport(LOCKED)]
    assert only(step(view, told(), site, NOW)[1], TakeReport)
    assert not only(step(view, told(term=6), site, NOW)[1], TakeReport)
    view, _ = step(view, StandingChanged(Standing(LOCKED)), site, NOW + 100)
    assert not only(step(view, told(), site, NOW + 100)[1], TakeReport)
    assert not only(step(node(), told(), site, NOW)[1], TakeReport)


def test_a_group_on_both_nodes_is_degraded_while_it_is_healthy_on_the_other(node, site):
    """The leader, this node's report and its lists say the same."""
    view = node()
    failed = replace(view.local.groups["web-services"], desired=ACTIVE, state=ACTIVE, status=Status.FAILED)
    view = replace(view, local=replace(view.local, groups={**view.local.groups, "web-services": failed}))

    def shown(rows):
        peer = replace(view.peers[C1], rows=rows)
        seen = replace(view, peers={C1: peer})
        listed = {(line.name, line.node): line.status for line in status(seen, site, NOW, {}, (), ()).groups}
        return ledger.cluster(seen, site, NOW).assignments["web-services", C0].status, listed["web-services", C0]
    healthy = AssignmentReport("web-services", ACTIVE, ACTIVE)
    assert shown((healthy,)) == (Status.DEGRADED, Status.DEGRADED)
    assert shown((replace(healthy, failed=1),)) == (Status.FAILED, Status.FAILED)
    assert shown((replace(healthy, state=GroupState.DISABLED),)) == (Status.FAILED, Status.FAILED)
