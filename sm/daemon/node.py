# SPDX-License-Identifier: Apache-2.0
"""The daemon of a node: puts the parts together in one event loop, gives the step its time, and ends it well."""
from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
import uuid
from pathlib import Path

from flock.core.errors import Refused
from flock.core.records import replace
from flock.service.notify import notify, watchdog_interval_s
from sm.catalogue.build import catalogue as built
from sm.contract.control import StatusReport
from sm.contract.messages import Beat, NodeReport
from sm.contract.states import Administrative
from sm.core import paths
from sm.core.domain.events import Pausing, Tick
from sm.core.domain.view import Config
from sm.core.model import Catalogue
from sm.core.node.step import Event, watchdog_until
from sm.core.node.view import BeatCame, NodeView, StandingChanged
from sm.daemon.beginning import UNKNOWN, domain_view, first_view, stored
from sm.daemon.commands import Commands
from sm.daemon.control import ControlSocket
from sm.daemon.ending import Ending
from sm.daemon.faults import Faults
from sm.daemon.hands import NodeHands, Report
from sm.daemon.journal import Journal
from sm.daemon.links import direct_of, links_of, nodes_of
from sm.daemon.memory import Memory, host_boot
from sm.daemon.messaging import Messaging
from sm.daemon.parts import guard_for, replicated
from sm.daemon.reactor import Reactor
from sm.daemon.settings import Settings
from sm.daemon.standing import Ready, Self
from sm.daemon.status import status
from sm.daemon.watchdog import Watchdog
from sm.store import agreement
from sm.store.store import Store
from sm.transport.keyring import KeyFile, Keyring

LOG = logging.getLogger(__name__)
PAUSE_MS = 30_000
"""How long the daemon may be away after SIGUSR2."""
JOURNAL_SHOWN = 20


