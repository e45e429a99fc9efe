# SPDX-License-Identifier: Apache-2.0
"""One pass of the scheduler over the whole domain, and what it changes in the snapshot."""
from __future__ import annotations

from collections.abc import Mapping

from flock.core.records import replace
from sm.contract.states import GroupState, SchedulingState
from sm.core.cluster import Assignment, Cluster, Decision, Key, Node, Schedule
from sm.core.scheduler.orders import orders
from sm.core.scheduler.posts import RESTING, RUNNING, Post, Unit, node_bar, posts_of, units
from sm.core.scheduler.seats import seat

# A decision may open the way for another; how often that is followed before the rest waits for the next event.
FOLLOWED_MAX = 8


def schedule(cluster: Cluster, now_ms: int) -> Schedule:
    """What every assignment shall be. Run again after every event, and at ``again_ms``; runs between which nothing
    happens decide the same. The caller keeps the result with ``apply`` before it tells any node."""
    bars = {name: node_bar(node) for name, node in cluster.nodes.items()}
    decisions: dict[Key, Decision] = {}
    again = []
    for unit in units(cluster.groups):
        found, again_ms = _place(unit, cluster, bars, now_ms)
        decisions.update(found)
        if again_ms is not None:
            again.append(again_ms)
    logs = tuple(decision.reason for key, decision in decisions.items()
                 if _changes(cluster.assignments.get(key), decision))
    return Schedule(decisions, logs, min(again, default=None))


def _place(unit: Unit, cluster: Cluster, bars: Mapping[str, str],
           now_ms: int) -> tuple[dict[Key, Decision], int | None]:
    """The decisions about one unit, such that deciding again changes nothing; the first reason for each is kept."""
    rows = cluster.assignments
    decisions: dict[Key, Decision] = {}
    for _ in range(FOLLOWED_MAX):
        posts = posts_of(unit, cluster.nodes, rows, bars)
        again_ms = None
        if cluster.maintenance and _may_freeze(unit, posts):
            found = _frozen(unit, posts)
        else:
            seating = seat(unit, posts, cluster.maintenance, now_ms)
            found, again_ms = orders(unit, posts, seating), seating.again_ms
        decisions = {key: old if (old := decisions.get(key)) and _same(old, new) else new for key, new in found.items()}
        changed = {key: _after(rows.get(key) or Assignment(*key), decision, cluster.nodes[key[1]], now_ms)
                   for key, decision in found.items() if _changes(rows.get(key), decision)}
        if not changed:
            break
        rows = {key: changed.get(key) or rows[key] for key in found}
    return decisions, again_ms


def _changes(row: Assignment | None, decision: Decision) -> bool:
    return row is None or row.desired is not decision.desired or row.scheduling is not decision.scheduling


def _same(one: Decision, other: Decision) -> bool:
    """Whether two decisions differ in their reasons only."""
    return (one.desired is other.desired and one.scheduling is other.scheduling and one.recover == other.recover
            and one.escalate == other.escalate and one.clear_fatal == other.clear_fatal
            and one.waits == other.waits)


def _may_freeze(unit: Unit, posts: Mapping[str, Post]) -> bool:
    """Whether the unit has a place, and no move of it was asked for or is under way."""
    claimed = sum(post.claimed for post in posts.values())
    marked = [post for post in posts.values() if post.mark is not SchedulingState.NONE]
    return claimed > 0 and not any(post.claimed or post.holds or claimed < unit.n_active for post in marked)


def _frozen(unit: Unit, posts: Mapping[str, Post]) -> dict[Key, Decision]:
    found = {}
    for index, group in enumerate(unit.groups):
        for name, post in posts.items():
            row = post.rows[index]
            new = row.desired is GroupState.INITIAL and not post.silent
            desired = GroupState.DISABLED if new else row.desired
            found[group.name, name] = Decision(
                desired, row.scheduling,
                f"{group.name} on {name} is left as it is ({desired}): the domain is in maintenance mode, which only "
                "moves that were asked for or had begun pass")
    return found


def complete(cluster: Cluster) -> Cluster:
    """The snapshot with an assignment of every group on every node, and of none that does not exist."""
    return replace(cluster, assignments={
        (group, node): cluster.assignments.get((group, node)) or Assignment(group, node)
        for group in cluster.groups for node in cluster.nodes})


def apply(cluster: Cluster, result: Schedule, now_ms: int) -> Cluster:
    """The snapshot after the decisions. What was on a node that is proven to be gone is disabled."""
    assignments = dict(cluster.assignments)
    for key, decision in result.decisions.items():
        row = cluster.assignments.get(key) or Assignment(*key)
        assignments[key] = _after(row, decision, cluster.nodes[key[1]], now_ms)
    return replace(cluster, assignments=assignments)


def _after(row: Assignment, decision: Decision, node: Node, now_ms: int) -> Assignment:
    told = decision.desired is GroupState.ACTIVE
    ended = node.gone and row.state is not GroupState.DISABLED
    return replace(
        row, desired=decision.desired, scheduling=decision.scheduling,
        told_active=not node.gone and (row.told_active or told), stopped=node.gone or (row.stopped and not told),
        state=GroupState.DISABLED if ended else row.state, changed_ms=now_ms if ended else row.changed_ms)


def confirm(row: Assignment) -> Assignment:
    """The assignment after its node has confirmed the latest order about it, with the state that it has since."""
    told = row.told_active and row.desired is GroupState.ACTIVE
    stopped = not told and row.state not in RUNNING and (row.stopped or row.state in RESTING)
    return replace(row, told_active=told, stopped=stopped)
