# SPDX-License-Identifier: Apache-2.0
"""What each assignment of a unit shall be, given its seats. Breaks before it makes: a node goes active only when enough
others have said that they are not, or are proven to be stopped."""
from __future__ import annotations

from collections.abc import Mapping

from flock.core.records import replace
from sm.contract.states import Administrative, Condition, GroupState, SchedulingState, Status
from sm.core.cluster import Assignment, Decision, Key
from sm.core.model import GroupSpec
from sm.core.scheduler.posts import RUNNING, Post, Unit, may_be_active
from sm.core.scheduler.seats import Seating, marked_reason

ACTIVE, STANDBY, DISABLED = GroupState.ACTIVE, GroupState.STANDBY, GroupState.DISABLED
LEAVE_DISABLED = frozenset({SchedulingState.DISABLE, SchedulingState.DISABLE_FORCE})


def orders(unit: Unit, posts: Mapping[str, Post], seating: Seating) -> dict[Key, Decision]:
    """The decision for every group of the unit on every node."""
    found: dict[Key, Decision] = {}
    for index, group in enumerate(unit.groups):
        seats = [posts[name] for name in seating.seats[:group.n_active]]
        waiting = _waiting(group, index, seats, posts, seating)
        standbys = _standbys(group, seats, posts, seating)
        for name, post in posts.items():
            row = post.rows[index]
            if post.silent:
                desired, reason = _left_alone(group, row, post)
            elif post in seats:
                if name in waiting:
                    desired = STANDBY if group.m_standby else DISABLED
                    reason = f"{group.name} waits on {name} to go active: {waiting[name]}"
                else:
                    desired, reason = ACTIVE, _active_reason(group, row, post, posts, seating)
            elif name in standbys:
                desired, reason = STANDBY, _standby_reason(group, row, post, seats, seating)
            else:
                desired, reason = DISABLED, _disabled_reason(group, row, post, seats, seating)
            decision = Decision(desired, seating.marks.get(name, SchedulingState.NONE), reason,
                                waits=waiting.get(name, ""))
            found[group.name, name] = _with_repair(decision, group, row, post, seats)
    return found


def _waiting(group: GroupSpec, index: int, seats: list[Post], posts: Mapping[str, Post],
             seating: Seating) -> dict[str, str]:
    """The seats that the group must not take yet, and what they wait for. One that was told before keeps its seat:
    nothing was active elsewhere then, and nothing was told to be since."""
    # A node that is left counts until all that moves together has stopped there, one with a seat for this group only.
    holders = [post for name, post in posts.items()
               if (may_be_active(post.rows[index], post.node) if name in seating.seats else post.holds)]
    undisputed = not any(post.active for post in holders if post not in seats)
    keeping = [post for post in seats if post.silent or post.rows[index].state in RUNNING
               or (undisputed and post.rows[index].desired is ACTIVE)]
    free = group.n_active - len(holders)
    waiting = {}
    for post in seats:
        if post in keeping or (post in holders and free >= 0):
            continue
        if post not in holders and free > 0:
            free -= 1
            continue
        blocking = [_blocking(each) for each in holders if each is not post and each not in keeping]
        waiting[post.name] = "; ".join(blocking) or "as many nodes as may be active are"
    return waiting


def _blocking(post: Post) -> str:
    if post.silent:
        return silence(post)
    rows = ", ".join(f"{row.group} {row.state}" for row in post.rows if may_be_active(row, post.node))
    return f"{post.name} has not yet said that it is standby or disabled ({rows})"


def silence(post: Post) -> str:
    """What holds of a node that was active, or may have been, when it was last heard."""
    return (f"{post.name} is silent and may still be active; it counts as active until it is fenced, its permission "
            "ends, or it says that it is standby or disabled")


def _standbys(group: GroupSpec, seats: list[Post], posts: Mapping[str, Post], seating: Seating) -> set[str]:
    """The nodes that shall be standby, up to M; silent ones do not count, locked ones come last."""
    if not group.m_standby:
        return set()
    fit = [post for post in posts.values()
           if post not in seats and seating.marks.get(post.name) not in LEAVE_DISABLED and can_stand_by(post)]
    fit.sort(key=lambda post: (bool(post.bar), post.failed, -post.node.score, post.preference,
                               not (post.holds or _stands(post)), post.rank))
    return {post.name for post in fit[:group.m_standby]}


def _stands(post: Post) -> bool:
    return any(STANDBY in (row.state, row.desired) for row in post.rows)


