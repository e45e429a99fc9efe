# SPDX-License-Identifier: Apache-2.0
"""One step of a node: view, event and time in; view and actions out. The daemon and the simulation run this.

The order of the actions counts: what is stored comes before what is sent.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from flock.core.records import replace
from sm.contract.messages import Beat, GroupOrder, Maintenance, NodeReport, Snapshot
from sm.contract.states import Administrative, GroupState, Operational, SchedulingState
from sm.core import actions as service_actions
from sm.core.cluster import Assignment
from sm.core.domain import events as domain_events
from sm.core.domain.lease import must_stop, permitted_until
from sm.core.domain.step import step as domain_step
from sm.core.domain.view import Local
from sm.core.events import Event as ServiceEvent
from sm.core.events import Order, Tick
from sm.core.local.step import reports, step_all
from sm.core.local.step import step as local_step
from sm.core.local.view import ENABLED_STATES, GroupView, ServiceView
from sm.core.model import Catalogue, GroupSpec
from sm.core.node import ledger
from sm.core.node.view import (
    SNAPSHOT_MS,
    BeatCame,
    NodeTold,
    NodeView,
    Peer,
    Send,
    SetMaintenance,
    StandingChanged,
    Swact,
    TakeReport,
)
from sm.core.paths import lost_networks
from sm.core.swact import begin_swact
from sm.core.wireform import domain_beat, order, report, with_domain

DomainEvent = (domain_events.Tick | domain_events.FenceAnswered | domain_events.ForceActive | domain_events.Pausing
               | domain_events.Departing)
Event = BeatCame | StandingChanged | Swact | SetMaintenance | NodeTold | DomainEvent | ServiceEvent
Action = (Send | TakeReport | domain_events.Store | domain_events.Require | domain_events.Fence
          | domain_events.AskFenced | domain_events.Journal | service_actions.Action)


def step(view: NodeView, event: Event, catalogue: Catalogue, now_ms: int) -> tuple[NodeView, tuple[Action, ...]]:
    """The view after ``event``, and what the shell must do, in this order."""
    groups, before = view.local.groups, view
    view = _taken(view, event, catalogue, now_ms)
    actions: list[Action] = _taken_report(view, event)
    was_leading = view.domain.leading
    view, told = _domain(view, event, catalogue, now_ms)
    actions += told
    if view.domain.leading and not was_leading:
        view = ledger.opened(view, catalogue)
    if view.domain.leading:
        view, logs = ledger.planned(view, catalogue, now_ms)
        view = _own_orders(view)
        actions += [domain_events.Journal(text) for text in logs]
    if not (isinstance(event, BeatCame) and _same_right(before, view)):
        view, done = _services(view, event, catalogue, now_ms)
        actions += done
        if view.local.groups is not groups:
            actions += _moves(groups, view.local.groups)
        actions += _failures(before.local.services, view.local.services)
    return _finished(view, actions, catalogue, now_ms)


def _moves(before: Mapping[str, GroupView], after: Mapping[str, GroupView]) -> list[Action]:
    """What has changed of the groups here. Merged, the journals of all nodes show what was active where."""
    return [domain_events.Journal(_told(now)) for name, now in after.items()
            if name not in before or _told(now) != _told(before[name])]


def _failures(before: Mapping[str, ServiceView], after: Mapping[str, ServiceView]) -> list[Action]:
    """Services that have just failed while they were enabled, and why; what is done about it stands in later lines."""
    if after is before:
        return []
    return [domain_events.Journal(f"{name} has failed{f': {now.reason}' if now.reason else ''}")
            for name, now in after.items()
            if (known := before.get(name)) is not now and now.fail_count > (known.fail_count if known else 0)]


def _told(group: GroupView) -> str:
    """Such as ``oam-services is active here, degraded data-syncing``."""
    return f"{group.name} is {group.state} here{f', {group.status} {group.condition}'.rstrip(', ')}"


def _own_orders(view: NodeView) -> NodeView:
    """What a leader has ordered itself holds when it does not lead any more, until a later leader's orders arrive."""
    mine, obeyed = view.book.orders.get(view.me), (view.domain.durable.vote.term, view.book.number)
    if mine is None or (view.orders is mine and view.obeyed == obeyed):
        return view
    return replace(view, orders=mine, obeyed=obeyed)


