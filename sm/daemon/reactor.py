# SPDX-License-Identifier: Apache-2.0
"""Feeds events to the step of a node and carries out the actions; what a failing step means for the node."""
from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from flock.core.errors import FlockError
from flock.core.records import replace
from sm.contract.messages import Beat, NodeReport
from sm.contract.states import GroupState
from sm.core.actions import Action as ServiceAction
from sm.core.actions import RebootNode
from sm.core.domain.events import AskFenced, Fence, Journal, Require, Store
from sm.core.domain.view import Durable
from sm.core.events import Event as ServiceEvent
from sm.core.events import Order, Tick
from sm.core.local.adoption import adopt
from sm.core.local.step import step as local_step
from sm.core.model import Catalogue, ServiceSpec
from sm.core.node import ledger
from sm.core.node.step import Action, Event, step, watchdog_until
from sm.core.node.view import NodeView, Send, TakeReport

LOG = logging.getLogger(__name__)
DEFECTS_MAX = 3
DEFECTS_WITHIN_MS = 60_000


class Hands(Protocol):
    """What carries out the actions. Nothing here waits, except ``store`` for the disk."""

    def store(self, durable: Durable) -> None:
        """Returns when it is on the disk. FlockError: it is not."""

    def require(self, nodes: frozenset[str], order: int) -> None:
        """Returns when nothing can become writable any more without this order; it comes into force later."""

    def send(self, beat: Beat) -> None:
        """Sends the beat on every path."""

    def service(self, action: ServiceAction, former: ServiceSpec | None) -> None:
        """Begins an action of the engines. ``former``: how its service was defined when it was started, as long as
        that must be stopped first; the catalogue has changed since, or does not have it any more."""

    def fence(self, action: Fence | AskFenced) -> None:
        """Begins to fence, or to ask."""

    def permit(self, until_ms: int | None) -> None:
        """Has this node reset at ``until_ms`` unless the daemon says something else before; None: nothing here needs
        it. Called before actions that follow from other states of groups: a daemon that hangs right after it has begun
        them must not keep anything active for longer."""

    def note(self, text: str) -> None:
        """Writes a sentence into the journal."""

    def take_report(self, report: NodeReport) -> None:
        """Stores the states of this node. FlockError: they cannot be stored; the leader tells them again."""


