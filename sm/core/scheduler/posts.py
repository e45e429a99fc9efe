# SPDX-License-Identifier: Apache-2.0
"""What the scheduler needs to know of a unit on a node: whether it may be active there, whether it may be made so, and
how well it does. A unit is the groups of one aggregate, which move together, or a group without one."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sm.contract.states import (
    Administrative,
    Availability,
    Condition,
    GroupState,
    Operational,
    SchedulingState,
    Status,
)
from sm.core.cluster import Assignment, Key, Node
from sm.core.model import GroupSpec

RUNNING = frozenset({GroupState.ACTIVE, GroupState.GO_ACTIVE})
# What a node may be doing with a group whose services may still run active there. Nothing is known of initial.
HOLDING = RUNNING | {GroupState.GO_STANDBY, GroupState.DISABLING, GroupState.UNKNOWN, GroupState.INITIAL}
RESTING = frozenset({GroupState.STANDBY, GroupState.DISABLED})
BEYOND_REPAIR = frozenset({Condition.RECOVERY_FAILURE, Condition.FATAL_FAILURE})
FORCED = frozenset({SchedulingState.SWACT_FORCE, SchedulingState.DISABLE_FORCE})

Merit = tuple[bool, bool, int, bool, int, int, int]
Rank = tuple[Merit, int, bool, int, int, str]


@dataclass(frozen=True, slots=True)
class Unit:
    """Groups that move together. ``preferred``: nodes from best to worst, of the first group that says so."""

    groups: tuple[GroupSpec, ...]

    @property
    def movable(self) -> bool:
        """Whether the unit is active on one set of nodes and standby on others."""
        return self.groups[0].movable

    @property
    def n_active(self) -> int:
        """On how many nodes the unit is active."""
        return max(group.n_active for group in self.groups)

    @property
    def needs_data(self) -> bool:
        """Whether accepted data is lost where it is made active with old data; active/active groups have none."""
        return self.movable or self.n_active == 1

    @property
    def preferred(self) -> tuple[str, ...]:
        """The preference that holds for the whole unit."""
        return next((group.preferred for group in self.groups if group.preferred), ())


def units(groups: Mapping[str, GroupSpec]) -> Iterator[Unit]:
    """Every group in exactly one unit, in order of name."""
    found: dict[tuple[str, str, str], list[GroupSpec]] = {}
    for name in sorted(groups):
        group = groups[name]
        found.setdefault((group.aggregate, "" if group.aggregate else name, group.model), []).append(group)
    for members in found.values():
        yield Unit(tuple(members))


def unit_of(groups: Mapping[str, GroupSpec], group: str) -> Unit:
    """The unit of a group that exists."""
    return next(unit for unit in units(groups) if any(member.name == group for member in unit.groups))


@dataclass(frozen=True, slots=True, eq=False)
class Post:
    """A unit on a node. ``bar``: why it must not be active there; ``start_bar``: why it must not be made so; empty:
    it may. ``holds``: it may be active there. ``active``: a group of it is active, or becomes so. ``claimed``: a group
    of it is wanted active there. ``health``: how many members are failed, degraded and warned about; smaller is
    healthier. ``preference``: position of the node in the unit's preference. Of two nodes the one with the smaller
    ``merit`` is the better place, and ``rank`` orders those of equal merit."""

    node: Node
    rows: tuple[Assignment, ...]
    bar: str
    start_bar: str
    holds: bool
    active: bool
    claimed: bool
    mark: SchedulingState
    health: tuple[int, int, int]
    preference: int
    since_ms: int
    merit: Merit
    rank: Rank

    @property
    def name(self) -> str:
        """The name of the node."""
        return self.node.name

    @property
    def silent(self) -> bool:
        """Whether the node cannot be told anything, and may still do what it did when last heard."""
        return not self.node.current and not self.node.gone

    @property
    def rests(self) -> bool:
        """Whether every group is standby or disabled."""
        return all(row.state in RESTING for row in self.rows)

    @property
    def standing_by(self) -> bool:
        """Whether every group is standby, and none has failed or is degraded."""
        return all(row.state is GroupState.STANDBY and row.status in (Status.NONE, Status.WARN) for row in self.rows)

    @property
    def beyond_repair(self) -> Assignment | None:
        """A group that has failed and cannot be repaired here, has never started here, or has been shut down."""
        for row in self.rows:
            unstarted = row.condition is Condition.ACTION_FAILURE and row.state is GroupState.GO_ACTIVE
            if row.state is GroupState.SHUTDOWN or (
                    row.status is Status.FAILED and (row.condition in BEYOND_REPAIR or unstarted)):
                return row
        return None

    @property
    def failed(self) -> int:
        """How many members have failed."""
        return self.health[0]


def node_bar(node: Node) -> str:
    """Why nothing may be active on a node; empty: it may."""
    if node.gone:
        return f"{node.name} is stopped: it was fenced, or its permission to be active has ended"
    if not node.current:
        return f"{node.name} is silent"
    if node.administrative is Administrative.LOCKED:
        return f"{node.name} is locked"
    if not node.ready:
        return f"{node.name} is not ready: it is not configured, its tests have not passed, or it is marked unhealthy"
    if node.operational is Operational.DISABLED:
        return f"{node.name} is disabled, says host maintenance"
    if node.availability is Availability.FAILED:
        return f"{node.name} has failed, says host maintenance"
    return ""


def data_bar(node: Node) -> str:
    """Why nothing may be made active on a node because of its data; empty: it may."""
    if node.data_current:
        return ""
    return f"{node.name} lacks data that was accepted; only an operator can permit that loss (sm force-active)"


def may_be_active(row: Assignment, node: Node) -> bool:
    """Whether services of the group may run active on the node. What nobody has proven to be stopped may."""
    return not node.gone and (row.told_active or row.desired is GroupState.ACTIVE or row.state in RUNNING
                              or (row.state in HOLDING and not row.stopped))


def strongest(rows: tuple[Assignment, ...]) -> SchedulingState:
    """The mark of a unit on a node: a forced one before others."""
    found = SchedulingState.NONE
    for row in rows:
        if row.scheduling in FORCED:
            return row.scheduling
        if row.scheduling is not SchedulingState.NONE:
            found = row.scheduling
    return found


def posts_of(unit: Unit, nodes: Mapping[str, Node], rows: Mapping[Key, Assignment],
             bars: Mapping[str, str]) -> dict[str, Post]:
    """The unit on every node. ``bars``: ``node_bar`` of every node."""
    return {name: _post(unit, node, tuple(rows.get((group.name, name)) or Assignment(group.name, name)
                                          for group in unit.groups), bars[name])
            for name, node in nodes.items()}


def _post(unit: Unit, node: Node, rows: tuple[Assignment, ...], bar: str) -> Post:
    failed = degraded = warned = since_ms = 0
    holds = active = claimed = False
    standby = resting = True
    for row in rows:
        health = row.health
        failed += health.failed or row.status is Status.FAILED or row.state is GroupState.SHUTDOWN
        degraded += health.degraded or (row.status is Status.DEGRADED)
        warned += health.warned or (row.status is Status.WARN)
        since_ms = max(since_ms, row.changed_ms)
        holds = holds or may_be_active(row, node)
        active = active or (row.state in RUNNING and not node.gone)
        claimed = claimed or row.desired is GroupState.ACTIVE
        standby = standby and row.state is GroupState.STANDBY
        resting = resting and row.state in RESTING
    mark = strongest(rows)
    data = data_bar(node) if unit.needs_data else ""
    order = unit.preferred
    preference = order.index(node.name) if node.name in order else len(order)
    advance = 3 if active else 2 if standby else 1 if resting else 0
    merit = (bool(data), mark in FORCED, failed, mark is not SchedulingState.NONE, -advance, degraded, warned)
    rank = (merit, -node.score, node.availability is not Availability.AVAILABLE, preference, since_ms, node.name)
    return Post(node, rows, bar, bar or ("" if active else data), holds, active, claimed, mark,
                (failed, degraded, warned), preference, since_ms, merit, rank)