def now_ms() -> int:
    """The monotonic clock (CLOCK_MONOTONIC), which all daemons of one boot share."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000


class NodeDaemon:
    """One start of the daemon of a node, for one ``run``. ``stop_services``: SIGTERM first moves and stops what is
    active here; without it, everything goes on running for the next daemon."""

    def __init__(self, settings: Settings, store: Store, stop_services: bool = False) -> None:
        self._settings, self._store = settings, store
        configured, self._version = store.configured(), store.version()
        catalogue = built(configured, os.cpu_count() or 1)
        me, nodes, boot, started_ms = settings.name, nodes_of(settings, configured), uuid.uuid4().hex, now_ms()
        self._beat_ms = settings.timing.beat_ms
        self._links = links_of(settings, configured)
        self._journal, self._watchdog = Journal(Path(settings.journal)), Watchdog(settings.watchdog)
        self.faults = Faults(Path(settings.faults or f"{settings.journal}/faults"), settings.group)
        self._memory = Memory(Path(settings.runtime), host_boot())
        guard = guard_for(catalogue, me, nodes, Path(settings.required))
        self._hands = NodeHands(settings, store, guard, catalogue, self._journal, now_ms, self.feed)
        self._report = Report(store, me, settings.assumed)
        self._hands.take_report, self._hands.permit = self._take_report, self._permit
        others, weights = tuple(name for name in nodes if name != me), {**paths.WEIGHTS, **settings.weights}
        self._self = Self(paths.PathSettings(me, {link.name: link.device for link in self._links}, others,
                                             direct_of(configured), weights, settings.timing),
                          Ready(settings.ready_files, settings.unhealthy_file), self._report.now,
                          self._hands.fenceable, self.note, self.faults.path, started_ms)
        if self._links:
            witnesses = {settings.witness.name} if settings.witness is not None else set()
            self._hands.messaging = Messaging(
                me, boot, self._links, Keyring(KeyFile(Path(settings.key)), me, witnesses), now_ms, self._on_beat,
                lambda path, beat: self._self.on_beat(path, beat, now_ms()),
                lambda device, up: self._self.on_carrier(device, up, now_ms()), self._self.on_reachable)
        config = Config(nodes, settings.witness.name if settings.witness is not None else "", settings.policy,
                        settings.timing)
        domain = domain_view(me, boot, host_boot(), config, stored(store.kept, guard),
                             guard.ordered(known=agreement.get(store.kept) is not None), started_ms)
        view, self._first, self.resumed = first_view(domain, catalogue, self._memory.load(), self._earlier, started_ms)
        self._reactor = Reactor(replace(view, weights=weights), catalogue, self._hands, now_ms)
        self._control = ControlSocket(Path(settings.runtime) / "control", settings.group, Commands(self))
        self._ending = Ending(self, self._reactor, stop_services, settings.stop_s)
        self._due_ms = started_ms
        self._degraded: bool | None = None
        self._alive_ms = started_ms

    @property
    def view(self) -> NodeView:
        """The present view."""
        return self._reactor.view

    @property
    def catalogue(self) -> Catalogue:
        """The present catalogue."""
        return self._reactor.catalogue

    def now_ms(self) -> int:
        """The monotonic clock."""
        return now_ms()

    def feed(self, event: Event) -> None:
        """Have the step take in an event."""
        self._reactor.feed(event)

    def note(self, text: str) -> None:
        """Write a sentence into the journal."""
        self._journal.write(text, now_ms())

    def status(self) -> StatusReport:
        """All that is known, for the control socket."""
        wrong = (self._reactor.broken, self._reactor.unstored, self._watchdog.problem, self._memory.problem,
                 self.faults.problem)
        lines = {path: line.state.value for path, line in self._self.view.lines.items()}
        return status(self.view, self.catalogue, now_ms(), lines,
                      (*(text for text in wrong if text), *self._hands.problems()),
                      tuple(map(str, list(self._journal.tail)[-JOURNAL_SHOWN:])))

    def reload(self) -> str:
        """Take over the configuration of the store; what that means, in a sentence.

        Refused: it has other replicated data or other nodes, which the guard and the agreement know from the start on.
        Another FlockError: it cannot be read.
        """
        configured = self._store.configured()
        catalogue, version = built(configured, os.cpu_count() or 1), self._store.version()
        nodes = nodes_of(self._settings, configured)
        if (replicated(catalogue), nodes) != (replicated(self.catalogue), self.view.domain.config.nodes):
            raise Refused(detail="other replicated data, or other controllers, are used when sm-daemon starts again")
        self._version = version
        self._hands.use(catalogue)
        self._reactor.adopt(catalogue)
        self.note(f"version {self._version} of the configuration is in use")
        if links_of(self._settings, configured) != self._links:
            return f"Version {self._version} is in use, but for its paths: those when sm-daemon starts again."
        return f"Version {self._version} is in use."

    def set_report(self, report: NodeReport) -> None:
        """Store the states of this node as host maintenance knows them."""
        self._report.put(report, uuid.uuid4().hex)
        self._self.report = self._report.now

    def _take_report(self, report: NodeReport) -> None:
        """The leader was told these states of this node."""
        if report.state_uuid != self._report.now.state_uuid:
            self._report.put(report, report.state_uuid)
            self._self.report = self._report.now
            self.note(f"{self.view.me} is {report.administrative}, {report.operational}, {report.availability}; "
                      f"{self.view.domain.leader(now_ms())} was told so")

    async def run(self) -> int:
        """Run until a signal ends it; the exit status: 0, or 1 after defects."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._ending.asked)
        loop.add_signal_handler(signal.SIGUSR2, self._pause)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        self._watchdog.open()
        self._hands.open()
        await self._control.open()
        await self._ending.shutdown.open()
        self.note(f"the daemon starts and {'goes on where the one before ended' if self.resumed else 'looks at all'}")
        # Before a service starts: what it makes writable obeys this order.
        self._hands.require(self.view.domain.required, self.view.domain.order)
        self._reactor.begin(self._first)
        self._due_ms = now_ms()
        self._tick()
        notify("READY=1")
        await self._ending.over.wait()
        notify("STOPPING=1")
        self._ending.shutdown.close()
        await self._control.close()
        await self._hands.close()
        self._remember(watchdog_until(self.view, self.catalogue), now_ms())
        self._watchdog.close(idle=not self._reactor.bound_active)
        self._memory.close()
        self.note("the daemon ends")
        self.faults.close()
        self._journal.close()
        return 1 if self._reactor.broken else 0

    def _earlier(self, version: int) -> Catalogue | None:
        """The catalogue of an earlier version of the configuration, while the store has it."""
        found = self._store.earlier(version)
        return built(found, os.cpu_count() or 1) if found is not None else None

    def _permit(self, until_ms: int | None) -> None:
        self._watchdog.tell(until_ms, now_ms())

    def _on_beat(self, beat: Beat) -> None:
        self.feed(BeatCame(beat))

    def _pause(self) -> None:
        """SIGUSR2: the daemon is going to be replaced."""
        self.note(f"the daemon may be away for {PAUSE_MS // 1_000} s")
        self.feed(Pausing(PAUSE_MS))

    def _tick(self) -> None:
        if self._ending.over.is_set():
            return
        now = now_ms()
        late_ms = now - self._due_ms
        self._due_ms = max(self._due_ms + self._beat_ms, now + 1)
        asyncio.get_running_loop().call_at(self._due_ms / 1_000, self._tick)
        self._self.unstored = self._reactor.unstored
        self._self.on_tick(self.view.domain.leading, late_ms, now)
        standing = self._self.standing(self._hands.in_sync, self._hands.enforced, now)
        if self._ending.begun:
            standing = replace(standing, report=replace(standing.report, administrative=Administrative.LOCKED))
        if standing != self.view.standing:
            self.feed(StandingChanged(standing))
        self.feed(Tick())
        self._after(now)

    def _after(self, now: int) -> None:
        """Tell the watchdog, the next daemon, systemd and host maintenance how things stand."""
        until = watchdog_until(self.view, self.catalogue)
        self._watchdog.tell(until, now)
        self.faults.look(self.view, self.catalogue, now)
        self._remember(until, now)
        self._mark_degraded(self.view.local.degraded)
        interval_s = watchdog_interval_s()
        if interval_s is not None and now - self._alive_ms >= interval_s * 1_000:
            self._alive_ms = now
            notify("WATCHDOG=1")
        self._ending.look()

    def _remember(self, until_ms: int | None, now: int) -> None:
        """Leave the view to the next daemon, and until when groups may be active here."""
        if until_ms is None:
            until_ms = now + self._settings.timing.lease_ms if self._reactor.bound_active else UNKNOWN
        self._memory.save(self.view.local, until_ms, self._version)

    def _mark_degraded(self, degraded: bool) -> None:
        if degraded is self._degraded:
            return
        self._degraded, path = degraded, Path(self._settings.degraded_file)
        with contextlib.suppress(OSError):
            if degraded:
                path.touch()
            else:
                path.unlink(missing_ok=True)