def _same_right(before: NodeView, view: NodeView) -> bool:
    """Whether orders and the right to keep groups active are what they were; that a right has ended, the tick finds."""
    return (view.orders is before.orders and view.book is before.book
            and view.domain.leading is before.domain.leading and view.domain.durable is before.domain.durable)


def watchdog_until(view: NodeView, catalogue: Catalogue) -> int | None:
    """When the watchdog shall reset this node if it has not been told otherwise; None when nothing here needs it."""
    ends = []
    for name in view.gist_of(catalogue).active:
        group = catalogue.groups.get(name)
        if group is None or ledger.bound(group):
            ends.append(permitted_until(view.domain, leased=group is None or ledger.leased(group)))
    bounded = [end for end in ends if end is not None]
    return min(bounded) if bounded else None


def _taken(view: NodeView, event: Event, catalogue: Catalogue, now_ms: int) -> NodeView:
    """The view that knows what the event says, before anything is decided."""
    if isinstance(event, StandingChanged):
        lost_ms = view.lost_ms if event.standing.lost == view.standing.lost else now_ms
        return replace(view, standing=event.standing, lost_ms=lost_ms)
    if isinstance(event, BeatCame):
        return _learn(view, event.beat, now_ms)
    if isinstance(event, Swact) and view.domain.leading:
        now = ledger.cluster(view, catalogue, now_ms)
        rows = begin_swact(now, event.node, event.force).assignments
        return replace(view, book=replace(view.book, rows=rows), basis=())
    if isinstance(event, SetMaintenance) and view.domain.leading:
        wanted = Maintenance(view.book.maintenance.number + 1, event.on)
        return replace(view, book=replace(view.book, maintenance=wanted), basis=())
    if isinstance(event, NodeTold) and view.domain.leading and event.node in view.domain.others:
        return replace(view, book=replace(view.book, states={**view.book.states, event.node: event.report}), basis=())
    return view


def _taken_report(view: NodeView, event: Event) -> list[Action]:
    """What the leader was told of this node, until this node tells the same."""
    if not isinstance(event, BeatCame) or not event.beat.leading or event.beat.snapshot is None or view.domain.leading:
        return []
    told = event.beat.snapshot.nodes.get(view.me)
    if event.beat.term < view.obeyed[0] or told is None or told.state_uuid == view.standing.report.state_uuid:
        return []
    return [TakeReport(told)]


def _learn(view: NodeView, beat: Beat, now_ms: int) -> NodeView:
    """What a beat tells of its sender's groups; and from the leader its orders and its book."""
    known = view.peers.get(beat.node)
    if known is None or known.boot != beat.boot:
        known = Peer(beat.boot)
    lost = lost_networks(beat.carriers, beat.heard, beat.reachable)
    known = replace(known, lost=lost, lost_ms=known.lost_ms if lost == known.lost else now_ms,
                    read=beat.acknowledged.get(view.me, 0), newest=beat.revision)
    snapshot = beat.snapshot
    if snapshot is not None and snapshot.revision >= known.revision:
        known = replace(known, revision=snapshot.revision, rows=snapshot.assignments, obeyed=snapshot.obeyed,
                        report=snapshot.nodes.get(beat.node, known.report))
    if known != view.peers.get(beat.node):
        view = replace(view, peers={**view.peers, beat.node: known})
    if known.report.state_uuid and known.report.state_uuid == view.book.states.get(beat.node, NodeReport()).state_uuid:
        states = {name: told for name, told in view.book.states.items() if name != beat.node}
        view = replace(view, book=replace(view.book, states=states))
    if snapshot is not None and snapshot.maintenance.number > view.book.maintenance.number:
        view = replace(view, book=replace(view.book, maintenance=snapshot.maintenance))
    if snapshot is None or not beat.leading or view.domain.leading:
        return view
    return _copied(view, beat.term, snapshot)


