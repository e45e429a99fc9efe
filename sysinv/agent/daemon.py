# SPDX-License-Identifier: Apache-2.0
"""The agent's shell: one thread that finds the own record and audits, a server that takes requests for updates."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flock.core.backoff import Backoff
from flock.core.codec import codec_for
from flock.core.errors import DeadlineExceeded, FlockError, Unavailable
from flock.core.health import Health
from flock.core.text import storable
from flock.jobs.worker import Worker
from flock.rpc.server import Server
from sysinv.agent import plan
from sysinv.agent.claimwatch import ClaimWatch
from sysinv.agent.configuration import ConfigurationWork
from sysinv.agent.machine import Machine, store_uuid
from sysinv.agent.neighbours import NeighbourWatch
from sysinv.agent.plan import Payload
from sysinv.agent.renewal import Renewal
from sysinv.agent.storage import StorageWork
from sysinv.agent.userpassword import UserPassword
from sysinv.contract.errors import HostNotFound
from sysinv.contract.reports import UnknownReport, reports
from sysinv.contract.rpc import InventoryReports

LOG = logging.getLogger(__name__)
STOP_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds between audits, after a failed report, between look-ups of the own record, after a silent conductor."""

    audit_interval_s: float = 60
    retry_interval_s: float = 10
    lookup_interval_s: float = 30
    lookup_retry_s: float = 5


