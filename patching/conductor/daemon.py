# SPDX-License-Identifier: Apache-2.0
"""The shell of patching-conductor: database, bus server, tasks, and what is repeated."""
from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from flock import rpc
from flock.auth.session import OwnSession
from flock.core.health import Health
from flock.db import from_conf
from flock.jobs.operations import Operations
from flock.jobs.periodics import Periodics
from fm.contract.rpc import FmManager
from fm.raiser import Raiser, busalarm, refusals
from fm.raiser.busalarm import BusAlarm
from patching.alarms.keeper import Keeper
from patching.artifact import trust
from patching.conductor.alarming import Look
from patching.conductor.classic import Onward
from patching.conductor.hands import Hands
from patching.conductor.machine import Machine, Surroundings
from patching.conductor.orders import Orders
from patching.conductor.prechecks import Prechecks
from patching.conductor.reports import Reports
from patching.conductor.scripts import Scripts
from patching.conductor.store import TASK_MEMORY_S, Store
from patching.conductor.surroundings import Watch
from patching.conductor.uploads import Uploads
from patching.conductor.versions import Versions, found
from patching.conf import conductor as options
from patching.conf.shared import staging_dir
from patching.content.repository import Repository
from patching.contract.rpc import AgentReports, PatchingAgent, Software
from patching.contract.version import Version
from patching.core.events import Restarted, Tick
from patching.db.tables import TASK
from patching.db.views import in_sync
from patching.rest.services import Inventory, Rest
from sysinv.contract.rpc import SoftwareVersions

LOG = logging.getLogger(__name__)
STOP_WAIT_S = 5.0
# A call whose server is away would hold up the end of this process; the next one tells what it could not.
TELL_S = 2.0
TICK_S = 5.0
ALARMS_S, ALARM_AUDIT_S = 30.0, 60.0
HOUSEKEEPING_S = 600.0


