# SPDX-License-Identifier: Apache-2.0
"""The agent's shell: takes orders, carries out one at a time, and reports what the host runs."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from flock.core.backoff import Backoff
from flock.core.errors import FlockError, Refused
from flock.core.health import Health
from flock.exec import platformconf
from flock.exec.root import Root
from flock.jobs.worker import Worker
from flock.rpc.server import Server
from patching.agent import decide, flags
from patching.agent.decide import Verdict
from patching.agent.installer import Installer
from patching.agent.memory import Book, Memory
from patching.content.holding import Holding
from patching.contract.records import HostFacts, InstallOrder, InstallProgress, Mirrored
from patching.contract.rpc import AgentReports
from patching.contract.states import AgentState
from patching.contract.version import of_installation

LOG = logging.getLogger(__name__)
STOP_WAIT_S = 5.0
LOCK_NEEDED = "The host must be locked, since the order needs a reboot."


class WrongHost(Refused):
    """An order for another host."""

    code, http, text = "patching.agent.wrong_host", 409, "{hostname} drops an order: it was meant for {meant}"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: between reports; after which a rejected order is forgotten; for hooks after a boot; between looks at
    the packages and at a controller's content."""

    report_period_s: float = 30.0
    rejected_max_s: float = 60.0
    hooks_timeout_s: float = 600.0
    audit_period_s: float = 600.0


