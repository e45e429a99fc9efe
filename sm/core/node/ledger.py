# SPDX-License-Identifier: Apache-2.0
"""The leader's book: the domain as it is, the plan for it, and the orders that follow."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sm.contract.messages import AssignmentReport, GroupOrder
from sm.contract.states import GroupState, Operational, SchedulingState
from sm.core.cluster import Assignment, Cluster, Key, Node
from sm.core.domain.lease import gone
from sm.core.local.step import reports
from sm.core.model import Catalogue, GroupSpec
from sm.core.node.view import Book, NodeView, Peer
from sm.core.node.wire import health
from sm.core.paths import WEIGHTS, score
from sm.core.scheduler import apply, confirm, schedule

NOT_ACTIVE = (GroupState.STANDBY, GroupState.DISABLED)


def leased(group: GroupSpec) -> bool:
    """Whether only the leader may have the group active: it works on replicated data, or belongs to what does."""
    return group.movable and bool(group.aggregate)


def bound(group: GroupSpec) -> bool:
    """Whether the group needs the lease or a grant to be active; what runs on all nodes does not."""
    return group.movable


def cluster(view: NodeView, catalogue: Catalogue, now_ms: int) -> Cluster:
    """The domain as this node knows it now."""
    nodes = {name: _node(view, name, now_ms) for name in view.domain.config.nodes}
    rows: dict[Key, Assignment] = {}
    own = {row.group: row for row in reports(view.local, catalogue, view.me)}
    for name in nodes:
        told = {row.group: row for row in _peer(view, name).rows}
        for group in catalogue.groups:
            row = view.book.rows.get((group, name), Assignment(group, name))
            if name == view.me:
                rows[group, name] = _own(row, own.get(group))
            else:
                rows[group, name] = _told(view, row, told.get(group), nodes[name])
    return Cluster(catalogue.groups, nodes, rows, view.book.maintenance, view.book.planned)


def _peer(view: NodeView, name: str) -> Peer:
    return view.peers.get(name, Peer(""))


def _node(view: NodeView, name: str, now_ms: int) -> Node:
    domain = view.domain
    if name == view.me:
        told, lost, current, proven = view.standing.report, view.standing.lost, True, False
    else:
        peer = _peer(view, name)
        told, lost = peer.report, peer.lost
        proven = gone(domain, name, now_ms)
        current = _is_current(view, name, peer, now_ms)
    return Node(name, told.administrative, told.operational, told.availability, told.ready is Operational.ENABLED,
                current, proven, name in domain.durable.record.members,
                accept_loss=False, score=score(WEIGHTS, lost))


def _is_current(view: NodeView, name: str, peer: Peer, now_ms: int) -> bool:
    """Whether a node follows this leader, so that it obeys no order of an earlier one, and what it told is its latest."""
    heard = view.domain.heard.get(name)
    if heard is None or name in view.domain.void or view.domain.silent(name, now_ms):
        return False
    return heard.beat.follows == view.me and heard.beat.boot == peer.boot and peer.revision > 0


def _own(row: Assignment, now: Assignment | None) -> Assignment:
    if now is None:
        return row
    return confirm(replace(row, state=now.state, status=now.status, condition=now.condition, health=now.health,
                           changed_ms=now.changed_ms, reason=now.reason))


def _told(view: NodeView, row: Assignment, told: AssignmentReport | None, node: Node) -> Assignment:
    if told is None or not node.current:
        return row
    row = replace(row, state=told.state, status=told.status, condition=told.condition, health=health(told),
                  reason=told.reason)
    term = view.domain.durable.vote.term
    return confirm(row) if _peer(view, node.name).obeyed == (term, view.book.number) else row


def opened(view: NodeView, catalogue: Catalogue) -> NodeView:
    """The view of a node that begins to lead. What it was not told is assumed: any other node may still obey an order of
    an earlier leader."""
    rows = dict(view.book.rows)
    for name in view.domain.config.nodes:
        for group in catalogue.groups.values():
            row = rows.get((group.name, name), Assignment(group.name, name))
            if name != view.me and bound(group):
                row = replace(row, told_active=True, stopped=False)
            rows[group.name, name] = row
    book = Book(view.domain.durable.vote.term, rows, planned=view.book.planned, maintenance=view.book.maintenance)
    return replace(view, book=book)


def planned(view: NodeView, catalogue: Catalogue, now_ms: int) -> tuple[NodeView, tuple[str, ...]]:
    """The leader's view after a pass of the scheduler, and why what changes does so."""
    now = cluster(view, catalogue, now_ms)
    result = schedule(now, now_ms)
    after = apply(now, result, now_ms)
    heir = _heir(view, catalogue, after)
    orders = {name: tuple(_order(view, catalogue.groups[group], name, key, after, result.decisions[key], heir)
                          for key in sorted(after.assignments) if key[1] == name for group in (key[0],))
              for name in view.domain.config.nodes}
    number = view.book.number + (orders != view.book.orders)
    book = replace(view.book, rows=after.assignments, orders=orders, number=number, again_ms=result.again_ms,
                   planned=after.planned)
    local = replace(view.domain.local, heir=heir)
    return replace(view, book=book, domain=replace(view.domain, local=local)), result.logs


def _order(view: NodeView, group: GroupSpec, node: str, key: Key, after: Cluster, decision: object,
           heir: str) -> GroupOrder:
    row = after.assignments[key]
    desired = row.desired
    if leased(group) and desired is GroupState.ACTIVE and node != view.me:
        # It goes active there with the lease, which follows once nothing leased is active here.
        desired = GroupState.STANDBY if group.m_standby else GroupState.DISABLED
    return GroupOrder(group.name, desired, 0, getattr(decision, "recover", False),
                      getattr(decision, "clear_fatal", False), getattr(decision, "escalate", False), row.scheduling,
                      getattr(decision, "reason", ""))


def _heir(view: NodeView, catalogue: Catalogue, after: Cluster) -> str:
    """The node that shall have the leased groups; empty while they stay here or are nowhere wanted."""
    wanted: Mapping[str, int] = {}
    for group in catalogue.groups.values():
        if leased(group):
            for name in after.nodes:
                if after.assignments[group.name, name].desired is GroupState.ACTIVE:
                    wanted = {**wanted, name: wanted.get(name, 0) + 1}
    if not wanted or view.me in wanted:
        return ""
    return max(sorted(wanted), key=lambda name: wanted[name])


def marked(book: Book, catalogue: Catalogue, node: str, force: bool) -> Book:
    """The book in which every movable group shall leave ``node``."""
    mark = SchedulingState.SWACT_FORCE if force else SchedulingState.SWACT
    rows = {key: replace(row, scheduling=mark)
            if key[1] == node and key[0] in catalogue.groups and catalogue.groups[key[0]].movable else row
            for key, row in book.rows.items()}
    return replace(book, rows=rows)
