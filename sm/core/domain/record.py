# SPDX-License-Identifier: Apache-2.0
"""Whose data is current: who joins and leaves the leader's record, and when a write may be acknowledged without a node
that has left."""
from __future__ import annotations

from flock.core.records import replace
from sm.core.domain.view import Proof, Record, View


def wanted(view: View, now_ms: int) -> frozenset[str]:
    """The nodes that should be in the leader's record: itself, and those that store its data synchronously.

    While nothing is active here nothing is written, so nobody who is in the record falls behind. The successor stays in
    it while the groups move there, although replication ends on the way: nothing is acknowledged without it until then.
    So does, for a moment, who may have to become the successor because this node's networks are at fault. A node that
    is locked or out of service could not be promoted: it gets all changes, but nothing waits for it.
    """
    if not view.local.active:
        return view.durable.record.members | {view.me}
    current = view.local.in_sync | (view.durable.record.members & ({view.local.successor} | view.local.doubtful))
    return frozenset({view.me} | {name for name in current
                                  if name in view.config.nodes and name not in view.void
                                  and not view.silent(name, now_ms) and view.heard[name].beat.eligible})


def renewed(view: View, now_ms: int) -> View:
    """The leader's view with the record and the required nodes as they should be now.

    Who joins is required first; the record names it when that is proven to be in force. Who leaves is out of the record
    at once, and required until it cannot be promoted by an older record any more.
    """
    record, able = view.durable.record, wanted(view, now_ms)
    members = frozenset(name for name in able
                        if name == view.me or name in record.members or _is_enforced(view, name))
    term = view.durable.vote.term
    if record.term != term or record.members != members:
        revision = record.revision + 1 if record.term == term else 1
        view = replace(view, durable=replace(view.durable, record=Record(term, revision, members)))
    return requiring(view, frozenset(name for name in (view.required | able) - {view.me}
                                     if name in able or not _has_left(view, name, now_ms)))


def requiring(view: View, nodes: frozenset[str]) -> View:
    """The view in which exactly ``nodes`` are required."""
    if nodes == view.required:
        return view
    order = view.order + 1
    since = {name: view.required_since.get(name, 0) if name in view.required else order for name in nodes}
    return replace(view, required=nodes, order=order, required_since=since)


def _is_enforced(view: View, name: str) -> bool:
    """Whether it is proven that no write is acknowledged without a node since it became required."""
    return name in view.required and view.local.enforced >= view.required_since.get(name, 0)


def taken_over(view: View, now_ms: int, prior: str) -> View:
    """The view of a node that has just taken the lease. Every member of the old record is required until it is proven
    that it cannot be promoted. ``prior``: the holder before; its right to count as current ended with its lease."""
    timing = view.config.timing
    heard = {name: replace(known, granted_ms=-1,
                           vouched_ms=now_ms - timing.current_ms if name == prior else -1)
             for name, known in view.heard.items()}
    return requiring(replace(view, heard=heard, current_until_ms=-1),
                     (view.required | view.durable.record.members) - {view.me})


def _has_left(view: View, name: str, now_ms: int) -> bool:
    """Whether a node that is not in the record any more can no longer be promoted by an older one."""
    timing, heard, record = view.config.timing, view.heard.get(name), view.durable.record
    stored = 1 + sum(known.beat.record.age >= record.age for known in view.heard.values())
    if len(view.config.voters) > 2 and stored < view.config.majority:
        return False
    if name in view.void and view.void[name].proof is not Proof.EXPIRED:
        return True
    if heard is not None and heard.beat.record.age >= record.age:
        return True
    since = view.leading_since_ms
    if heard is not None and heard.vouched_ms >= 0:
        since = heard.vouched_ms
    return now_ms >= since + timing.current_ms + timing.drift_ms
