# SPDX-License-Identifier: Apache-2.0
"""The host agent's shell: sends mtcAlives; runs tests, starts and stops services and reboots on request."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flock.core.backoff import Backoff
from flock.core.errors import FlockError, Refused
from flock.core.health import Health
from flock.exec import platformconf
from flock.exec.root import Root
from flock.exec.uptime import uptime_s
from flock.jobs.worker import Worker
from flock.rpc.server import Server
from mtce.agent import flags, goenabled, scripts
from mtce.agent.beacon import Beacon
from mtce.agent.outbox import Results
from mtce.contract.records import CommandResult, MtcAlive
from mtce.contract.rpc import AgentEvents

LOG = logging.getLogger(__name__)
STOP_WAIT_S = 5.0
GATE_POLL_S = 0.5
UUID_POLL_S = 1.0
JOBS_MAX = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: mtcAlive period, limit of all go-enabled tests, of one service program, of an orderly reboot."""

    alive_period_s: float = 5.0
    goenabled_timeout_s: float = 600.0
    services_timeout_s: float = 300.0
    failsafe_delay_s: int = 120


class WrongHost(Refused):
    """A command for another host, or for an earlier boot of this one."""

    code, http, text = "mtce.agent.wrong_host", 409, "{hostname} drops {command}: it was meant for {meant}"


