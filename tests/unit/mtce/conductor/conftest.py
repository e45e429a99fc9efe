# SPDX-License-Identifier: Apache-2.0
"""A conductor without its neighbours: real store and loop, recorded effects, a clock that tests move."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.db import Database
from fm.contract.rpc import FmManager
from fm.raiser import Raiser
from mtce.conductor.loop import Loop
from mtce.conductor.requests import AgentRequests, HostRequests
from mtce.conductor.store import Store
from mtce.contract.records import MtcAlive, MtceHost
from mtce.core.settings import Settings
from mtce.db.tables import METADATA
from tests.manualclock import ManualClock

UUID = "2f1c1d7e-0000-4000-8000-000000000001"


class RecordedEffects:
    """Remembers what the loop asked for."""

    def __init__(self) -> None:
        self.actions: list[tuple[str, object]] = []
        self.watched: dict[str, bool] = {}
        self.nudges = 0
        self.synced = True
        self.changed = threading.Condition()

    def perform(self, view, record, actions):
        with self.changed:
            self.actions.extend((view.hostname, action) for action in actions)
            self.changed.notify_all()

    def watch(self, view):
        self.watched[view.uuid] = view.monitored

    def forget(self, uuid):
        self.watched.pop(uuid, None)

    def pulses_session(self):
        return self.synced

    def delivered_soon(self):
        self.nudges += 1

    def of(self, kind):
        return [action for _, action in self.actions if isinstance(action, kind)]

    def wait_for(self, kind, count=1, timeout_s=5):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.of(kind)) >= count, timeout_s), self.actions
        return self.of(kind)[-1]


class Bench:
    """One conductor over one database; ``restart`` is a kill and a fresh process."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.clock = ManualClock()
        self.uptime_s = 1_000_000
        self.settings = Settings(host_add_delay_ms=1_000)
        self.start()

    def start(self) -> None:
        self.effects = RecordedEffects()
        self.store = Store(self.db, self.clock)
        self.loop = Loop(self.store, self.settings, self.effects, self.clock, "controller-0",
                         uptime_s=lambda: self.uptime_s)
        self.loop.start()
        self.hosts = HostRequests(self.loop, self.effects, "controller-0", lambda host: host)
        self.agents = AgentRequests(self.loop)

    def stop(self) -> None:
        assert self.loop.stop(5)

    def restart(self) -> None:
        self.stop()
        self.start()

    def advance(self, seconds: float) -> None:
        """Move time in steps of a second; after each the loop has handled what was due."""
        for _ in range(int(seconds)):
            self.clock.advance(1_000)
            self.settle()

    def settle(self) -> None:
        """Return once everything posted so far, and what is due now, is handled."""
        for _ in range(3):
            self.loop.ask(lambda: None, 5)

    def host(self, **changes) -> MtceHost:
        values = {
            "uuid": UUID, "hostname": "worker-0", "personality": "worker", "subfunctions": "worker",
            "mgmt_mac": "08:00:27:00:00:01", "mgmt_ip": "192.168.204.10", "cluster_host_ip": "192.168.206.10",
            "administrative": "locked", "operational": "disabled", "availability": "offline", "bm_type": "redfish",
            "bm_ip": "10.10.20.110", "bm_username": "root", "bm_secret": "sealed"}
        return MtceHost(**{**values, **changes})

    def alive(self, boot_id="boot-1", **changes) -> None:
        values = {"host_uuid": UUID, "hostname": "worker-0", "boot_id": boot_id, "uptime_s": 100, "sequence": 1,
                  "configured": True, "healthy": True, "locked": True, "goenabled": False, "goenabled_failed": None,
                  "services_failed": False}
        self.agents.mtc_alive(alive=MtcAlive(**{**values, **changes}))
        self.settle()

    def status(self, uuid=UUID):
        return self.hosts.get_host(host_uuid=uuid)


@pytest.fixture
def bench(database: Database) -> Iterator[Bench]:
    METADATA.create_all(database.engine)
    made = Bench(database)
    yield made
    made.stop()


@pytest.fixture
def other_bench(tmp_path: Path) -> Iterator[Bench]:
    """A second conductor with a database of its own, to compare with."""
    db = Database(f"sqlite:///{tmp_path}/other.sqlite", sqlite_synchronous=False)
    METADATA.create_all(db.engine)
    made = Bench(db)
    yield made
    made.stop()
    db.dispose()


@pytest.fixture
def raiser(manager: FmManager, tmp_path: Path) -> Iterator[Raiser]:
    """A raiser whose requests go to the ``manager`` of the test's module."""
    made = Raiser(None, tmp_path, manager=manager)
    yield made
    made.stop()