class Agent:
    """Implements PatchingAgent. ``holding``: of a controller; None elsewhere. ``at_end`` is called after ``stop``."""

    def __init__(self, conductor: AgentReports, installer: Installer, book: Book, root: Root, hostname: str,
                 limits: Limits, backend_names: tuple[str, ...], *,
                 make_server: Callable[[Agent], Server] | None = None, holding: Holding | None = None,
                 at_end: Callable[[], None] | None = None) -> None:
        self._conductor, self._installer, self._book, self._root = conductor, installer, book, root
        self._hostname, self._limits, self._backends = hostname, limits, ",".join(backend_names)
        self._boot_id = root.text("proc/sys/kernel/random/boot_id")
        self._lock = threading.Lock()
        self._next: InstallOrder | None = None
        self._ended = threading.Event()
        self._progress: InstallProgress | None = None
        self._query_id = ""
        self._packages: dict[str, str] = {}
        self._looked_s = 0.0
        self._rejected_s = 0.0
        self._told: tuple[str, int, str] | None = None
        self._due_s = 0.0
        self._reporter = Worker("reports", self._report, Backoff(1.0, limits.report_period_s))
        self._runner = Worker("installations", self._run)
        self._holding, self._at_end = holding, at_end
        self._mirror = Worker("content", self._tell_content, Backoff(limits.report_period_s, limits.audit_period_s))
        self._server = None if make_server is None else make_server(self)
        self.health = Health()
        self.health.add("conductor", self._reporter.trouble)
        self.health.add("installations", self._runner.trouble)
        if self._server is not None:
            self.health.add("bus", self._server.trouble)

    def start(self) -> None:
        """Begin to listen and to report, without waiting for the bus."""
        before = self._book.memory
        memory = decide.after_start(before, self._boot_id, self._runs_newest())
        self._book.write(order=memory.order, result=memory.result, needs_reboot=memory.needs_reboot,
                         running=memory.running)
        if before.order is not None:
            LOG.error("%s: %s", before.order.version, decide.INTERRUPTED)
            flags.end(self._root, decide.INTERRUPTED, memory.needs_reboot, before.order.reboot_required)
        if before.needs_reboot and not memory.needs_reboot:
            flags.booted(self._root)
        if self._server is not None:
            self._server.start(ready_timeout_s=0)
        self._runner.start()
        self._reporter.start()
        if self._holding is not None:
            self._mirror.start()

    def _runs_newest(self) -> bool:
        try:
            return self._installer.runs_newest()
        except FlockError as error:
            # The host waits for a boot then, rather than for ever for its agent.
            LOG.warning("what this host has booted cannot be read: %s", error)
            return False

    def stop(self) -> None:
        """Stop reporting and listening; an installation goes on until its next step, and has then failed."""
        self._ended.set()
        for worker in (self._runner, self._reporter, self._mirror):
            worker.leave()
        if self._server is not None:
            self._server.stop(timeout_s=STOP_WAIT_S)
        for worker in (self._runner, self._reporter, self._mirror):
            worker.stop(STOP_WAIT_S)
        if self._at_end is not None:
            self._at_end()

    def alive(self) -> bool:
        """Whether the threads run."""
        return self._runner.is_alive() and self._reporter.is_alive()

    # The interface PatchingAgent.

    def install(self, *, order: InstallOrder) -> None:
        """Carry it out, unless its result is known or the host is not fit for it. Refused for another host."""
        if order.hostname != self._hostname:
            raise WrongHost(hostname=self._hostname, meant=order.hostname)
        with self._lock:
            queued = self._next
            if queued is not None and (queued.deploy_id, queued.attempt) == (order.deploy_id, order.attempt):
                return
            what = decide.verdict(self._book.memory, order, flags.is_locked(self._root))
            LOG.info("order %s attempt %d for %s: %s", order.deploy_id, order.attempt, order.version, what)
            if what is Verdict.REPEAT:
                self._told = None
            elif what is Verdict.REJECT:
                self._rejected_s = time.monotonic()
                self._book.write(result=decide.result(order, LOCK_NEEDED), rejected=True)
            elif what is Verdict.INSTALL:
                if self._book.memory.order is None:
                    # From here on a kill is told as the end of this order.
                    self._book.write(order=order)
                self._next = order
                self._ended.set()
                self._runner.nudge()
        self._report_now()

    def report_now(self, *, query_id: str) -> None:
        """Report at once, with this query id."""
        self._query_id = query_id
        self._report_now()

    def clean_up(self, *, deploy_id: str, keep: list[str]) -> None:
        """Remove content that nobody needs, unless an installation is going on."""
        if self._book.memory.order is not None:
            LOG.info("nothing is cleaned up for %s: an installation is going on", deploy_id)
            return
        self._installer.clean_up(frozenset(keep))

    # Installations.

    def _run(self) -> float:
        if self._book.memory.after_boot and not self._book.memory.needs_reboot:
            self._installer.after_boot(time.monotonic() + self._limits.hooks_timeout_s)
        with self._lock:
            order, self._next = self._next, None
            self._ended.clear()
        if order is None:
            return self._limits.audit_period_s
        self._installer.install(order, self._boot_id, lambda percent, text: self._went_on(order, percent, text),
                                self._ended)
        self._looked_s = 0.0
        self._progress = None
        self._report_now()
        return 0.0

    def _went_on(self, order: InstallOrder, percent: int, text: str) -> None:
        self._progress = InstallProgress(order.deploy_id, order.hostname, order.attempt, percent, text)
        self._reporter.nudge()

    # Reports.

    def facts(self) -> HostFacts:
        """What the host runs now."""
        memory, is_locked = self._book.memory, flags.is_locked(self._root)
        base = of_installation(platformconf.value(self._root, "sw_version") or "")
        return HostFacts(
            hostname=self._hostname, host_uuid=platformconf.value(self._root, "UUID") or "",
            version=memory.running or base, installed_version=memory.version or base,
            state=self._state(memory, is_locked), nodetype=platformconf.value(self._root, "nodetype") or "",
            subfunctions=[part for part in (platformconf.value(self._root, "subfunction") or "").split(",") if part],
            digests=decide.digests(memory.contents),
            packages=self._packages, needs_reboot=memory.needs_reboot, boot_id=self._boot_id,
            query_id=self._query_id, backend=self._backends, result=memory.result)

    def _state(self, memory: Memory, is_locked: bool) -> AgentState:
        return decide.state(memory, is_locked, time.monotonic() - self._rejected_s, self._limits.rejected_max_s)

    def _report_now(self) -> None:
        self._due_s = 0.0
        self._reporter.nudge()

    def _report(self) -> float:
        """Send what is new; returns the seconds until the next report."""
        progress, self._progress = self._progress, None
        if progress is not None:
            self._conductor.install_progress(progress=progress)
        last = self._book.memory.result
        if last is not None and (key := (last.deploy_id, last.attempt, last.error)) != self._told:
            self._conductor.install_ended(result=last)
            self._told = key
        now_s = time.monotonic()
        if now_s >= self._due_s:
            self._look(now_s)
            self._due_s = now_s + self._limits.report_period_s
            try:
                self._conductor.report(facts=self.facts())
            except FlockError:
                self._due_s = 0.0
                raise
        return max(0.0, self._due_s - time.monotonic())

    def _look(self, now_s: float) -> None:
        """Read the packages, but not while they are being changed."""
        if self._looked_s and now_s - self._looked_s < self._limits.audit_period_s:
            return
        if self._book.memory.order is not None:
            return
        try:
            self._packages = self._installer.touched()
        except FlockError as error:
            LOG.warning("the packages of this host cannot be read: %s", error)
        self._looked_s = now_s

    def _tell_content(self) -> float:
        if self._holding is not None:
            self._conductor.mirrored(mirrored=Mirrored(self._hostname, self._holding.digests()))
        return self._limits.report_period_s