class Agent:
    """Finds the host's record, reports the inventory, then audits: unchanged reports are not sent again."""

    def __init__(self, conductor: InventoryReports, machine: Machine, hostname: str, platform_conf: Path,
                 timing: Timing, make_server: Callable[[Agent], Server] | None = None,
                 renewal: Renewal | None = None, claims: ClaimWatch | None = None,
                 neighbours: NeighbourWatch | None = None, storage: StorageWork | None = None,
                 configuration: ConfigurationWork | None = None, user: UserPassword | None = None) -> None:
        self._conductor = conductor
        self._machine = machine
        self._hostname = hostname
        self._platform_conf = platform_conf
        self._timing = timing
        self._renewal = renewal
        self._storage = storage
        self._configuration = configuration
        self._user = user
        # Threads that only start and stop with the agent.
        self._watches = [each for each in (claims, neighbours) if each is not None]
        self._known = reports()
        self._view = plan.AgentView()
        self._lock = threading.Lock()
        self._worker = Worker("inventory", self.step, Backoff(timing.retry_interval_s, timing.retry_interval_s))
        self._server = None if make_server is None else make_server(self)
        self._trouble: str | None = "no audit yet"
        self.health = Health()
        self.health.add("inventory", lambda: self._worker.trouble() or self._trouble)
        if self._server is not None:
            self.health.add("bus", self._server.trouble)
        if claims is not None:
            self.health.add("address conflicts", claims.trouble)

    def start(self) -> None:
        """Begin to audit and to take requests; neither waits for the bus."""
        if self._server is not None:
            self._server.start(ready_timeout_s=0)
        self._worker.start()
        for each in self._watches:
            each.start()

    def stop(self) -> None:
        """End both; a report on its way gets a few seconds."""
        self._worker.leave()
        for each in self._watches:
            each.stop()
        if self._server is not None:
            self._server.stop(timeout_s=STOP_WAIT_S)
        self._worker.stop(STOP_WAIT_S)

    def alive(self) -> bool:
        """Whether the audits go on."""
        return self._worker.is_alive()

    @property
    def view(self) -> plan.AgentView:
        """What the conductor knows of this host, as far as the agent can tell."""
        with self._lock:
            return self._view

    def agent_update(self, *, host_uuid: str, force_updates: list[str]) -> None:
        """Request of the conductor: audit now and send the named reports (none named: all) even when unchanged."""
        with self._lock:
            if self._view.host_uuid != host_uuid:
                LOG.warning("Asked for an update of host %s, which this is not", host_uuid)
                return
            self._view, unknown = plan.requested(self._known, self._view, force_updates)
        if unknown:
            LOG.warning("Asked for reports that do not exist: %s", ", ".join(sorted(unknown)[:10]))
        self._worker.nudge()

    def renew_credentials(self, *, host_uuid: str, certificate: bool, bus_password: bool,
                          authorities: bool = False) -> None:
        """Request of the conductor: renew the host's certificate, bus password or trusted authorities."""
        if self.view.host_uuid != host_uuid or self._renewal is None:
            LOG.warning("Asked to renew the credentials of host %s, which this is not", host_uuid)
            return
        self._renewal.request(certificate=certificate, bus_password=bus_password, authorities=authorities)
        self._worker.nudge()

    def storage_ordered(self, *, host_uuid: str) -> None:
        """Request of the conductor: carry out the orders for the host's disks."""
        if self.view.host_uuid != host_uuid or self._storage is None:
            LOG.warning("Asked to change disks of host %s, which this is not", host_uuid)
            return
        self._storage.request()
        self._worker.nudge()

    def configuration_ordered(self, *, host_uuid: str) -> None:
        """Request of the conductor: fetch and apply the host's configuration."""
        if self.view.host_uuid != host_uuid or self._configuration is None:
            LOG.warning("Asked to configure host %s, which this is not", host_uuid)
            return
        self._configuration.request()
        self._worker.nudge()

    def step(self) -> float:
        """One round: find the own record if it is not known, then audit. Seconds until the next round."""
        if self._renewal is not None:
            self._renewal.settle()
        if self.view.host_uuid is None:
            pause_s = self._look_up()
            if self.view.host_uuid is None:
                return pause_s
        return self._audit()

    def _look_up(self) -> float:
        try:
            host = self._conductor.get_host_by_macs(macs=self._machine.macs(), hostname=storable(self._hostname))
        except FlockError as error:
            LOG.warning("The own record cannot be looked up yet: %s", error)
            self._trouble = str(error)
            soon = isinstance(error, (Unavailable, DeadlineExceeded))
            return self._timing.lookup_retry_s if soon else self._timing.lookup_interval_s
        if host is None:
            LOG.info("This host has no record yet")
            self._trouble = "the host has no record"
            return self._timing.lookup_interval_s
        LOG.info("This host is %s (%s)", host.uuid, host.hostname)
        try:
            store_uuid(self._platform_conf, host.uuid)
        except OSError as error:
            LOG.warning("The host's uuid cannot be written to %s: %s", self._platform_conf, error)
        self._change(plan.found(self.view, host.uuid))
        return 0.0

    def _audit(self) -> float:
        # Before the inventory, which then shows what was changed.
        undone = [work.carry_out(self.view.host_uuid or "") for work in (self._configuration, self._user, self._storage)
                  if work is not None]
        with self._lock:
            self._view, forced = plan.taken(self._view)
        current = self._machine.collect()
        # A report that could not even be collected counts as failed.
        troubles = [f"the {kind} inventory cannot be read" for kind in self._known if kind not in current]
        troubles += [trouble for trouble in undone if trouble is not None]
        for kind in plan.due(self._known, self.view, current, forced):
            if self._worker.leaving:
                break
            error = self._deliver(kind, current[kind])
            if error is None:
                forced -= {kind}
                continue
            troubles.append(str(error))
            if isinstance(error, (Unavailable, DeadlineExceeded, HostNotFound)):
                # Nobody there, or nobody who knows this host: the rest would fare no better.
                break
        with self._lock:
            self._view = plan.put_back(self._view, forced)
        if self._renewal is not None and (trouble := self._renewal.carry_out(self.view.host_uuid or "")) is not None:
            troubles.append(trouble)
        if plan.completion_due(self._known, self.view) and (error := self._complete()) is not None:
            troubles.append(str(error))
        self._trouble = "; ".join(troubles) or None
        return plan.wait_s(self._hostname, self._timing.audit_interval_s, self._timing.retry_interval_s,
                           failed=bool(troubles))

    def _deliver(self, kind: str, payload: Payload) -> FlockError | None:
        host_uuid = self.view.host_uuid
        if host_uuid is None:
            return None
        encode = codec_for(self._known[kind].record).to_document
        items = [None if item is None else encode(item, kind) for item in payload]
        try:
            self._conductor.report(host_uuid=host_uuid, kind=kind, items=items)
        except UnknownReport as error:
            # An older conductor: nothing is wrong here, and the other reports are worth as much as ever.
            if kind not in self.view.foreign:
                LOG.warning("%s", error)
            self._change(plan.not_known(self.view, kind))
            return None
        except FlockError as error:
            LOG.warning("The %s report was not taken: %s", kind, error)
            if isinstance(error, HostNotFound):
                self._change(plan.lost(self.view))
            return error
        with self._lock:
            self._view = plan.acknowledged(self._view, kind, payload)
        if self._known[kind].of_boot:
            self._machine.boot_reported()
        return None

    def _complete(self) -> FlockError | None:
        host_uuid = self.view.host_uuid
        if host_uuid is None:
            return None
        try:
            self._conductor.inventory_completed(host_uuid=host_uuid)
        except FlockError as error:
            LOG.warning("The end of the inventory was not taken: %s", error)
            return error
        with self._lock:
            self._view = plan.completed(self._view)
        LOG.info("The inventory is complete")
        return None

    def _change(self, view: plan.AgentView) -> None:
        with self._lock:
            self._view = view
