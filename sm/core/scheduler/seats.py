# SPDX-License-Identifier: Apache-2.0
"""Which nodes a unit shall be active on. A node that has a seat keeps it (no failback) unless there is a reason."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sm.contract.states import GroupState, SchedulingState
from sm.core.scheduler.posts import FORCED, Post, Unit

# How long a preferred node must have been standby before it gets its groups back.
FAILBACK_AFTER_MS = 60_000

NONE = SchedulingState.NONE
SWACTS = frozenset({SchedulingState.SWACT, SchedulingState.SWACT_FORCE})


@dataclass(frozen=True, slots=True)
class Seating:
    """``seats``: the nodes that shall be active, the surest first. ``marks``: moves that have begun and not ended, by
    the node that is left. ``why``: for a node that gets, loses or regains a seat, the reason."""

    seats: tuple[str, ...]
    marks: Mapping[str, SchedulingState]
    why: Mapping[str, str] = field(default_factory=dict)
    again_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A seat passes from one node to another. ``mark`` stays on the assignments of the first until that has ended."""

    source: Post
    target: Post
    mark: SchedulingState
    reason: str


def seat(unit: Unit, posts: Mapping[str, Post], maintenance: bool, now_ms: int) -> Seating:
    """The seats of a unit, from what holds now. ``maintenance``: only moves that have begun or were asked for."""
    able = sorted((post for post in posts.values() if not post.start_bar), key=lambda post: post.rank)
    seated = [post for post in able if post.claimed or (post.active and post.mark is NONE)][:unit.n_active]
    held = [post for post in posts.values() if post.silent and post.holds]
    spares = [post for post in able if post not in seated]
    chosen = (seated + held)[:unit.n_active]
    why: dict[str, str] = {}
    while spares and len(chosen) < unit.n_active:
        post = spares.pop(0)
        chosen.append(post)
        why[post.name] = _filling(post, posts)
    in_the_way = any(post.holds and post not in chosen for post in posts.values())
    # Whoever takes over would have to wait for them, so nobody is left now; that also makes moves come one at a time.
    move, again_ms = None, None
    if spares and not in_the_way:
        move, again_ms = _move(unit, [post for post in seated if post in chosen], spares[0], maintenance, now_ms)
    if move is not None:
        chosen[chosen.index(move.source)] = move.target
        why[move.source.name] = move.reason
        why[move.target.name] = f"it takes over from {move.source.name}: {move.reason}"
    marks = {}
    for name, post in posts.items():
        mark = move.mark if move is not None and post is move.source else kept_mark(post, chosen)
        if mark is not NONE:
            marks[name] = mark
        elif post.mark is not NONE and post in chosen:
            why[name] = (f"the move away from {name} is given up: no other node does better, or another one may still "
                         "be active")
    return Seating(tuple(post.name for post in chosen), marks, why, again_ms)


def _move(unit: Unit, seated: Sequence[Post], spare: Post, maintenance: bool,
          now_ms: int) -> tuple[Move | None, int | None]:
    """At most one move, to the best of the spares. Also when a preference will ask for one."""
    move = _ordered(seated, spare) or (None if maintenance else _repairing(seated, spare))
    if move is not None or maintenance or not unit.movable or len(seated) < unit.n_active:
        return move, None
    if all(row.state is GroupState.ACTIVE for post in seated for row in post.rows):
        return _improving(seated, spare, now_ms)
    return None, None


def _ordered(seated: Sequence[Post], spare: Post) -> Move | None:
    """A move that was asked for or has begun; it is given up when the other node has failed, unless it is forced."""
    for post in seated:
        if post.mark is not NONE and spare.merit < post.merit and (post.mark in FORCED or spare.rests):
            return Move(post, spare, post.mark, marked_reason(post))
    return None


def _repairing(seated: Sequence[Post], spare: Post) -> Move | None:
    """A move away from a failure that cannot be repaired in place, to a node with fewer failures."""
    for post in seated:
        failure = post.beyond_repair
        if failure is not None and spare.failed < post.failed and spare.merit < post.merit and spare.rests:
            return Move(post, spare, SchedulingState.DISABLE,
                        f"{failure.group} failed on {post.name} beyond repair ({failure.condition or failure.state}), "
                        f"and {spare.name} is healthier")
    return None


def _improving(seated: Sequence[Post], spare: Post, now_ms: int) -> tuple[Move | None, int | None]:
    """A move to a standby that has more networks, or that is preferred and has been standby for a while; else when that
    will be. The standby must be as healthy."""
    again_ms = None
    for post in sorted(seated, key=lambda each: (each.node.score, -each.preference)):
        if (not spare.standing_by or spare.mark is not NONE or spare.health > post.health
                or spare.node.score < post.node.score):
            continue
        if spare.node.score > post.node.score:
            due_ms = max(post.node.score_from_ms, spare.node.score_from_ms)
            if now_ms < due_ms:
                return None, due_ms
            return Move(post, spare, SchedulingState.MOVE,
                        f"{post.name} has lost networks (score {post.node.score}) that {spare.name} has "
                        f"(score {spare.node.score})"), None
        due_ms = spare.since_ms + FAILBACK_AFTER_MS
        if spare.preference < post.preference and now_ms >= due_ms:
            return Move(post, spare, SchedulingState.MOVE,
                        f"{spare.name} is preferred to {post.name} and has been standby for a minute"), None
        if spare.preference < post.preference:
            again_ms = due_ms
    return None, again_ms


def marked_reason(post: Post) -> str:
    """What a mark on a node says to an operator."""
    if post.mark in SWACTS:
        return f"a swact away from {post.name} has begun"
    if post.mark is SchedulingState.MOVE:
        return f"a move from {post.name} to a better node has begun"
    return f"a move away from {post.name}, where it failed, has begun"


def _filling(post: Post, posts: Mapping[str, Post]) -> str:
    """Why a node gets a seat that nobody has."""
    others = [other for name, other in sorted(posts.items()) if name != post.name]
    marked = [marked_reason(other) for other in others if other.mark is not NONE]
    bars = [other.start_bar for other in others if other.start_bar]
    return "; ".join(marked or bars) or "of the nodes that can take it, this one does best"


def kept_mark(post: Post, chosen: Sequence[Post]) -> SchedulingState:
    """The mark of a move that has not ended. It ends when all is active elsewhere, or when nothing can run here.

    A swact also stays marked, as not forced, for as long as a better score or a preference would undo it: an operator's
    word counts.
    """
    if post.mark is NONE or post.silent:
        return post.mark
    if post.bar or post in chosen:
        return NONE
    done = not post.holds and all(row.state is GroupState.ACTIVE for each in chosen for row in each.rows)
    undone = post.mark in SWACTS and any(
        post.node.score > each.node.score or post.preference < each.preference for each in chosen)
    if done:
        return SchedulingState.SWACT if undone else NONE
    return post.mark
