# SPDX-License-Identifier: Apache-2.0
"""The shell of mtce-conductor: database, loop, bus server, heartbeat connection, deliveries."""
from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from flock import rpc
from flock.auth.secrets import SecretBox
from flock.auth.session import OwnSession
from flock.core.backoff import Backoff
from flock.core.clock import RealClock
from flock.core.health import Health
from flock.db import deadletters, from_conf
from flock.db.outbox import Policy, Relay
from flock.exec.root import Root
from flock.exec.uptime import uptime_s
from flock.jobs.periodics import Periodics
from flock.jobs.pool import BoundedPool
from fm.contract.rpc import FmManager
from fm.raiser import Raiser, busalarm, refusals
from fm.raiser.busalarm import BusAlarm
from fm.raiser.deadletters import DeadLetterAlarm
from mtce.conductor import messages
from mtce.conductor.alarmaudit import AlarmAudit
from mtce.conductor.bmcjobs import BmcJobs
from mtce.conductor.bmcsecret import receiver
from mtce.conductor.effects import PooledEffects
from mtce.conductor.loop import Loop
from mtce.conductor.manager import ManagerAudit
from mtce.conductor.pulses import PulseClient
from mtce.conductor.requests import AgentRequests, HostRequests
from mtce.conductor.sensors import SensorRequests, SensorWatch
from mtce.conductor.sensorstore import ModelStore
from mtce.conductor.store import Store
from mtce.conf import bmc as bmc_options
from mtce.conf import conductor as options
from mtce.contract.records import MtcAlive, MtceHost
from mtce.contract.rpc import AgentEvents, MtceAgent, MtceHosts, MtceSensors
from mtce.core.bounds import alive_refusal
from mtce.core.events import Alive, Event, Pulse
from mtce.core.view import Level, MaintainedHost, Network
from mtce.db.tables import OUTBOX
from sm.client.rest import SERVICE, SmApi
from sysinv.contract.rpc import HostStates, SensorReports

STOP_WAIT_S = 5.0
SERVER_THREADS = 16
PRUNE_INTERVAL_S = 600.0
ALARM_AUDIT_INTERVAL_S = 120.0
ALARM_AUDIT_FIRST_S = 5.0
# While no echo arrives over the bus, silence of agents proves nothing.
ECHO_INTERVAL_S = 2.0
DEAD_LETTER_AUDIT_INTERVAL_S = 15.0