class Agent:
    """Implements MtceAgent. One thread sends mtcAlives; at most JOBS_MAX short-lived threads carry out commands."""

    def __init__(self, conductor: AgentEvents, root: Root, hostname: str, limits: Limits,
                 reboot: Callable[[int], None], make_server: Callable[[Agent], Server] | None = None,
                 alive_socket: str = "") -> None:
        self._conductor = conductor
        self._root = root
        self._hostname = hostname
        self._limits = limits
        self._reboot = reboot
        self._boot_id = root.text("proc/sys/kernel/random/boot_id")
        self._results = Results()
        self._worker = Worker("mtcalive", self.say, Backoff(limits.alive_period_s, limits.alive_period_s))
        self._lock = threading.Lock()
        self._jobs: dict[str, threading.Thread] = {}
        self._services: bool | None = None
        self._sequence = 0
        self._beacon = Beacon(alive_socket, limits.alive_period_s, self._alive) if alive_socket else None
        self._server = None if make_server is None else make_server(self)
        self.health = Health()
        self.health.add("conductor", self._trouble)
        if self._server is not None:
            self.health.add("bus", self._server.trouble)

    def start(self) -> None:
        """Start sending and listening without waiting for the bus; removes the marker of a reboot that has ended."""
        flags.drop(self._root, flags.RESETTING)
        if self._server is not None:
            self._server.start(ready_timeout_s=0)
        self._worker.start()
        if self._beacon is not None:
            self._beacon.start()
        if not flags.read(self._root).tests_passed:
            self._work("goenabled", lambda: self._goenabled("self-test", ""))

    def stop(self) -> None:
        """Stop sending and listening; does not wait for commands that are running."""
        self._worker.leave()
        if self._server is not None:
            self._server.stop(timeout_s=STOP_WAIT_S)
        self._worker.stop(STOP_WAIT_S)
        if self._beacon is not None:
            self._beacon.stop()

    def alive(self) -> bool:
        """Whether the sending thread runs."""
        return self._worker.is_alive()

    def _trouble(self) -> str | None:
        return self._worker.trouble() or (None if self._sequence else "nothing was sent yet")

    def host_uuid(self) -> str | None:
        """This host's UUID from platform.conf; None until sysinv-agent has written it."""
        return platformconf.value(self._root, "UUID")

    # The interface MtceAgent.

    def request_mtcalive(self, *, host_uuid: str) -> None:
        """Send an mtcAlive now."""
        self._check("request_mtcalive", host_uuid)
        self._worker.nudge()

    def reboot(self, *, host_uuid: str, boot_id: str, request_id: str, delay_s: int) -> None:
        """Send the result, then reboot after ``delay_s`` seconds. Refused unless it is from 0 to 3600."""
        self._check("reboot", host_uuid, boot_id)
        if not 0 <= delay_s <= 3600:
            raise Refused(detail=f"delay_s must be from 0 to 3600, not {delay_s}")
        LOG.warning("Reboot in %d s (request %s)", delay_s, request_id)
        try:
            # Not in the queue of results: the reboot may come before the worker's next turn.
            self._conductor.command_result(result=CommandResult(host_uuid, self._boot_id, "reboot", request_id, True))
        except FlockError as error:
            LOG.warning("the conductor does not learn of the reboot: %s", error)
        self._work("reboot", lambda: self._reboot_later(delay_s))

    def run_goenabled(self, *, host_uuid: str, boot_id: str, request_id: str) -> None:
        """Run the tests unless they are running; the result is sent when they end."""
        self._check("run_goenabled", host_uuid, boot_id)
        self._work("goenabled", lambda: self._goenabled("mtce-conductor", request_id))

    def set_locked(self, *, host_uuid: str, locked: bool) -> None:
        """Create or remove the node-locked flag."""
        self._check("set_locked", host_uuid)
        flags.set_locked(self._root, locked)
        self._worker.nudge()

    def start_services(self, *, host_uuid: str, boot_id: str, request_id: str) -> None:
        """Start the host's services; the result is sent when that ends."""
        self._check("start_services", host_uuid, boot_id)
        self._work("services", lambda: self._run_services("start", request_id))

    def stop_services(self, *, host_uuid: str, boot_id: str, request_id: str) -> None:
        """Stop the host's services; the result is sent when that ends."""
        self._check("stop_services", host_uuid, boot_id)
        self._work("services", lambda: self._run_services("stop", request_id))

    # Commands.

    def _check(self, command: str, host_uuid: str, boot_id: str = "") -> None:
        if host_uuid != self.host_uuid():
            raise WrongHost(hostname=self._hostname, command=command, meant=f"host {host_uuid}")
        if boot_id and boot_id != self._boot_id:
            raise WrongHost(hostname=self._hostname, command=command, meant=f"boot {boot_id}")

    def _work(self, kind: str, job: Callable[[], None]) -> None:
        """Run ``job`` in a thread, one of each kind at a time; the first job's result also answers a second request."""
        with self._lock:
            self._jobs = {name: thread for name, thread in self._jobs.items() if thread.is_alive()}
            if kind in self._jobs or len(self._jobs) >= JOBS_MAX:
                LOG.info("%s is already at work", kind)
                return
            self._jobs[kind] = threading.Thread(target=job, name=kind, daemon=True)
            self._jobs[kind].start()

    def _reboot_later(self, delay_s: int) -> None:
        if self._worker.pause(delay_s):
            return
        flags.put(self._root, flags.RESETTING)
        self._reboot(self._limits.failsafe_delay_s)

    def _goenabled(self, requester: str, request_id: str) -> None:
        deadline = time.monotonic() + self._limits.goenabled_timeout_s
        while (decision := goenabled.decide(flags.read(self._root), goenabled.passed_age_s(self._root, time.time()))
               ) is goenabled.Decision.WAIT:
            if self._worker.pause(GATE_POLL_S):
                return
            if time.monotonic() > deadline:
                self._finish("goenabled", request_id, False, "the host's configuration was not completed in time")
                return
        if decision is goenabled.Decision.PASSED_RECENTLY:
            self._finish("goenabled", request_id, True, "passed less than 20 minutes ago")
            return
        outcome = goenabled.run(self._root, requester, max(1.0, deadline - time.monotonic()))
        self._finish("goenabled", request_id, outcome.passed, outcome.failed_test)

    def _run_services(self, verb: str, request_id: str) -> None:
        kinds = (platformconf.value(self._root, "subfunction") or "").split(",")
        directories = [Path(self._root.path, "etc/services.d", kind) for kind in kinds
                       if kind in ("controller", "worker", "storage")]
        failed = scripts.run_in_order(directories, (verb,), self._limits.services_timeout_s)
        self._services = None if verb == "stop" else failed is None
        self._finish(f"{verb}-services", request_id, failed is None, failed or "")

    def _finish(self, command: str, request_id: str, passed: bool, detail: str) -> None:
        LOG.info("%s %s %s", command, "passed" if passed else "failed", detail)
        host_uuid = self.host_uuid()
        if host_uuid is not None:
            self._results.add(CommandResult(host_uuid, self._boot_id, command, request_id, passed, detail))
        self._worker.nudge()

    # Sending.

    def say(self) -> float:
        """Send queued results and an mtcAlive; returns the seconds until the next. Unavailable when the bus is down."""
        alive = self._alive()
        if alive is None:
            return UUID_POLL_S
        if self._beacon is not None:
            self._beacon.say(alive)
        while (result := self._results.first()) is not None:
            self._conductor.command_result(result=result)
            self._results.done(result)
        self._conductor.mtc_alive(alive=alive)
        return self._limits.alive_period_s

    def _alive(self) -> MtcAlive | None:
        """Return an mtcAlive of the present state; None while this host does not know its UUID."""
        host_uuid, state = self.host_uuid(), flags.read(self._root)
        if host_uuid is None:
            return None
        with self._lock:
            self._sequence += 1
            sequence = self._sequence
        return MtcAlive(
            host_uuid=host_uuid, hostname=self._hostname, boot_id=self._boot_id, uptime_s=uptime_s(self._root),
            sequence=sequence, configured=state.configured, healthy=state.healthy, locked=state.locked,
            goenabled=state.tests_passed, goenabled_failed=state.tests_failed,
            services_failed=self._services is False, services_started=self._services is True,
            groups_degraded=state.degraded)
