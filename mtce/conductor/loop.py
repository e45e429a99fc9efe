# SPDX-License-Identifier: Apache-2.0
"""The only thread that decides: takes events from a bounded queue, steps hosts, stores the result, starts the effects.

A step takes effect only after it is stored. While the database is down an event waits with its host and is retried;
an event that recurs (an mtcAlive, a tick) is dropped instead.
"""
from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from prometheus_client import Counter, Histogram

from flock.core.backoff import Backoff
from flock.core.clock import Clock
from flock.core.errors import FlockError, StaleWrite
from flock.jobs.worker import Worker
from mtce.conductor import messages
from mtce.conductor.buswatch import BusWatch
from mtce.conductor.inbox import Inbox
from mtce.conductor.outage import Outage, is_outage
from mtce.conductor.roster import Entry, Roster
from mtce.conductor.store import Answered, Store, StoredHost
from mtce.conductor.surroundings import Surroundings
from mtce.contract.records import MtceHost
from mtce.core.actions import Action, reasons
from mtce.core.changes import must_store
from mtce.core.events import Alive, Command, Event, Resume, Resync, Tick
from mtce.core.fsm import step
from mtce.core.settings import Settings
from mtce.core.view import MaintainedHost
from sysinv.contract.enums import Administrative

LOG = logging.getLogger(__name__)
T = TypeVar("T")
IDLE_WAIT_S = 1.0
RETRY_MS = 1_000
PASS_RETRY = Backoff(0.05, 1.0)
EVENTS = Counter("mtce_events_total", "Events the loop has taken", ("event",))
STEP_SECONDS = Histogram("mtce_step_seconds", "One step with its commit",
                         buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0))


class Effects(Protocol):
    """Carries out the actions of steps; must not block the loop."""

    def perform(self, view: MaintainedHost, record: MtceHost, actions: tuple[Action, ...]) -> None:
        """Start the actions; answers return as events."""

    def watch(self, view: MaintainedHost) -> None:
        """Start, change or stop the monitoring of one host according to its view."""

    def forget(self, uuid: str) -> None:
        """Stop monitoring a deleted host."""

    def pulses_session(self) -> int:
        """Return the number of the connection that has reported every heartbeat level; 0 while there is none."""

    def delivered_soon(self) -> None:
        """Start the delivery of messages just stored."""


class MachineStopped(FlockError):
    """A defect stopped a host's state machine during the requested step; the step had no effect."""

    code = "mtce.machine_stopped"
    text = "The state machine of {hostname} has stopped: {reason}"


