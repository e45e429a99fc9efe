# SPDX-License-Identifier: Apache-2.0
"""All that one node knows, and what may happen to it besides the events of the agreement and of services."""
from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from sm.contract import messages
from sm.contract.messages import AssignmentReport, GroupOrder, Maintenance, NodeReport, Snapshot
from sm.core.cluster import Assignment, Key
from sm.core.domain.view import View
from sm.core.local.view import LocalView, next_deadline_ms
from sm.core.model import Catalogue
from sm.core.paths import WEIGHTS

SNAPSHOT_MS = 1_000
"""A snapshot is sent this often though nothing has changed."""


class Peer(Struct, frozen=True):
    """What another node told last of itself. ``revision``: of the snapshot that all of this comes from. ``newest``: of
    its latest snapshot, which may be under way. ``read``: the revision of this node's snapshot that it has.
    ``lost_ms``: when ``lost`` was heard to change last."""

    boot: str
    revision: int = 0
    report: NodeReport = NodeReport()
    rows: tuple[AssignmentReport, ...] = ()
    obeyed: tuple[int, int] = (0, 0)
    lost: frozenset[str] = frozenset()
    read: int = 0
    lost_ms: int = 0
    newest: int = 0


class Book(Struct, frozen=True):
    """The leader's plan; the others keep a copy, so that the next leader goes on from it.

    ``rows``: every group on every node. ``orders``: by node, in force since ``number`` of the leader's ``term``.
    ``again_ms``: when time alone changes the plan.
    ``states``: by node, what host maintenance has told of it here, until the node itself tells the same.
    """

    term: int = 0
    rows: Mapping[Key, Assignment] = field(default_factory=dict)
    orders: Mapping[str, tuple[GroupOrder, ...]] = field(default_factory=dict)
    number: int = 0
    again_ms: int | None = None
    maintenance: Maintenance = Maintenance()
    states: Mapping[str, NodeReport] = field(default_factory=dict)


class Standing(Struct, frozen=True):
    """What the shell has found out about this node. ``lost``: networks that it has lost; ``isolated``: why it would
    hear nobody. ``in_sync``, ``enforced``, ``doubtful``, ``fenceable`` and ``stalled_ms``: see
    ``sm.core.domain.view.Local``."""

    report: NodeReport = NodeReport()
    lost: frozenset[str] = frozenset()
    isolated: str = ""
    in_sync: frozenset[str] = frozenset()
    enforced: int = -1
    fenceable: frozenset[str] = frozenset()
    stalled_ms: int = -1_000_000
    carriers: Mapping[str, bool] = field(default_factory=dict)
    heard: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reachable: Mapping[str, bool] = field(default_factory=dict)
    doubtful: frozenset[str] = frozenset()


class Gist(Struct, frozen=True):
    """What follows from ``local`` under ``catalogue``, and is needed with every beat. ``due_ms``: nothing happens in
    the engines by itself before. ``active``: groups of which something may be active here."""

    local: LocalView
    catalogue: Catalogue
    due_ms: int
    active: frozenset[str]


class NodeView(Struct, frozen=True):
    """One node. ``orders``: the latest that were taken, also this node's own while it led; ``obeyed``: their term and
    number. ``given``: by group, the order that the engines
    have; ``driven``: what these follow from. ``basis``: what the leader's plan was made from. ``gist``: of the engines.
    ``snapshot``: what was told last, at ``told_ms``; ``told``: what it was made from. ``lost_ms``: when the networks
    that this node has lost changed last. ``weights``: what the loss of one costs."""

    domain: View
    local: LocalView
    standing: Standing = Standing()
    peers: Mapping[str, Peer] = field(default_factory=dict)
    book: Book = Book()
    obeyed: tuple[int, int] = (0, 0)
    orders: tuple[GroupOrder, ...] = ()
    given: Mapping[str, GroupOrder] = field(default_factory=dict)
    basis: tuple[object, ...] = ()
    gist: Gist | None = None
    driven: tuple[object, ...] = ()
    told: tuple[object, ...] = ()
    snapshot: Snapshot = Snapshot(0)
    told_ms: int = -SNAPSHOT_MS
    lost_ms: int = 0
    weights: Mapping[str, int] = field(default_factory=lambda: WEIGHTS)

    @property
    def me(self) -> str:
        """The name of this node."""
        return self.domain.me

    def gist_of(self, catalogue: Catalogue) -> Gist:
        """What follows from the engines' view as it is now."""
        known, local = self.gist, self.local
        if known is not None and known.local is local and known.catalogue is catalogue:
            return known
        return Gist(local, catalogue, next_deadline_ms(local), local.active_groups)


class BeatCame(Struct, frozen=True):
    """A genuine and new beat of another voter."""

    beat: messages.Beat


class StandingChanged(Struct, frozen=True):
    """The shell knows something new about this node."""

    standing: Standing


class Swact(Struct, frozen=True):
    """An operator moves all movable groups away from ``node``. Checked before; only the leader takes it."""

    node: str
    force: bool = False


class SetMaintenance(Struct, frozen=True):
    """An operator begins or ends the maintenance of the domain. Only the leader takes it."""

    on: bool


class NodeTold(Struct, frozen=True):
    """Host maintenance has told the states of another node. Only the leader takes it; ``report`` has a new uuid."""

    node: str
    report: NodeReport


class TakeReport(Struct, frozen=True):
    """Store these states of this node, which host maintenance has told the leader."""

    report: NodeReport


class Send(Struct, frozen=True):
    """Send a beat to every voter."""

    beat: messages.Beat