class ConductorDaemon:
    """Runs the state machines of all hosts."""

    def __init__(self, conf: Any) -> None:
        options.register(conf)
        bmc_options.register(conf)
        self._conf = conf
        chosen = conf.conductor
        hostname = options.own_hostname(conf)
        self.health = Health()
        self._db = from_conf(conf)
        self._transport = rpc.transport(conf)
        self._agents: dict[str, MtceAgent] = {}
        self._raiser = Raiser(self._transport, Path(conf.state_dir) / "mtce" / "faults")
        clock = RealClock()
        store = Store(self._db, clock)
        self._pulses = PulseClient(options.heartbeat_socket(conf), self._on_level, self._on_alive)
        box = functools.partial(SecretBox, chosen.secret_key_file)
        jobs = BmcJobs(box, bmc_options.settings(conf))
        manager = SmApi(OwnSession(conf, SERVICE), chosen.sm_url, "mtce") if chosen.sm_url else None
        self._effects = PooledEffects(self._agent_of, jobs, self._pulses, self._post,
                                      agent_threads=chosen.agent_threads, bmc_threads=chosen.bmc_threads,
                                      manager=manager)
        self._loop = Loop(store, options.settings(conf), self._effects, clock, hostname, chosen.events_max,
                          uptime_s=lambda: uptime_s(Root("/")))
        self._audit = ManagerAudit(manager, self._stored_views, self._post) if manager is not None else None
        if self._audit is not None:
            self._effects.audit_with(self._audit)
        self._inventory = messages.Inventory(rpc.client(HostStates, self._transport))
        self._relay = Relay(store.outbox, messages.handlers(self._inventory, self._raiser),
                            Policy(retry=Backoff(1.0, 10.0, jitter=0.0)), owner=f"mtce-conductor.{hostname}")
        self._effects.deliver_with(self._relay)
        reports = rpc.client(SensorReports, self._transport)
        self._sensors = SensorWatch(
            self._records, jobs.sensors, ModelStore(self._db), self._post,
            lambda report: reports.report_sensors(report=report),
            BoundedPool("mtce-sensors", chosen.sensor_threads, chosen.sensor_threads),
            interval_min_s=chosen.sensor_interval_min_s, simplex=lambda: self._loop.settings.simplex)
        self._server = rpc.Server(self._transport, hostname, {
            MtceHosts: HostRequests(self._loop, self._effects, hostname, receiver(box)),
            AgentEvents: AgentRequests(self._loop),
            MtceSensors: SensorRequests(self._sensors),
        }, threads_max=SERVER_THREADS, hostname_of=self._hostname_of, echo_interval_s=ECHO_INTERVAL_S,
            heard=self._loop.bus_heard)
        self._periodics = Periodics("mtce-housekeeping", threads_max=2)
        self._periodics.add("prune", PRUNE_INTERVAL_S, store.prune)
        self._periodics.add("alarms", ALARM_AUDIT_INTERVAL_S, AlarmAudit(self._loop, self._effects, self._raiser).audit,
                            first_after_s=ALARM_AUDIT_FIRST_S)
        bus_alarm = BusAlarm(hostname, "mtce-conductor", self._server.trouble, busalarm.spooled(self._raiser))
        self._periodics.add("bus_alarm", busalarm.INTERVAL_S, bus_alarm.audit, first_after_s=5.0)
        self._periodics.add("refusals", refusals.INTERVAL_S,
                            refusals.RefusalReport(self._transport, self._hostnames).send)
        self._periodics.add("dead letters", DEAD_LETTER_AUDIT_INTERVAL_S, DeadLetterAlarm(
            "mtce", self._raiser, lambda: deadletters.trouble(self._db, OUTBOX, self._subject)).audit)
        self._servers = rpc.ServerWatch(self._transport, [HostStates, SensorReports, FmManager])
        self._observe()

    def start(self) -> None:
        """Resume from the stored rows; raises when the database is down. Does not wait for the bus."""
        self._loop.start()
        self._pulses.start()
        self._relay.start()
        self._server.start(ready_timeout_s=0)
        self._servers.start()
        self._periodics.start()
        self._sensors.start()
        if self._audit is not None:
            self._audit.start()

    def stop(self) -> None:
        """Finish the requests and the step in progress, then stop; the rows keep the state of every host."""
        if self._audit is not None:
            self._audit.stop(STOP_WAIT_S)
        self._sensors.stop()
        self._servers.stop()
        self._server.stop(STOP_WAIT_S)
        self._periodics.stop()
        self._loop.stop(STOP_WAIT_S)
        self._pulses.stop()
        self._effects.stop()
        self._relay.stop(STOP_WAIT_S)
        self._raiser.stop()
        self._transport.close()
        self._db.dispose()

    def reload(self) -> None:
        """Apply changed timers and policies from the next step on; deadlines already set do not change."""
        self._loop.settings = options.settings(self._conf)

    def alive(self) -> bool:
        """Whether the loop's thread runs."""
        return self._loop.is_running()

    def _observe(self) -> None:
        self.health.add("loop", lambda: None if self._loop.is_running() else "the loop has ended")
        self.health.add("versions", self._servers.mismatch)
        self.health.add("hosts", self._loop.troubles)
        self.health.add("inventory", lambda: self._inventory.troubles(
            entry.view for entry in self._loop.roster.all()))
        self.health.add("bus", self._server.trouble)
        self.health.add("sensors", self._sensors.trouble)
        if self._audit is not None:
            self.health.add("service management", self._audit.trouble)
        self.health.add("heartbeat", lambda: None if self._pulses.session() else "mtce-heartbeat is not connected")

    def _stored_views(self) -> list[MaintainedHost]:
        return self._loop.ask(lambda: [entry.stored.view for entry in self._loop.roster.all()], STOP_WAIT_S)

    def _records(self) -> list[MtceHost]:
        return self._loop.ask(lambda: [entry.record for entry in self._loop.roster.all()], STOP_WAIT_S)

    def _post(self, uuid: str, event: Event) -> None:
        self._loop.post(uuid, event)

    def _on_level(self, uuid: str, network: Network, level: Level, epoch: int) -> None:
        self._loop.post(uuid, Pulse(network, level, epoch))

    def _on_alive(self, alive: MtcAlive) -> None:
        rule = alive_refusal(alive)
        if rule is None:
            self._loop.post(alive.host_uuid, Alive(alive, over_bus=False))
            return
        hostname = self._hostname_of(alive.host_uuid)
        if hostname is not None:
            self._transport.gate.refusals.note(hostname, f"mtcAlive over cluster-host: {rule}")

    def _hostname_of(self, uuid: str) -> str | None:
        entry = self._loop.roster.get(uuid)
        return None if entry is None else entry.view.hostname

    def _hostnames(self) -> set[str]:
        return {entry.view.hostname for entry in self._loop.roster.all()}

    def _subject(self, key: str) -> str:
        """The host that messages of ``key`` are about: ``host=<hostname>``, or its uuid when it is gone."""
        about = key.partition(":")[2]
        hostname = self._hostname_of(about)
        return about if hostname is None else f"host={hostname}"

    def _agent_of(self, hostname: str) -> MtceAgent:
        if hostname not in self._agents:
            self._agents[hostname] = rpc.client(MtceAgent, self._transport, server=hostname)
        return self._agents[hostname]