class Reactor:
    """One node's view and the only place that changes it. Events that come while one is handled wait for their turn.

    A step that raises is a defect: the event is dropped and the view stays. With ``DEFECTS_MAX`` of them within
    ``DEFECTS_WITHIN_MS``, ``broken`` is set: from then on only the engines run, and all that is bound to the lease or a
    grant is ordered to stop. ``unstored``: why the store cannot be written; until it can, nothing is sent or fenced.
    """

    def __init__(self, view: NodeView, catalogue: Catalogue, hands: Hands, clock: Callable[[], int]) -> None:
        self.view, self.catalogue = view, catalogue
        self.broken = ""
        self.unstored = ""
        self._hands, self._clock = hands, clock
        self._waiting: deque[Event] = deque()
        self._busy = False
        self._defects: deque[int] = deque(maxlen=DEFECTS_MAX)
        self._pending: Durable | None = None
        self._permitted = view.local.groups

    def feed(self, event: Event) -> None:
        """Take in one event."""
        self._waiting.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._waiting:
                self._handle(self._waiting.popleft())
        finally:
            self._busy = False

    def begin(self, actions: tuple[ServiceAction, ...]) -> None:
        """Carry out what the first view asks for."""
        self._perform(actions)

    def adopt(self, catalogue: Catalogue) -> None:
        """Go over to a changed catalogue. ``hands`` must know it already."""
        before, self.catalogue = self.catalogue, catalogue
        local, actions = adopt(self.view.local, before, catalogue, self._clock())
        self.view = replace(self.view, local=local, basis=())
        self._perform(actions)

    @property
    def bound_active(self) -> tuple[str, ...]:
        """The groups that are active here and may be so only with the lease or a grant; former ones count too."""
        return tuple(sorted(name for name in self.view.local.active_groups
                            if name not in self.catalogue.groups or ledger.bound(self.catalogue.groups[name])))

    def _handle(self, event: Event) -> None:
        if self.broken:
            self._stop_bound(event)
            return
        try:
            view, actions = step(self.view, event, self.catalogue, self._clock())
        except Exception:
            LOG.exception("A step has failed, and %s is dropped: %s", str(event)[:2_000], self._essentials())
            self._defect(event)
            return
        self.view = view
        self._perform(actions)

    def _essentials(self) -> str:
        """What a developer needs of the view to understand a failure."""
        domain = self.view.domain
        return (f"term {domain.durable.vote.term}, holder {domain.durable.vote.holder!r}, leading {domain.leading}, "
                f"reason {domain.reason!r}, record {domain.durable.record}, heard {sorted(domain.heard)}, "
                f"void {sorted(domain.void)}, active {sorted(self.view.local.active_groups)}")

    def _defect(self, event: Event) -> None:
        now_ms = self._clock()
        self._hands.note(f"a step failed and {type(event).__name__} was dropped; the log has the details")
        self._defects.append(now_ms)
        if len(self._defects) == DEFECTS_MAX and now_ms - self._defects[0] <= DEFECTS_WITHIN_MS:
            self.broken = f"{DEFECTS_MAX} steps have failed within {DEFECTS_WITHIN_MS // 1_000} s"
            self._hands.note(f"{self.broken}; this node stops what only one node may run, and ends its daemon")

    def _stop_bound(self, event: Event) -> None:
        """The engines alone go on, to stop what is bound. They may be what is broken; the watchdog knows then."""
        events: list[ServiceEvent] = [event] if isinstance(event, ServiceEvent) and not isinstance(event, Order) else []
        events += [Order(name, GroupState.DISABLED) for name in self.bound_active]
        for one in (*events, Tick()):
            try:
                local, actions = local_step(self.view.local, one, self.catalogue, self._clock())
            except Exception:
                LOG.exception("The engines fail too; %s is dropped", one)
                continue
            self.view = replace(self.view, local=local)
            self._perform(actions)

    def _perform(self, actions: tuple[Action, ...]) -> None:
        if self.view.local.groups is not self._permitted:
            self._permitted = self.view.local.groups
            self._hands.permit(watchdog_until(self.view, self.catalogue))
        for action in actions:
            try:
                self._do(action)
            except Exception:
                LOG.exception("%s cannot be carried out", str(action)[:500])

    def _do(self, action: Action) -> None:
        if isinstance(action, Store):
            self._pending = action.durable
            self._store()
        elif isinstance(action, Send):
            if self._pending is not None:
                self._store()
            if self._pending is None:
                self._hands.send(action.beat)
        elif isinstance(action, (Fence, AskFenced)):
            # Without an answer the decision tries again.
            if self._pending is None:
                self._hands.fence(action)
        elif isinstance(action, Require):
            self._hands.require(action.nodes, action.order)
        elif isinstance(action, Journal):
            self._hands.note(action.text)
        elif isinstance(action, TakeReport):
            self._hands.take_report(action.report)
        else:
            self._hands.service(action, self._former(action))

    def _former(self, action: ServiceAction) -> ServiceSpec | None:
        former = None if isinstance(action, RebootNode) else self.view.local.former.get(action.service)
        return None if former is None else former.spec

    def _store(self) -> None:
        assert self._pending is not None  # noqa: S101 - the callers have looked
        try:
            self._hands.store(self._pending)
        except FlockError as error:
            if not self.unstored:
                LOG.error("Nothing is sent until the store can be written: %s", error)
            self.unstored = f"its store cannot be written: {error}"
            return
        self._pending, self.unstored = None, ""
