# SPDX-License-Identifier: Apache-2.0
"""The leader's book: the domain as it is, the plan for it, and the orders that follow."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from flock.core.records import replace
from sm.contract.messages import AssignmentReport, GroupOrder
from sm.contract.states import GroupState, Operational, ServiceState
from sm.core.cluster import Assignment, Cluster, Decision, Health, Key, Node
from sm.core.domain.lease import gone
from sm.core.local.step import reports
from sm.core.model import Catalogue, GroupSpec
from sm.core.node.view import Book, NodeView, Peer
from sm.core.paths import score
from sm.core.scheduler import apply, confirm, schedule
from sm.core.wireform import assignment, group_order

UNLOOKED = frozenset({ServiceState.INITIAL, ServiceState.UNKNOWN})


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
    own = {row.group: row for row in reports(view.local, catalogue, view.me, peers_health(view, now_ms))}
    for name in nodes:
        told = {row.group: row for row in _peer(view, name).rows}
        for group in catalogue.groups:
            row = view.book.rows.get((group, name), Assignment(group, name))
            if name == view.me:
                rows[group, name] = _own(row, own.get(group))
            else:
                rows[group, name] = _told(view, row, told.get(group), nodes[name], now_ms)
    return Cluster(catalogue.groups, nodes, rows, view.book.maintenance.on)


def peers_health(view: NodeView, now_ms: int) -> dict[str, tuple[Health, ...]]:
    """By group, how its members are on the other nodes that are heard and have it active."""
    found: dict[str, tuple[Health, ...]] = {}
    for name, peer in view.peers.items():
        if name in view.domain.void or view.domain.silent(name, now_ms):
            continue
        for row in peer.rows:
            if row.state is GroupState.ACTIVE:
                found[row.group] = (*found.get(row.group, ()), Health(row.failed, row.degraded, row.warned))
    return found


def _peer(view: NodeView, name: str) -> Peer:
    return view.peers.get(name, Peer(""))


def _node(view: NodeView, name: str, now_ms: int) -> Node:
    domain = view.domain
    if name == view.me:
        told, lost, current, proven = view.standing.report, view.standing.lost, True, False
        lost_ms = view.lost_ms
    else:
        peer = _peer(view, name)
        told = replace(view.book.states.get(name, peer.report), ready=peer.report.ready)
        lost, lost_ms = peer.lost, peer.lost_ms
        proven = gone(domain, name, now_ms)
        current = _is_current(view, name, peer, now_ms)
    return Node(name, told.administrative, told.operational, told.availability, told.ready is Operational.ENABLED,
                current, proven, name in domain.durable.record.members,
                accept_loss=False, score=score(view.weights, lost),
                score_from_ms=lost_ms + domain.config.timing.silent_ms + 2 * domain.config.timing.beat_ms)


def _is_current(view: NodeView, name: str, peer: Peer, now_ms: int) -> bool:
    """Whether a node follows this leader, so that it obeys no order of an earlier one, and what it told is known."""
    heard = view.domain.heard.get(name)
    if heard is None or name in view.domain.void or view.domain.silent(name, now_ms):
        return False
    return heard.beat.follows == view.me and heard.beat.boot == peer.boot and peer.revision > 0


def _own(row: Assignment, now: Assignment | None) -> Assignment:
    if now is None:
        return row
    return confirm(replace(row, state=now.state, status=now.status, condition=now.condition, health=now.health,
                           changed_ms=now.changed_ms, reason=now.reason))


def _told(view: NodeView, row: Assignment, told: AssignmentReport | None, node: Node, now_ms: int) -> Assignment:
    if told is None or not node.current:
        return row
    now = assignment(told, node.name, now_ms)
    row = replace(row, state=now.state, status=now.status, condition=now.condition, health=now.health,
                  changed_ms=row.changed_ms if row.state is now.state else now.changed_ms, reason=now.reason)
    term = view.domain.durable.vote.term
    return confirm(row) if _peer(view, node.name).obeyed == (term, view.book.number) else row


def opened(view: NodeView, catalogue: Catalogue) -> NodeView:
    """The view of a node that begins to lead. Any other node may still obey an order of an earlier leader; but none
    has ever ordered another node to make active what is leased."""
    rows = dict(view.book.rows)
    for name in view.domain.config.nodes:
        for group in catalogue.groups.values():
            row = rows.get((group.name, name), Assignment(group.name, name))
            if name != view.me and bound(group) and not leased(group):
                row = replace(row, told_active=True, stopped=False)
            rows[group.name, name] = row
    book = Book(view.domain.durable.vote.term, rows, maintenance=view.book.maintenance)
    return replace(view, book=book, basis=())


def planned(view: NodeView, catalogue: Catalogue, now_ms: int) -> tuple[NodeView, tuple[str, ...]]:
    """The leader's view after a pass of the scheduler, and why what changes does so. The pass is left out when nothing
    that it looks at has changed."""
    if _looks(view, now_ms):
        return view, ()
    nodes = tuple(_node(view, name, now_ms) for name in view.domain.config.nodes)
    basis = (nodes, view.local, view.peers, view.book.maintenance, catalogue)
    due = view.book.again_ms is not None and now_ms >= view.book.again_ms
    if not due and view.basis == basis:
        return view, ()
    now = cluster(view, catalogue, now_ms)
    result = schedule(now, now_ms)
    after = apply(now, result, now_ms)
    orders = {name: tuple(_order(view, group, name, after.assignments[group.name, name].desired,
                                 result.decisions[group.name, name]) for group in catalogue.groups.values())
              for name in view.domain.config.nodes}
    number = view.book.number + (_essence(orders) != _essence(view.book.orders))
    orders = {name: tuple(replace(order, number=number) for order in mine) for name, mine in orders.items()}
    book = replace(view.book, rows=after.assignments, orders=orders, number=number, again_ms=result.again_ms)
    view = replace(view, book=book, basis=basis)
    local = replace(view.domain.local, heir=_heir(view, catalogue, after),
                    successor=_successor(view, catalogue, result.decisions))
    return replace(view, domain=replace(view.domain, local=local)), result.logs


def _looks(view: NodeView, now_ms: int) -> bool:
    """Whether this node, which has just started, does not know yet what runs on it; a plan would move it away."""
    return now_ms < view.domain.started_ms + view.local.settings.look_patience_ms and any(
        service.action is not None and service.state in UNLOOKED for service in view.local.services.values())


def _order(view: NodeView, group: GroupSpec, node: str, desired: GroupState, decision: Decision) -> GroupOrder:
    if leased(group) and desired is GroupState.ACTIVE and node != view.me:
        # It goes active there with the lease, which follows once nothing leased is active here.
        desired = GroupState.STANDBY if group.m_standby else GroupState.DISABLED
    return group_order(group.name, replace(decision, desired=desired), 0)


def _essence(orders: Mapping[str, tuple[GroupOrder, ...]]) -> dict[str, tuple[GroupOrder, ...]]:
    """What makes orders different: neither their number nor the words for them."""
    return {name: tuple(replace(order, number=0, reason="") for order in mine) for name, mine in orders.items()}


def _heir(view: NodeView, catalogue: Catalogue, after: Cluster) -> str:
    """The node that shall have the leased groups; empty while they stay here or are nowhere wanted, and until that node
    has taken the latest orders: from them it learns that the move has begun, and would undo it otherwise."""
    heir = _most_wanted(view, [name for name in after.nodes for group in catalogue.groups.values() if leased(group)
                               and after.assignments[group.name, name].desired is GroupState.ACTIVE])
    return heir if heir and _peer(view, heir).obeyed == (view.domain.durable.vote.term, view.book.number) else ""


def _successor(view: NodeView, catalogue: Catalogue, decisions: Mapping[Key, Decision]) -> str:
    """The node to which the leased groups are moving, also while it waits until they have stopped here."""
    return _most_wanted(view, [name for (group, name), decision in decisions.items() if leased(catalogue.groups[group])
                               and (decision.waits or decision.desired is GroupState.ACTIVE)])


def _most_wanted(view: NodeView, names: list[str]) -> str:
    wanted = Counter(names)
    if not wanted or view.me in wanted:
        return ""
    return max(sorted(wanted), key=wanted.__getitem__)