class Loop:
    """Accepts events (``post``) and functions (``ask``) from any thread, and handles them in its own."""

    def __init__(self, store: Store, settings: Settings, effects: Effects, clock: Clock, hostname: str,
                 events_max: int = 20_000, *, uptime_s: Callable[[], float] = lambda: math.inf) -> None:
        self.store = store
        self.settings = settings
        self.roster = Roster()
        self.controller_boot = clock.instant().origin
        self._effects = effects
        self._clock = clock
        self._hostname = hostname
        self._inbox = Inbox(events_max)
        self._worker = Worker("mtce-loop", self._pass, PASS_RETRY)
        self._retry_ms: int | None = None
        self._outage = Outage()
        self._surroundings = Surroundings(BusWatch(self.now_ms()), effects.pulses_session, self._inbox.later, uptime_s)

    def start(self) -> None:
        """Load every host, resume it from its stored state, and start the thread; database errors pass through."""
        for stored in self.store.load(self._hostname):
            entry = Entry(stored.view, stored.record, stored)
            self.roster.put(entry)
            self._effects.watch(entry.view)
        LOG.info("%d hosts loaded", len(self.roster.all()))
        for entry in self.roster.all():
            self._handle(entry, Resume(self.controller_boot))
        self._worker.start()

    def stop(self, timeout_s: float) -> bool:
        """Stop after the current event; returns True when the thread ended."""
        self._worker.leave()
        self._inbox.wake()
        return self._worker.stop(timeout_s)

    def is_running(self) -> bool:
        """Whether the thread runs."""
        return self._worker.is_alive()

    def now_ms(self) -> int:
        """Milliseconds of the monotonic clock, which every moment of a view refers to."""
        return self._clock.monotonic_ms()

    def post(self, uuid: str, event: Event) -> None:
        """Queue an event; drops it with a log line when the queue is full."""
        self._inbox.post(uuid, event)

    def bus_heard(self) -> None:
        """Note that the bus has just delivered a message."""
        self._surroundings.bus.heard(self.now_ms())

    def ask(self, work: Callable[[], T], timeout_s: float) -> T:
        """Run ``work`` between two events and return its result. Its errors, DeadlineExceeded, Unavailable."""
        return self._inbox.ask(work, timeout_s)

    def troubles(self) -> str | None:
        """Return, for the health page, the hosts whose state machine has stopped, or a fault of the loop; else None."""
        broken = [f"{entry.view.hostname}: {entry.broken}" for entry in self.roster.all() if entry.broken]
        return "; ".join(broken) or self._worker.trouble()

    # -- the loop's thread only -------------------------------------------------------------------------------------

    def step_host(self, entry: Entry, event: Event, answered: Answered | None = None) -> None:
        """Step, store, perform. Database errors and MachineStopped pass through and leave the host unchanged."""
        before = entry.view
        try:
            view, actions = self.decide(before, event)
        except MachineStopped as error:
            entry.broken = str(error)
            raise
        self._commit(entry, view, actions, event, answered)
        if view.monitored != before.monitored or view.epoch != before.epoch or view.networks() != before.networks():
            self._effects.watch(view)
        self._effects.perform(view, entry.record, actions)

    def decide(self, view: MaintainedHost, event: Event) -> tuple[MaintainedHost, tuple[Action, ...]]:
        """Return the step of ``view`` for ``event`` now; turns any defect into MachineStopped for this host only."""
        try:
            return step(view, event, self.now_ms(), self.settings)
        except Exception as error:
            LOG.exception("the state machine of %s stops: %s", view.hostname, view)
            raise MachineStopped(hostname=view.hostname, reason=f"{type(error).__name__}: {error}") from error

    def _commit(self, entry: Entry, view: MaintainedHost, actions: tuple[Action, ...], event: Event,
                answered: Answered | None) -> None:
        told = messages.of_step(entry.stored.view, view, actions)
        if view.action_failed:
            # Reported now. Clear it, so that the next failure of the same action is a change again.
            view = replace(view, action_failed="", bmc_error="")
        strikes = reasons(actions)
        if strikes:
            LOG.warning("%s: %s", view.hostname, strikes)
        changed = must_store(entry.stored.view, view) or entry.record != entry.stored.record
        if told or strikes or answered is not None or changed or isinstance(event, Resync):
            revision = self.store.commit(entry.stored, view, entry.record, cause=cause_of(event), messages=told,
                                         answered=answered, strikes=strikes)
            entry.stored = StoredHost(view, entry.record, revision)
            self._outage.over()
        entry.view = view
        self.roster.reschedule(view)
        if told:
            self._effects.delivered_soon()

    def _pass(self) -> float:
        """Handle one event, or wait for one, and then the ticks that are due."""
        happened = self._inbox.next(self._wait_s())
        if happened is not None:
            entry = self.roster.get(happened.uuid)
            if isinstance(happened.event, Alive) and happened.event.over_bus:
                self.bus_heard()
            if entry is not None:
                self._handle(entry, happened.event)
        retried = self._retry_ms is not None
        if self._retry_ms is None or self.now_ms() >= self._retry_ms:
            self._retry_ms = None
            self._tick_due()
            if retried:
                self._retry_backlogs()
        return 0.0

    def _wait_s(self) -> float:
        due_ms = self.roster.next_due_ms()
        if due_ms is None:
            return IDLE_WAIT_S
        return min(IDLE_WAIT_S, max(0.0, (max(due_ms, self._retry_ms or due_ms) - self.now_ms()) / 1000))

    def _handle(self, entry: Entry, event: Event) -> None:
        """Step a host; after a database error keep the event unless it recurs."""
        EVENTS.labels(type(event).__name__).inc()
        if entry.broken:
            return
        repeats = isinstance(event, (Alive, Tick))
        if (repeats or not entry.backlog) and self._is_handled(entry, event):
            return
        if not repeats:
            if len(entry.backlog) == entry.backlog.maxlen:
                LOG.error("too much waits for %s: its oldest event is dropped", entry.view.hostname)
            entry.backlog.append(event)

    def _is_handled(self, entry: Entry, event: Event) -> bool:
        """Step a host; returns False when the event must be retried because the step could not be stored."""
        try:
            with STEP_SECONDS.time():
                self.step_host(entry, event)
        except MachineStopped:
            LOG.debug("%s of %s is not noted", type(event).__name__, entry.view.hostname)
        except Exception as error:  # noqa: BLE001 - whatever the database throws
            if is_outage(error):
                self._outage.failed(entry, error)
            else:
                LOG.warning("%s of %s is not stored, will be tried again: %s", type(event).__name__,
                            entry.view.hostname, error, exc_info=not isinstance(error, FlockError))
            self._retry_ms = self.now_ms() + RETRY_MS
            if isinstance(error, StaleWrite):
                self._reload(entry)
            return False
        return True

    def _reload(self, entry: Entry) -> None:
        """Take the host from its row, which differs from the last known commit (whose reply may have been lost)."""
        try:
            stored = self.store.load_one(entry.view.uuid, self._hostname)
        except Exception as error:  # noqa: BLE001 - the next stale write reads again
            LOG.warning("the row of %s cannot be read: %s", entry.view.hostname, error)
            return
        if stored is not None:
            entry.view, entry.record, entry.stored = stored.view, stored.record, stored
            self.roster.reschedule(entry.view)
            self._effects.watch(entry.view)

    def _tick_due(self) -> None:
        """Tick the hosts that are due; the first one that meets a database outage ends the round, the rest stay due."""
        now_ms = self.now_ms()
        due = self.roster.pop_due(now_ms)
        if not due:
            return
        unlocked = sum(entry.view.administrative is Administrative.UNLOCKED for entry in self.roster.all())
        tick = self._surroundings.tick(now_ms, unlocked, self.settings)
        failures = self._outage.failures
        for entry in self._outage.order(due):
            # After one failure each further attempt could take the whole connect timeout.
            if self._outage.failures == failures:
                self._handle(entry, tick)
            self.roster.reschedule(entry.view)

    def _retry_backlogs(self) -> None:
        failures = self._outage.failures
        for entry in self._outage.order(self.roster.all()):
            while entry.backlog and (entry.broken or self._is_handled(entry, entry.backlog[0])):
                entry.backlog.popleft()
            if self._outage.failures != failures:
                return


def cause_of(event: Event) -> str:
    """Return a short text of the event for the history."""
    name = type(event).__name__.lower()
    if isinstance(event, Command):
        return f"{name} {event.action} {event.request_id}"
    return name