def can_stand_by(post: Post) -> bool:
    """Whether a node may be standby: a locked one may, so that its data stays current."""
    return not post.bar or (post.node.administrative is Administrative.LOCKED and post.node.current
                            and not post.node.gone and post.node.ready)


def _with_repair(decision: Decision, group: GroupSpec, row: Assignment, post: Post, seats: list[Post]) -> Decision:
    """Adds what the node shall do about failures: try again, and for fatal ones reboot if others do better."""
    if row.status is Status.NONE:
        return decision
    failed = row.status is Status.FAILED and not post.silent and not post.node.gone
    fatal = failed and row.condition is Condition.FATAL_FAILURE
    elsewhere = any(seat.failed < post.failed and not seat.silent for seat in seats if seat is not post)
    escalate = fatal and group.fatal_error_reboot and elsewhere and (post not in seats or not group.movable)
    tired = row.state is ACTIVE and row.status in (Status.WARN, Status.DEGRADED) and not post.silent
    reason = decision.reason
    if fatal:
        reason += (f"; {post.name} reboots, since the failure is fatal and others do better" if escalate else
                   "; the fatal failure is forgotten, and all is tried again")
    return replace(decision, reason=reason, recover=failed or tired, escalate=escalate,
                   clear_fatal=fatal and not escalate)


def _left_alone(group: GroupSpec, row: Assignment, post: Post) -> tuple[GroupState, str]:
    return row.desired, (f"{group.name} on {post.name} is left as it is: {post.name} is silent and cannot be told "
                         "anything")


def _active_reason(group: GroupSpec, row: Assignment, post: Post, posts: Mapping[str, Post],
                   seating: Seating) -> str:
    where = f"{group.name} stays on {post.name}"
    if row.desired is not ACTIVE:
        cause = seating.why.get(post.name) or "groups that it belongs to are active there"
        return f"{group.name} goes active on {post.name}: {cause}"
    if row.scheduling is not SchedulingState.NONE and post.name in seating.why:
        return f"{where}: {seating.why[post.name]}"
    if not group.movable:
        return f"{where}: it runs on {group.n_active} node{'s' * (group.n_active != 1)} at once, and this one is able"
    if row.status is Status.FAILED:
        others = "; ".join(other.start_bar or f"{other.name} is no healthier" for name, other in sorted(posts.items())
                           if name != post.name)
        return f"{where} and is repaired in place: it failed there ({row.condition}), and {others or 'no node is left'}"
    if row.state is not ACTIVE:
        return f"{where}: it is going active there"
    health = "healthy" if row.status is Status.NONE else f"{row.status} but serving"
    return (f"{where}: it is {health} there; a move takes a failure that cannot be repaired in place, a lost network, "
            "or host-swact")


def _standby_reason(group: GroupSpec, row: Assignment, post: Post, seats: list[Post], seating: Seating) -> str:
    if not seats:
        return f"{group.name} is only standby on {post.name}, and active nowhere: {post.start_bar}"
    where = f"{' and '.join(seat.name for seat in seats)} {'has' if len(seats) == 1 else 'have'} it"
    leaves = row.state in RUNNING or (row.state is GroupState.GO_STANDBY and post.name in seating.marks)
    if leaves and (cause := _cause(post, seating)):
        return f"{group.name} leaves {post.name} and becomes standby there: {cause}"
    lost = "".join(f"; {silence(seat)}" for seat in seats if seat.silent)
    ended = row.scheduling is not SchedulingState.NONE and post.name not in seating.marks
    return (f"{group.name} is standby on {post.name}: {where} active"
            f"{'; the move away from here has ended' if ended else ''}"
            f"{f'; {post.name} is locked and takes over nothing' if post.bar else ''}{lost}")


def _disabled_reason(group: GroupSpec, row: Assignment, post: Post, seats: list[Post], seating: Seating) -> str:
    if post.bar:
        return f"{group.name} is disabled on {post.name}: {post.bar}"
    if cause := _cause(post, seating):
        return f"{group.name} leaves {post.name}: {cause}"
    return (f"{group.name} is disabled on {post.name}: {group.n_active} active and {group.m_standby} standby are "
            "enough, and other nodes have them")


def _cause(post: Post, seating: Seating) -> str:
    """Why the unit leaves a node; empty: it does not."""
    if post.name in seating.why:
        return seating.why[post.name]
    if post.bar:
        return post.bar
    if seating.marks.get(post.name) is not None:
        return marked_reason(post)
    return f"{' and '.join(seating.seats)} has it" if post.active and seating.seats else ""
