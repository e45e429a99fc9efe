# SPDX-License-Identifier: Apache-2.0
"""Carries out the actions of a node's step: the store, the messages, the plug-ins, the watches, the fence agents."""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from flock.core.errors import FlockError
from flock.core.records import replace
from sm.contract.messages import Beat, NodeReport
from sm.contract.notices import SOCKET as NOTICES
from sm.contract.states import AUDITS, ActionResult
from sm.core.actions import Action, CancelAction, RebootNode, RunAction, UnwatchProcess, WatchProcess
from sm.core.domain.events import AskFenced, Fence
from sm.core.domain.view import Durable
from sm.core.events import ActionDone
from sm.core.model import Catalogue, ServiceSpec
from sm.core.node.step import Event
from sm.daemon.fencer import Fencer
from sm.daemon.guard import DataGuard
from sm.daemon.journal import Journal
from sm.daemon.messaging import Messaging
from sm.daemon.settings import Settings
from sm.monitors.notices import NoticeSocket
from sm.monitors.watch import Watches
from sm.plugins.plugin import Tools, load
from sm.plugins.reaper import Program
from sm.plugins.runner import Limits, Runner
from sm.plugins.scope import NotStarted, Scopes, own_cgroup
from sm.plugins.script import BASE
from sm.store import agreement
from sm.store.schema import NodeRow
from sm.store.store import Store
from sm.systemd.units import Units

LOG = logging.getLogger(__name__)
IGNORED_SHOWN = 10


class NodeHands:
    """``feed`` takes the events that follow from what is carried out. ``messaging`` is None where nobody is to be
    talked to. ``take_report`` stores the states of this node, ``permit`` tells the watchdog."""

    def __init__(self, settings: Settings, store: Store, guard: DataGuard, catalogue: Catalogue, journal: Journal,
                 clock: Callable[[], int], feed: Callable[[Event], None]) -> None:
        self._settings, self._store, self._guard, self._journal, self._clock = settings, store, guard, journal, clock
        self._scopes, self._units = Scopes(own_cgroup()), Units()
        plugins, self._unusable = load(Tools(self._scopes, self._units, marks=Path(settings.runtime) / "standby"))
        limits = Limits(timeout_extension_s=settings.timeout_extension_s)
        self._runner = Runner(plugins, catalogue, self._answered, limits)
        self._begun: dict[tuple[str, int], int] = {}
        self._feed = feed
        self._watches = Watches(catalogue, self._units, feed)
        self._notices = NoticeSocket(Path(settings.runtime) / Path(NOTICES).name, catalogue, feed)
        self._fencer = Fencer(settings.fencing, self._scopes, feed, settings.timing.fence_timeout_ms / 1_000)
        self._reboots: set[asyncio.Task[None]] = set()
        self.messaging: Messaging | None = None
        self.take_report: Callable[[NodeReport], None] = lambda report: None
        self.permit: Callable[[int | None], None] = lambda until_ms: None

    @property
    def fenceable(self) -> frozenset[str]:
        """The nodes that can be switched off from here."""
        return self._fencer.fenceable

    @property
    def in_sync(self) -> frozenset[str]:
        """The nodes that store this node's data synchronously."""
        return self._guard.in_sync()

    @property
    def enforced(self) -> int:
        """The greatest order of ``require`` that is in force."""
        return self._guard.enforced()

    def open(self) -> None:
        """Open sockets. OSError: that of the notices cannot be."""
        self._notices.open()
        self._guard.open()
        if self.messaging is not None:
            self.messaging.start()

    async def close(self) -> None:
        """End what runs; services go on."""
        await self._notices.close()
        await self._guard.close()
        await self._runner.close()
        await self._watches.close()
        await self._fencer.close()
        if self.messaging is not None:
            self.messaging.stop()
        await self._units.close()
        self._scopes.close()

    def use(self, catalogue: Catalogue) -> None:
        """Take another catalogue."""
        for user in (self._runner, self._watches, self._notices):
            user.use(catalogue)

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the parts, in sentences."""
        found = [f"plug-in {name}: {text}" for name, text in sorted(self._unusable.items())]
        if self._journal.problem:
            found.append(self._journal.problem)
        if self._store.damaged is not None:
            found.append(f"the store was damaged and was built anew; the old file is {self._store.damaged}")
        found += [f"the store: {problem}" for problem in self._store.ignored[:IGNORED_SHOWN]]
        found += self._guard.problems()
        return (*found, *(self.messaging.problems() if self.messaging is not None else ()))

    def store(self, durable: Durable) -> None:
        """Store vote and record; they are on the disk when this returns."""
        agreement.put(self._store.kept, durable)

    def require(self, nodes: frozenset[str], order: int) -> None:
        """Hand it to the guard of the data."""
        self._guard.require(nodes, order)

    def send(self, beat: Beat) -> None:
        """Send a beat on every path."""
        if self.messaging is not None:
            self.messaging.send(beat)

    def service(self, action: Action, former: ServiceSpec | None) -> None:
        """Begin an action of the engines."""
        match action:
            case RunAction():
                if action.action not in AUDITS:
                    self._begun[action.service, action.run_id] = self._clock()
                self._runner.run(action, former)
            case CancelAction():
                self._begun.pop((action.service, action.run_id), None)
                self._runner.cancel(action)
            case WatchProcess():
                self._watches.watch(action, former)
            case UnwatchProcess():
                self._watches.unwatch(action)
            case RebootNode(reason):
                self.note(f"this node reboots: {reason}")
                task = asyncio.get_running_loop().create_task(self._reboot())
                self._reboots.add(task)
                task.add_done_callback(self._reboots.discard)

    def fence(self, action: Fence | AskFenced) -> None:
        """Begin to fence, or to ask."""
        if isinstance(action, Fence):
            self._fencer.fence(action)
        else:
            self._fencer.ask(action)

    def note(self, text: str) -> None:
        """Write a sentence into the journal."""
        self._journal.write(text, self._clock())

    def _answered(self, event: ActionDone) -> None:
        """An action has ended. The journal says how long one took that was to change a state."""
        begun_ms = self._begun.pop((event.service, event.run_id), None)
        if begun_ms is not None:
            seconds = (self._clock() - begun_ms) / 1_000
            self.note(f"{event.service}: {event.action} {event.result} after {seconds:.2f} s"
                      f"{f': {event.reason}' if event.result is not ActionResult.SUCCESS and event.reason else ''}")
        self._feed(event)

    async def _reboot(self) -> None:
        command = self._settings.reboot
        try:
            ended = await self._scopes.run(Program(command, BASE), "reboot")
        except NotStarted as exc:
            LOG.error("This node cannot be rebooted: %s", exc)
            return
        if ended.status != 0:
            LOG.error("This node cannot be rebooted: %s ended with %s: %s", command[0], ended.status, ended.text)


class Report:
    """The states of this node as host maintenance told them last; ``assumed`` until it has."""

    def __init__(self, store: Store, me: str, assumed: NodeReport) -> None:
        self._store, self._me = store, me
        self.now = assumed
        try:
            for row in store.kept.nodes():
                if row.name == me:
                    self.now = NodeReport(row.administrative, row.operational, row.availability,
                                          state_uuid=row.state_uuid)
        except FlockError as error:
            LOG.error("the states of %s are assumed: %s", me, error)

    def put(self, report: NodeReport, uuid: str) -> None:
        """Store other states; ``uuid`` names them. FlockError: they cannot be stored, and nothing changes."""
        self._store.kept.set_node(NodeRow(self._me, report.administrative, report.operational, report.availability,
                                          report.ready, uuid))
        self.now = replace(report, state_uuid=uuid)
