# SPDX-License-Identifier: Apache-2.0
"""The fm-manager daemon: wires database, bus server, outputs, timers and housekeeping."""
from __future__ import annotations

import datetime
import socket
from typing import Any

from prometheus_client import Gauge

from flock import rpc
from flock.core.health import Health
from flock.db import Database, deadletters, from_conf, utcnow
from flock.jobs.periodics import Periodics
from fm.conf import lifecycle, options
from fm.contract.rpc import FmManager
from fm.core import refusals
from fm.core.policy import LifePolicy
from fm.core.retention import Limits
from fm.core.staleness import is_stale, time_to_live_s
from fm.db.tables import NOTIFICATION
from fm.manager import catalogue
from fm.manager.endpoint import Manager
from fm.manager.outputs.configured import outputs_from
from fm.manager.outputs.relay import Outputs
from fm.manager.refusals import RefusalKeeper
from fm.manager.timers import Timers
from fm.manager.writer import Settings, Writer
from fm.raiser import Raiser, busalarm
from fm.raiser import requests as make
from fm.raiser.busalarm import BusAlarm
from fm.raiser.deadletters import DeadLetterAlarm
from fm.resources.alarm import store as alarms

STALE = Gauge("fm_stale_alarms", "Active alarms that were not set again within their time to live")
ACTIVE = Gauge("fm_active_alarms", "Active alarms, suppressed and masked ones too", ("severity", "group"))
OUTPUTS_UPKEEP_S = 5.0
REFUSALS_INTERVAL_S = 10.0
DEAD_LETTER_AUDIT_INTERVAL_S = 15.0


class ManagerDaemon:
    """Serves ``FmManager``, delivers notices to outputs and prunes the tables."""

    def __init__(self, conf: Any) -> None:
        self.health = Health()
        self._options = options.register(conf)
        lifecycle.register(conf)
        self._conf = conf
        self._chosen_policy: LifePolicy | None = None
        self._db: Database = from_conf(conf)
        self._transport = rpc.transport(conf)
        self._outputs = Outputs(self._db, outputs_from(conf, self._db), self._options.output_backlog_max,
                                self._options.warm_start_hold_s)
        self._writer = Writer(self._db, self._settings, self._outputs.publish, self._outputs.committed,
                              on_wait=self._wake_timers)
        self._refusals = RefusalKeeper(self._writer.apply, lambda: self._transport.gate.refusals, self._refused_hosts)
        manager = Manager(self._db, self._writer, self._outputs.suppression_changed, on_wait=self._wake_timers,
                          refusals=self._refusals)
        self._timers = Timers((self._writer.release_due, manager.silences.expire))
        self._server = rpc.Server(self._transport, socket.gethostname(), {FmManager: manager},
                                  threads_max=self._options.manager_threads)
        self._periodics = Periodics("fm-housekeeping", threads_max=2)
        interval_s = float(self._options.housekeeping_interval_s)
        self._periodics.add("housekeeping", interval_s, self._housekeeping, first_after_s=1.0)
        self._periodics.add("outputs", min(interval_s, OUTPUTS_UPKEEP_S), self._outputs.upkeep, first_after_s=0.5)
        bus_alarm = BusAlarm(socket.gethostname(), "fm-manager", self._server.trouble, self._tell_bus)
        self._periodics.add("refusals", REFUSALS_INTERVAL_S, self._refusals.audit, first_after_s=1.0)
        self._periodics.add("bus", busalarm.INTERVAL_S, bus_alarm.audit, first_after_s=5.0)
        self.health.add("bus", self._server.trouble)
        # No spool: the manager itself applies the requests.
        raiser = Raiser(self._transport, None, manager=manager)
        self._periodics.add("dead letters", DEAD_LETTER_AUDIT_INTERVAL_S, DeadLetterAlarm(
            "fm", raiser, lambda: deadletters.trouble(self._db, NOTIFICATION, str)).audit)

    def start(self) -> None:
        """Update the suppression table from the catalogue, then serve. Raises when the database is unreachable."""
        catalogue.synchronise(self._db, self._options.catalogue)
        self._outputs.start()
        self._timers.start()
        self._server.start()
        self._periodics.start()

    def stop(self) -> None:
        """Finish the requests and deliveries in progress, then close the connections."""
        self._server.stop()
        self._timers.stop()
        self._periodics.stop()
        self._outputs.stop()
        self._transport.close()
        self._db.dispose()

    def reload(self) -> None:
        """Apply changed options at once. A changed catalogue takes effect at the next start."""
        self._chosen_policy = None
        self._periodics.run_now("housekeeping")

    def _refused_hosts(self) -> list[str]:
        with self._db.reader() as conn:
            return [one.entity_instance_id for one in alarms.active(
                conn, alarm_id=refusals.ALARM_ID, entity=None, below=True)]

    def _tell_bus(self, change: busalarm.Change, entity: str, text: str) -> None:
        """Write the alarm directly, because the bus is what fails."""
        self._writer.apply([
            make.alarm_request(busalarm.ALARM_ID, entity, {}, {"severity": "major", "reason_text": text})
            if change is busalarm.Change.SET else make.clear_request(busalarm.ALARM_ID, entity, {}, exact=True)])

    def _wake_timers(self) -> None:
        self._timers.nudge()

    def _settings(self) -> Settings:
        chosen = self._options
        return Settings(Limits(chosen.event_log_max_size, chosen.event_log_max_age_days,
                               chosen.event_log_host_percent, chosen.event_log_hosts_percent),
                        self._policy(), chosen.host_alarms_max, chosen.host_requests_max)

    def _policy(self) -> LifePolicy:
        """The cached policy; only a reload changes the options, and reading them costs more than applying a batch."""
        if self._chosen_policy is None:
            self._chosen_policy = lifecycle.life_policy(self._conf)
        return self._chosen_policy

    def _housekeeping(self) -> None:
        self._writer.prune()
        self._count_active()
        self._writer.forget_requests(utcnow() - datetime.timedelta(seconds=self._options.request_memory_s))

    def _count_active(self) -> None:
        stale_after_s = self._options.stale_after_s
        with self._db.reader() as conn:
            groups = alarms.counts_by_group(conn)
            refreshed = alarms.refreshed(conn, stale_after_s)
        ACTIVE.clear()
        for (severity, group), number in groups.items():
            ACTIVE.labels(severity, group).set(number)
        now = utcnow()
        STALE.set(sum(is_stale(moment, time_to_live_s(ident, ttl_s, stale_after_s), now)
                      for ident, ttl_s, moment in refreshed))