def _copied(view: NodeView, term: int, snapshot: Snapshot) -> NodeView:
    """Take the orders of a leader, unless a later one has given some, and keep its plan."""
    mine = snapshot.orders.get(view.me, ())
    number = max((told.number for told in mine), default=0)
    if term < view.obeyed[0] or not mine:
        return view
    rows = dict(view.book.rows)
    for name, orders in snapshot.orders.items():
        for told in orders:
            row = rows.get((told.group, name)) or Assignment(told.group, name)
            rows[told.group, name] = replace(row, desired=told.desired, scheduling=told.scheduling)
    return replace(view, obeyed=(term, number), orders=mine, book=replace(view.book, rows=rows))


def _domain(view: NodeView, event: Event, catalogue: Catalogue, now_ms: int) -> tuple[NodeView, list[Action]]:
    """The node's part in the agreement. Its own state is brought up to date first."""
    actions: list[Action] = []
    domain, local = view.domain, _local(view, catalogue)
    if local != domain.local:
        domain, told = domain_step(domain, domain_events.LocalChanged(local), now_ms)
        actions += [action for action in told if not isinstance(action, domain_events.Send)]
    if isinstance(event, BeatCame):
        domain, told = domain_step(domain, domain_events.BeatHeard(domain_beat(event.beat)), now_ms)
    elif isinstance(event, (domain_events.Tick, domain_events.FenceAnswered, domain_events.ForceActive,
                            domain_events.Pausing, domain_events.Departing)):
        domain, told = domain_step(domain, event, now_ms)
    else:
        told = ()
    for action in told:
        actions.append(Send(with_domain(_message(view), action.beat))
                       if isinstance(action, domain_events.Send) else action)
    return replace(view, domain=domain), actions


def _message(view: NodeView) -> Beat:
    standing = view.standing
    return Beat(view.me, view.domain.boot, 0, 0, carriers=dict(standing.carriers), heard=dict(standing.heard),
                reachable=dict(standing.reachable))


def _local(view: NodeView, catalogue: Catalogue) -> Local:
    standing = view.standing
    told = standing.report
    eligible = (told.administrative is Administrative.UNLOCKED and told.operational is Operational.ENABLED
                and told.ready is Operational.ENABLED)
    active = any(name not in catalogue.groups or ledger.leased(catalogue.groups[name])
                 for name in view.gist_of(catalogue).active)
    heir, successor = (view.domain.local.heir, view.domain.local.successor) if view.domain.leading else ("", "")
    return Local(eligible, active, standing.isolated, standing.in_sync, standing.enforced, standing.fenceable,
                 standing.stalled_ms, heir, successor, standing.doubtful)


def _services(view: NodeView, event: Event, catalogue: Catalogue, now_ms: int) -> tuple[NodeView, list[Action]]:
    """Give the engines the orders that hold now, and the event if it is theirs."""
    actions: list[Action] = []
    local, given = view.local, view.given
    told = view.book.orders.get(view.me, ()) if view.domain.leading else view.orders
    stops = {leased: must_stop(view.domain, now_ms, leased=leased) for leased in (True, False)}
    fresh = view.domain.leading or _has_newest_orders(view)
    driven = (told, stops, fresh, local, catalogue)
    if driven != view.driven:
        new = [one for one in _orders(view, told, stops, fresh, catalogue) if given.get(one.group) != one]
        if new:
            given = {**given, **{one.group: one for one in new}}
            local, done = step_all(local, map(order, new), catalogue, now_ms)
            actions += done
    if isinstance(event, ServiceEvent) and not isinstance(event, Order):
        local, done = local_step(local, event, catalogue, now_ms)
        actions += done
    elif isinstance(event, domain_events.Tick) and (
            local is not view.local or now_ms >= view.gist_of(catalogue).due_ms):
        local, done = local_step(local, Tick(), catalogue, now_ms)
        actions += done
    view = replace(view, local=local, given=given, driven=driven)
    return replace(view, gist=view.gist_of(catalogue)), actions


def _has_newest_orders(view: NodeView) -> bool:
    """Whether the orders of this node are all that the present leader has given. The leader may have moved a group
    away from this node while it was not heard here; and what an earlier leader wanted, this one may not know."""
    term, leader = max(((heard.beat.vote.term, name) for name, heard in view.domain.heard.items()
                        if heard.beat.leading), default=(0, ""))
    peer = view.peers.get(leader)
    return (peer is not None and view.obeyed[0] >= max(term, view.domain.durable.vote.term)
            and peer.revision >= peer.newest)


