# SPDX-License-Identifier: Apache-2.0
"""One pass of the scheduler over the whole domain, and what it changes in the snapshot."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sm.contract.states import GroupState, SchedulingState
from sm.core.cluster import Assignment, Cluster, Decision, Key, Schedule
from sm.core.scheduler.orders import orders
from sm.core.scheduler.posts import HOLDING, RESTING, RUNNING, Post, Unit, node_bar, posts_of, units
from sm.core.scheduler.seats import seat
from sm.core.swact import begin_planned


def schedule(cluster: Cluster, now_ms: int) -> Schedule:
    """What every assignment shall be. Run again after every event, and at ``again_ms``; runs between which nothing
    happens decide the same. The caller keeps the result with ``apply`` before it tells any node."""
    cluster, planned_logs = begin_planned(cluster, now_ms)
    bars = {name: node_bar(node) for name, node in cluster.nodes.items()}
    decisions: dict[Key, Decision] = {}
    again = list(cluster.planned.values())
    for unit in units(cluster.groups):
        posts = posts_of(cluster, unit, bars)
        if cluster.maintenance and _may_freeze(unit, posts):
            decisions.update(_frozen(unit, posts))
            continue
        seating = seat(unit, posts, cluster.maintenance, now_ms)
        decisions.update(orders(unit, posts, seating))
        if seating.again_ms is not None:
            again.append(seating.again_ms)
    logs = tuple(decision.reason for key, decision in decisions.items()
                 if _changes(cluster.assignments.get(key), decision))
    return Schedule(decisions, planned_logs + logs, min(again, default=None))


def _changes(row: Assignment | None, decision: Decision) -> bool:
    return row is None or row.desired is not decision.desired or row.scheduling is not decision.scheduling


def _may_freeze(unit: Unit, posts: Mapping[str, Post]) -> bool:
    """Whether the unit was placed before, and no move of it was asked for or is under way."""
    marked = [post for post in posts.values() if post.mark is not SchedulingState.NONE]
    under_way = any(post.claimed or post.holds for post in marked) or (
        bool(marked) and sum(post.claimed for post in posts.values()) < unit.n_active)
    return not under_way and any(row.desired is not GroupState.INITIAL
                                 for post in posts.values() for row in post.rows)


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


def apply(cluster: Cluster, result: Schedule, now_ms: int) -> Cluster:
    """The snapshot after the decisions. What may have been active on a node that is proven to be gone is disabled."""
    assignments = dict(cluster.assignments)
    for key, decision in result.decisions.items():
        row = cluster.assignments.get(key) or Assignment(*key)
        gone, told = cluster.nodes[key[1]].gone, decision.desired is GroupState.ACTIVE
        ended = gone and row.state in HOLDING
        assignments[key] = replace(
            row, desired=decision.desired, scheduling=decision.scheduling,
            told_active=not gone and (row.told_active or told), stopped=gone or (row.stopped and not told),
            state=GroupState.DISABLED if ended else row.state, changed_ms=now_ms if ended else row.changed_ms)
    return replace(cluster, assignments=assignments,
                   planned={node: due_ms for node, due_ms in cluster.planned.items() if due_ms > now_ms})


def confirm(row: Assignment) -> Assignment:
    """The assignment after its node has confirmed the latest order about it, with the state that it has since."""
    told = row.told_active and row.desired is GroupState.ACTIVE
    stopped = not told and row.state not in RUNNING and (row.stopped or row.state in RESTING)
    return replace(row, told_active=told, stopped=stopped)
