# SPDX-License-Identifier: Apache-2.0
"""What the conductor tells agents of their neighbours, and what it remembers of deleted hosts: machines and names."""
from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock.core.errors import Unavailable
from flock.db import Database
from fm.contract.rpc import FaultPage
from sysinv.bootstrap.answers import parse
from sysinv.conductor.neighbours import LateAlarms, NeighboursEndpoint
from sysinv.contract.errors import HostNotFound
from sysinv.contract.records import DepartedMachine, Neighbourhood
from sysinv.db.lookup import host_row
from sysinv.db.tables import METADATA
from sysinv.hosts import departed
from sysinv.hosts.seed import seed_system
from sysinv.model.host import initial_states
from sysinv.resources.host import store as hosts
from sysinv.resources.host.table import I_HOST
from sysinv.resources.port.table import PORTS

NOW = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.UTC)
MAC, CARD = "08:00:27:00:00:02", "08:00:27:00:00:12"
INTERFACES = {"mgmt": "mgmt0", "cluster-host": "cluster0"}


class Cloud:
    """A database with controller-0 and worker-0, and fm's part."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.db = Database(f"sqlite:///{folder}/sysinv.sqlite")
        METADATA.create_all(self.db.engine)
        seed_system(self.db, parse({"admin_password": "sysadmin-1", "system_mode": "duplex"}), "08:00:27:00:00:01")
        with self.db.writer() as conn:
            self.port(conn, "controller-0", "mgmt0", "02:00:00:00:01:02")
        self.worker = self.add()
        self.own = {"mgmt": "mgmt0"}
        self.endpoint = NeighboursEndpoint(self.db, INTERFACES, "controller-0", lambda: self.own)
        self.alarms: dict[str, list[Any]] = {}
        self.cleared: list[str] = []
        self.failure: Exception | None = None
        faults: Any = self
        self.late = LateAlarms(self.db, faults, self, lambda: self.now)

    def port(self, conn: Any, hostname: str, name: str, mac: str) -> None:
        conn.execute(sa.insert(PORTS).values(name=name, mac=mac, pciaddr=name, host_id=host_row(conn, hostname)["id"]))

    def add(self, hostname: str | None = "worker-0", mac: str = MAC) -> str:
        with self.db.writer() as conn:
            system = conn.execute(sa.select(I_HOST.c.forisystemid)).scalar()
            row = hosts.insert(conn, {
                **initial_states(), "mgmt_mac": mac, "forisystemid": system, "sw_version": "1", "hostname": hostname,
                "personality": hostname and "worker", "install_state": "completed"})
            if hostname:
                self.port(conn, hostname, "mgmt0", CARD)
        return str(row["uuid"])

    def delete(self, uuid: str) -> None:
        with self.db.writer() as conn:
            row = host_row(conn, uuid)
            departed.remember(conn, row, self.now)
            hosts.delete(conn, row["id"])

    def gone(self) -> list[DepartedMachine]:
        with self.db.reader() as conn:
            return departed.machines(conn)

    def told(self, hostname: str) -> Neighbourhood:
        return self.endpoint.known_neighbours(host_uuid=hostname)

    def get_faults_page(self, *, alarm_id: str | None, entity_instance_id: str, below: bool) -> FaultPage:
        if self.failure is not None:
            raise self.failure
        assert alarm_id is None and below
        return FaultPage(self.alarms.get(entity_instance_id, []))

    def clear_all(self, entity_instance_id: str) -> str:
        self.cleared.append(entity_instance_id)
        self.alarms.pop(entity_instance_id, None)
        return "id"


class Alarm:
    alarm_id = "200.006"


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path)


def test_a_worker_gets_the_controllers_machines(cloud: Cloud) -> None:
    told = cloud.told("worker-0")
    assert {(each.holder, *each.macs) for each in told.neighbours} >= {("controller", "02:00:00:00:01:02")}
    assert told.departed == told.bus_clients == []
    with pytest.raises(HostNotFound):
        cloud.told("worker-77")


def test_a_controller_is_told_from_where_hosts_use_the_bus(cloud: Cloud) -> None:
    assert cloud.told("controller-0").bus_clients == ["192.168.204.2"], "worker-0 has no address yet"


def test_the_first_controller_has_interfaces_of_its_own(cloud: Cloud) -> None:
    with cloud.db.writer() as conn:
        cloud.port(conn, "controller-0", "ens3", "02:00:00:00:01:99")
    cloud.own = {"mgmt": "ens3", "cluster-host": "ens4"}
    found = {each.address: each.macs for each in cloud.told("worker-0").neighbours}
    assert set(map(tuple, found.values())) == {("02:00:00:00:01:99",)}


def test_only_controllers_learn_of_deleted_hosts(cloud: Cloud) -> None:
    cloud.delete(cloud.worker)
    cloud.add("worker-1", "08:00:27:00:00:03")
    with cloud.db.writer() as conn:
        conn.execute(sa.update(PORTS).where(PORTS.c.mac == CARD).values(mac="08:00:27:00:00:13"))
    assert cloud.told("controller-0").departed == [DepartedMachine("worker-0", [MAC, CARD])]
    assert cloud.told("worker-1").departed == []


def test_a_machine_that_is_discovered_again_has_not_departed(cloud: Cloud) -> None:
    cloud.delete(cloud.worker)
    again = cloud.add(None)
    assert cloud.gone() == []
    with cloud.db.writer() as conn:
        hosts.delete(conn, host_row(conn, again)["id"])
    assert cloud.gone() == [DepartedMachine("worker-0", [MAC, CARD])]


def test_a_card_that_moved_into_another_host_has_not_departed(cloud: Cloud) -> None:
    cloud.delete(cloud.worker)
    cloud.add("worker-1", "08:00:27:00:00:03")
    assert cloud.gone() == [DepartedMachine("worker-0", [MAC])]


def test_the_memory_is_bounded(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departed, "REMEMBERED_MAX", 2)
    cloud.delete(cloud.worker)
    for number in range(3):
        cloud.now += datetime.timedelta(minutes=1)
        cloud.delete(cloud.add(f"worker-{number}", f"08:00:27:00:01:0{number}"))
    assert [each.hostname for each in cloud.gone()] == ["worker-2", "worker-1"]
    cloud.now += departed.REMEMBERED
    cloud.delete(cloud.add("worker-9", "08:00:27:00:01:09"))
    assert [each.hostname for each in cloud.gone()] == ["worker-9", "worker-2"]


def test_late_alarms_of_a_deleted_host_are_cleared_and_no_others(cloud: Cloud) -> None:
    cloud.alarms = {"host=worker-0": [Alarm()], "host=worker-1": [Alarm()]}
    cloud.late.audit()
    assert cloud.cleared == []
    cloud.delete(cloud.worker)
    cloud.late.audit()
    cloud.late.audit()
    assert cloud.cleared == ["host=worker-0"]


def test_a_host_that_has_the_name_again_keeps_its_alarms(cloud: Cloud) -> None:
    cloud.delete(cloud.worker)
    cloud.add("worker-0", "08:00:27:00:00:03")
    cloud.alarms = {"host=worker-0": [Alarm()]}
    cloud.late.audit()
    assert cloud.cleared == []


def test_a_silent_manager_is_asked_again(cloud: Cloud) -> None:
    cloud.delete(cloud.worker)
    cloud.alarms = {"host=worker-0": [Alarm()]}
    cloud.failure = Unavailable(service="fm", reason="gone")
    with pytest.raises(Unavailable):
        cloud.late.audit()
    cloud.failure = None
    cloud.late.audit()
    assert cloud.cleared == ["host=worker-0"]


def test_a_day_later_nobody_is_asked_any_more(cloud: Cloud) -> None:
    cloud.delete(cloud.worker)
    cloud.now += datetime.timedelta(days=1)
    cloud.alarms = {"host=worker-0": [Alarm()]}
    cloud.late.audit()
    assert cloud.cleared == []