def _orders(view: NodeView, told: Sequence[GroupOrder], stops: Mapping[bool, bool], fresh: bool, catalogue: Catalogue
            ) -> list[GroupOrder]:
    """The order for each group that holds now: the leader's, unless this node has no right to keep the group active.
    What rests here goes active by ``fresh`` orders only."""
    found = []
    for one in told:
        group = catalogue.groups.get(one.group)
        if group is None:
            continue
        plain = replace(one, reason="", scheduling=SchedulingState.NONE)
        given = view.given.get(one.group)
        rests = given is None or given.desired is not GroupState.ACTIVE
        if ledger.bound(group) and one.desired is GroupState.ACTIVE and (
                stops[ledger.leased(group)] or (rests and not fresh)):
            plain = replace(_resting(plain, group), recover=False, clear_fatal=False, escalate=False)
        found.append(plain)
    return [*found, *_unordered_stops(view, catalogue, {one.group for one in told}, stops)]


def _unordered_stops(view: NodeView, catalogue: Catalogue, told: set[str], stops: Mapping[bool, bool]
                     ) -> list[GroupOrder]:
    """Stops of groups about which this daemon has no order of a leader: those that an earlier daemon has left active,
    and those that the engines are to bring up."""
    active = {service.group for service in view.local.services.values()
              if service.is_active and service.state in ENABLED_STATES}
    active |= {name for name, one in view.given.items() if one.desired is GroupState.ACTIVE}
    groups = [catalogue.groups[name] for name in sorted(active - told) if name in catalogue.groups]
    return [_resting(GroupOrder(group.name, GroupState.ACTIVE), group) for group in groups
            if ledger.bound(group) and stops[ledger.leased(group)]]


def _resting(told: GroupOrder, group: GroupSpec) -> GroupOrder:
    return replace(told, desired=GroupState.STANDBY if group.m_standby else GroupState.DISABLED)


def _finished(view: NodeView, actions: list[Action], catalogue: Catalogue,
              now_ms: int) -> tuple[NodeView, tuple[Action, ...]]:
    """Put the snapshot into a beat that carries one: after a change, and once in a while."""
    sent = next((index for index, action in enumerate(actions) if isinstance(action, Send)), None)
    if sent is None:
        return view, tuple(actions)
    leading = view.domain.leading
    orders, states = (view.book.orders, view.book.states) if leading else ({}, {})
    health = ledger.peers_health(view, now_ms)
    obeyed = (view.domain.durable.vote.term, view.book.number) if leading else view.obeyed
    told = (view.local, view.standing.report, orders, states, obeyed, health, catalogue, view.book.maintenance)
    snapshot = view.snapshot
    if told != view.told:
        rows = tuple(replace(report(row, now_ms), age_ms=0) for row in reports(view.local, catalogue, view.me, health))
        snapshot = Snapshot(snapshot.revision, nodes={**states, view.me: view.standing.report}, assignments=rows,
                            orders=dict(orders), obeyed=obeyed, maintenance=view.book.maintenance)
    changed = snapshot != view.snapshot
    if changed:
        snapshot = replace(snapshot, revision=snapshot.revision + 1)
    due = changed or now_ms >= view.told_ms + SNAPSHOT_MS or _unread(view, now_ms)
    action = actions[sent]
    if isinstance(action, Send):
        acknowledged = {name: peer.revision for name, peer in view.peers.items()}
        actions[sent] = Send(replace(action.beat, revision=snapshot.revision, acknowledged=acknowledged,
                                     snapshot=snapshot if due else None))
    return replace(view, snapshot=snapshot, told=told, told_ms=now_ms if due else view.told_ms), tuple(actions)


def _unread(view: NodeView, now_ms: int) -> bool:
    """Whether a node that is heard lacks the present snapshot. A witness reads none."""
    return any(peer.read < view.snapshot.revision and name in view.domain.config.nodes
               and not view.domain.silent(name, now_ms) for name, peer in view.peers.items())

