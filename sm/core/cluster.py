# SPDX-License-Identifier: Apache-2.0
"""One snapshot of the domain, from which the leader decides where each group runs."""
from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from sm.contract.states import (
    Administrative,
    Availability,
    Condition,
    GroupState,
    Operational,
    SchedulingState,
    Status,
)
from sm.core.model import GroupSpec


class Node(Struct, frozen=True):
    """A controller as the leader sees it.

    ``ready``: configured, its tests passed, not marked unhealthy. ``current``: its assignments below are what it says
    now. ``gone``: it is proven that nothing is active there (fenced, or its grant has ended); without that proof what
    was active on a silent node counts as active. ``data_current``: it may be made active without losing accepted data.
    ``accept_loss``: an operator has said that it may be made active without that. ``score``: 0 or less, by networks
    that it has lost; nodes with a better one are preferred. ``score_from_ms``: before that the score is too new to move
    anything, since what the other nodes have lost may not be known yet.
    """

    name: str
    administrative: Administrative = Administrative.UNLOCKED
    operational: Operational = Operational.ENABLED
    availability: Availability = Availability.AVAILABLE
    ready: bool = True
    current: bool = True
    gone: bool = False
    data_current: bool = True
    accept_loss: bool = False
    score: int = 0
    score_from_ms: int = 0


class Health(Struct, frozen=True):
    """How many members of a group are failed, degraded or warned about; a greater ``key`` is healthier."""

    failed: int = 0
    degraded: int = 0
    warned: int = 0

    @property
    def key(self) -> tuple[int, int, int]:
        """Orders healths: failures count before degradations, and those before warnings."""
        return (-self.failed, -self.degraded, -self.warned)


class Assignment(Struct, frozen=True):
    """A group on a node: what is wanted and what is. ``changed_ms``: when ``state`` changed last.

    ``told_active``: the node was told to make the group active, and has not confirmed a later order; it may still obey.
    ``stopped``: since it was last told so, it has said that it is standby or disabled, or was proven to be gone; on its
    way to standby or disabled it then cannot be active. ``apply`` keeps both when orders are given, and ``confirm``
    when the node has confirmed its latest order.
    """

    group: str
    node: str
    desired: GroupState = GroupState.INITIAL
    state: GroupState = GroupState.INITIAL
    status: Status = Status.NONE
    condition: Condition = Condition.NONE
    health: Health = Health()
    scheduling: SchedulingState = SchedulingState.NONE
    changed_ms: int = 0
    reason: str = ""
    told_active: bool = False
    stopped: bool = False


Key = tuple[str, str]
"""Group and node of an assignment."""


class Cluster(Struct, frozen=True):
    """The domain at one moment. Every group has an assignment on every node. ``maintenance``: nothing is moved."""

    groups: Mapping[str, GroupSpec]
    nodes: Mapping[str, Node]
    assignments: Mapping[Key, Assignment]
    maintenance: bool = False


class Decision(Struct, frozen=True):
    """What one assignment shall be, and why: ``reason`` is what ``sm explain`` prints.

    ``recover``, ``escalate`` and ``clear_fatal`` go into the order to the node; they stand for as long as their cause
    does. ``waits``: what must end elsewhere before the node goes active, which it shall; empty: it shall not, or may.
    """

    desired: GroupState
    scheduling: SchedulingState
    reason: str
    recover: bool = False
    escalate: bool = False
    clear_fatal: bool = False
    waits: str = ""


class Schedule(Struct, frozen=True):
    """The result of one pass of the scheduler. ``logs``: why each assignment that changes does so.

    ``again_ms``: when time alone changes the decisions, if nothing happens before; None: never.
    """

    decisions: Mapping[Key, Decision]
    logs: tuple[str, ...] = field(default=())
    again_ms: int | None = None
