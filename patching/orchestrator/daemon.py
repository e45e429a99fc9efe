# SPDX-License-Identifier: Apache-2.0
"""The shell of patching-orchestrator: database, bus, the other services, the keeper of the strategy."""
from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from flock import rpc
from flock.auth.session import OwnSession
from flock.core.health import Health
from flock.db import from_conf
from flock.jobs.periodics import Periodics
from fm.contract.rpc import FmManager
from fm.raiser import Raiser, busalarm
from fm.raiser.busalarm import BusAlarm
from patching.conf import orchestrator as options
from patching.contract.orchestration import Orchestration, StrategyAction
from patching.contract.rpc import Software
from patching.core.strategy.document import document
from patching.core.strategy.parameters import Kind, parse
from patching.core.strategy.work.model import Patience
from patching.instances import interface
from patching.orchestrator.faults import Faults
from patching.orchestrator.hands import Pace, StepHands
from patching.orchestrator.keeper import Keeper
from patching.orchestrator.software import SoftwareService
from patching.orchestrator.store import Store
from patching.orchestrator.system import System
from patching.rest.services import Alarms, Inventory, Rest

STOP_WAIT_S = 5.0
SERVER_THREADS = 8
ALARM_AUDIT_S = 120.0


class Requests:
    """Implements ``Orchestration``."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def create(self, *, kind: str, body: dict[str, object]) -> dict[str, object]:
        """Create a strategy."""
        return document(self._keeper.create(parse(Kind(kind), body)))

    def preview(self, *, kind: str, body: dict[str, object]) -> dict[str, object]:
        """What would be built."""
        return document(self._keeper.preview(parse(Kind(kind), body)))

    def act(self, *, kind: str, action: StrategyAction, stage_id: int | None) -> dict[str, object]:
        """Do something with the strategy."""
        return document(self._keeper.act(Kind(kind), action, stage_id))

    def delete(self, *, kind: str, force: bool) -> None:
        """Delete the strategy."""
        self._keeper.delete(Kind(kind), force)


class OrchestratorDaemon:
    """Keeps the strategy and carries it out."""

    def __init__(self, conf: Any) -> None:
        chosen = options.register(conf)
        self._chosen = chosen
        hostname = options.own_hostname(conf)
        self.health = Health()
        self._db = from_conf(conf)
        self._transport = rpc.transport(conf)
        self._raiser = Raiser(self._transport, Path(conf.state_dir) / "patching" / "orchestrator-faults")
        self._faults = Faults(self._raiser)
        timeout_s = float(chosen.request_timeout_s)
        system = System(
            Inventory(Rest(OwnSession(conf, "sysinv-api"), "sysinv-api", "platform", chosen.sysinv_url, timeout_s)),
            Alarms(Rest(OwnSession(conf, "fm-api"), "fm-api", "faultmanagement", chosen.fm_url, timeout_s)),
            SoftwareService(self._db, rpc.client(Software, self._transport)),
            interface.load(chosen.instances, conf))
        self._keeper = Keeper(Store(self._db), StepHands(system, _now_ms, self._pace), self._faults, _now_ms)
        self._server = rpc.Server(self._transport, hostname, {Orchestration: Requests(self._keeper)},
                                  threads_max=SERVER_THREADS)
        self._servers = rpc.ServerWatch(self._transport, [Software, FmManager])
        self._periodics = Periodics("patching-orchestrator", threads_max=2)
        self._periodics.add("alarms", ALARM_AUDIT_S, lambda: self._faults.reconcile(self._keeper.current()),
                            first_after_s=5.0)
        alarm = BusAlarm(hostname, "patching-orchestrator", self._server.trouble, busalarm.spooled(self._raiser))
        self._periodics.add("bus_alarm", busalarm.INTERVAL_S, alarm.audit, first_after_s=5.0)
        self.health.add("strategy", self._keeper.trouble)
        self.health.add("versions", self._servers.mismatch)
        self.health.add("bus", self._server.trouble)

    def start(self) -> None:
        """Go on with the stored strategy. Raises when the database cannot be reached; does not wait for the bus."""
        self._keeper.start()
        self._server.start(ready_timeout_s=0)
        self._servers.start()
        self._periodics.start()

    def stop(self) -> None:
        """Finish the requests in progress; the step that runs is run again at the next start."""
        self._periodics.stop(1.0)
        self._servers.stop()
        self._server.stop(STOP_WAIT_S)
        self._keeper.stop(STOP_WAIT_S)
        self._raiser.stop()
        self._transport.close()
        self._db.dispose()

    def alive(self) -> bool:
        """Whether time passes for the strategy."""
        return self._keeper.is_running()

    def _pace(self) -> Pace:
        chosen = self._chosen
        return Pace(float(chosen.poll_interval_s), Patience(
            chosen.alarms_quiet_s * 1000, chosen.stable_max_s * 1000, chosen.retry_pause_max_s * 1000))


def _now_ms() -> int:
    """Times of a strategy are read by people and kept over restarts."""
    return time.time_ns() // 1_000_000