class ConductorDaemon:
    """Decides on releases and their deployment, and has it carried out."""

    def __init__(self, conf: Any) -> None:
        chosen = options.register(conf)
        self._conf, self._chosen = conf, chosen
        self._hostname = options.own_hostname(conf)
        self.health = Health()
        self._db = from_conf(conf)
        self._transport = rpc.transport(conf)
        self._agents: dict[str, PatchingAgent] = {}
        self._raiser = Raiser(self._transport, Path(conf.state_dir) / "patching" / "faults")
        self._inventory = Inventory(Rest(OwnSession(conf, "sysinv-api"), "sysinv-api", "platform", chosen.inventory_url,
                                         float(chosen.inventory_timeout_s)))
        self._store = Store(self._db)
        self._machine = Machine(self._store, options.settings(conf), self._hostname)
        self._repository = Repository(options.software_dir(conf))
        self._scripts = Scripts(self._repository.release, lambda: float(chosen.script_timeout_s))
        self._machine.stop_scripts = self._scripts.stop
        self._watch = Watch(self._inventory, self._store.agents, self._agent_of, lambda: chosen.agent_silence_s)
        self._uploads = Uploads(self._machine, self._repository, staging_dir(conf), self._trusted,
                                chosen.unpacked_max_mib << 20, lambda: int(chosen.max_major_releases))
        orders = Orders(self._machine, self._watch, self._uploads, self._in_sync, lambda: chosen.agent_answer_ms / 1000)
        prechecks = Prechecks(self._machine, orders, self._inventory, lambda: options.limits(conf),
                              lambda: list(chosen.alarms_ignored), self._repository.release)
        hands = Hands(self._machine, self._agent_of, self._scripts, self._repository,
                      repeat_s=float(chosen.install_repeat_s), install_timeout_s=chosen.install_timeout_s)
        self._tasks = Operations(
            self._db, TASK,
            {**hands.kinds(float(chosen.script_timeout_s)), **prechecks.kinds(), **self._uploads.kinds()},
            owner=f"patching-conductor@{self._hostname}", poll_s=1.0)
        self._machine.run_tasks_with(self._tasks)
        self._server = rpc.Server(self._transport, self._hostname, {
            Software: orders, AgentReports: Reports(self._machine, self._watch)}, threads_max=chosen.server_threads)
        self._servers = rpc.ServerWatch(self._transport, [FmManager])
        self._alarms = Keeper(self._raiser, Look(self._machine, self._watch.now, self._hostname,
                                                 lambda: bool(chosen.allow_development_cert)))
        self._versions = Versions(rpc.client(SoftwareVersions, self._transport, deadline_s=TELL_S),
                                  lambda: found(self._store.load().view, self._store.agents()))
        self._onward = Onward(self._machine, self._watch.now)
        self._periodics = Periodics("patching-housekeeping", threads_max=4)
        self._repeat()
        self._machine.changed = self._changed
        self.health.add("versions", self._servers.mismatch)
        self.health.add("bus", self._server.trouble)

    def start(self) -> None:
        """Take up what is stored. Raises when the database cannot be reached, or at the first start the inventory."""
        self._begin()
        # Before the tasks: a run of scripts that was interrupted has failed, so its task has nothing to do.
        self._machine.happen(Restarted())
        self._tasks.start()
        self._server.start(ready_timeout_s=0)
        self._servers.start()
        self._periodics.start()

    def stop(self) -> None:
        """Finish the requests in progress; scripts are ended, and tasks are taken up at the next start."""
        self._periodics.stop(1.0)
        self._servers.stop()
        self._server.stop(STOP_WAIT_S)
        self._scripts.stop_all()
        self._tasks.stop(STOP_WAIT_S)
        self._raiser.stop()
        self._transport.close()
        self._db.dispose()

    def reload(self) -> None:
        """Apply changed limits from the next step on."""
        self._machine.settings = options.settings(self._conf)

    def _begin(self) -> None:
        if self._store.is_begun():
            return
        version = self._chosen.initial_version or f"{self._inventory.software_version()}.0"
        self._store.begin(self._chosen.component, Version.parse(version, "initial_version"))
        LOG.info("the system runs %s", version)

    def _changed(self) -> None:
        for name in ("alarms", "classic", "versions"):
            self._periodics.run_now(name)

    def _repeat(self) -> None:
        add = self._periodics.add
        add("tick", TICK_S, lambda: self._machine.happen(Tick()))
        add("classic", TICK_S, self._onward.go)
        add("versions", ALARMS_S, self._versions.tell, first_after_s=TICK_S)
        add("alarms", ALARMS_S, self._alarms.changed)
        add("alarm_audit", ALARM_AUDIT_S, self._alarms.audit, first_after_s=TICK_S)
        add("prune", HOUSEKEEPING_S, self._store.prune)
        add("tasks", HOUSEKEEPING_S, lambda: self._tasks.prune(TASK_MEMORY_S))
        add("staging", HOUSEKEEPING_S, self._uploads.sweep)
        alarm = BusAlarm(self._hostname, "patching-conductor", self._server.trouble, busalarm.spooled(self._raiser))
        add("bus_alarm", busalarm.INTERVAL_S, alarm.audit, first_after_s=5.0)
        add("refusals", refusals.INTERVAL_S, refusals.RefusalReport(
            self._transport, lambda: set(self._store.agents())).send)

    def _trusted(self) -> trust.Trust:
        return trust.load(Path(self._chosen.trusted_cert_dir), Path(self._chosen.development_cert),
                          self._chosen.allow_development_cert)

    def _in_sync(self, around: Surroundings) -> bool:
        others = [host.hostname for host in around.hosts.values()
                  if host.personality == "controller" and host.hostname != self._hostname]
        return in_sync(others, self._store.load().digests, self._store.mirrors())

    def _agent_of(self, hostname: str) -> PatchingAgent:
        if hostname not in self._agents:
            self._agents[hostname] = rpc.client(PatchingAgent, self._transport, server=hostname)
        return self._agents[hostname]
