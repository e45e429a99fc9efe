# SPDX-License-Identifier: Apache-2.0
"""Sensors from an emulated BMC to the operator and back, with sysinv, mtce and fm as processes on one bus."""
from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from devstack.virtualcloud.boot import Override
from devstack.virtualcloud.redfish.server import RedfishServer
from devstack.virtualcloud.redfish.view import ServerView
from devstack.virtualcloud.sensors import driven_value, readings, sensor
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import free_port, wait_for
from flock.testing.services.rabbitmq import RabbitNode
from flock.testing.subsystem import RunningSubsystem
from fm.raiser import Raiser
from sysinv.resources.sensorgroup.table import I_SENSORGROUPS
from tests.functional.mtce.conftest import FakeHost
from tests.functional.sysinv.test_host_resync import Both

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
USER, PASSWORD = "root", "calvin-and-hobbes"
FANS = "server fans"
ALARM = ("200.007", "host=worker-0.sensor=fan_1")


def own_address() -> str:
    """An address of this machine that is not loopback, which no host's BMC may have."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


class Board:
    """A BMC whose sensors the test drives, as a Redfish service in a thread."""

    def __init__(self) -> None:
        self.driven: dict[str, float] = {}
        self.power, self.commands = True, []
        self.address = own_address()
        listener = socket.socket()
        listener.bind((self.address, 0))
        listener.listen()
        self.port = listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._service = RedfishServer(self._view, self._perform, USER, PASSWORD)
        self._loop.run_until_complete(self._service.start(listener))
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def drive(self, name: str, text: str) -> None:
        value = driven_value(sensor(name), text)
        self.driven = {key: known for key, known in self.driven.items() if key != name}
        if value is not None:
            self.driven[name] = value

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._service.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _view(self) -> ServerView:
        return ServerView("worker-0", "0a1b2c3d-0000-4000-8000-000000000001", self.power, True, Override(), "", 2, 1024,
                          (), "02:00:00:00:00:01", "127.0.0.1", readings(self.driven, self.power))

    async def _perform(self, command: Any) -> None:
        self.commands.append(command)


class Sensing(Both):
    """sysinv, mtce and fm, and worker-0 in service with a BMC."""

    def __init__(self, folder: Path, rabbit: RabbitNode, keystone: KeystoneServer) -> None:
        super().__init__(folder, rabbit, keystone)
        self.board = Board()
        self.fm = RunningSubsystem("fm", folder / "fm", f"sqlite:///{folder}/fm.sqlite", self.rabbit_url,
                                   exchange=self.exchange)
        self.fm.configure({})
        self.real.configure({
            "conductor": {"hostname": "controller-0", "platform_conf": "/nonexistent", "sensor_interval_min_s": 1,
                          "secret_key_file": folder / "secret.key"},
            "recovery": {"heartbeat_failure_action": "none"},
            "bmc": {"redfish_scheme": "http", "redfish_port": self.board.port},
            "timers": {"host_add_delay_s": 1, "heartbeat_soak_s": 1}})
        self.faults = Raiser(self.bus(), None)
        self.worker: FakeHost | None = None

    def serve(self) -> None:
        """Bring worker-0 into service; its sensors are learnt."""
        self.start()
        self.fm.make_tables()
        self.fm.daemon("fm-manager", lambda: self.alarms() == {})
        reply = self.call("POST", "/v1/ihosts", {
            "hostname": "worker-0", "personality": "worker", "mgmt_mac": "08:00:27:be:6e:25", "bm_type": "redfish",
            "bm_ip": self.board.address, "bm_username": USER, "bm_password": PASSWORD})
        assert reply.status == 200, reply.text
        uuid = self.host("worker-0")["uuid"]
        self.start_mtce()
        wait_for(lambda: self.hosts.get_host(host_uuid=uuid) is not None, 20, "mtce to have the host")
        folder = self.folder / "worker-0"
        folder.mkdir()
        ports = f"mgmt_request_port = {free_port()}\nmgmt_answer_port = {free_port()}\n"
        self.worker = FakeHost(folder, "worker-0", self.rabbit_url, ports, host_uuid=uuid, exchange=self.exchange)
        self.worker.power_on()
        wait_for(lambda: self.host(uuid)["availability"] == "online", 40, "the host to be online")
        assert self.hosts.host_action(host_uuid=uuid, action="unlock", request_id="r1").status == "pass"
        wait_for(lambda: self.host(uuid)["availability"] == "available", 60, "the host to be in service")
        wait_for(lambda: "fan_1" in self.sensors(), 30, "the sensors to be learnt")

    def stop(self) -> None:
        if self.worker is not None:
            self.worker.close()
        self.fm.stop()
        super().stop()
        self.board.close()

    def sensors(self) -> dict[str, Any]:
        found = self.get("/v1/ihosts/worker-0/isensors").body["isensors"]
        return {row["sensorname"]: row for row in found}

    def groups(self) -> dict[str, Any]:
        found = self.get("/v1/ihosts/worker-0/isensorgroups").body["isensorgroups"]
        return {row["sensorgroupname"]: row for row in found}

    def change_group(self, **values: Any) -> Any:
        return self.patch(f"/v1/isensorgroups/{self.groups()[FANS]['uuid']}", **values)

    def read_every_second(self) -> None:
        """An interval that operators may not choose, taken over with their next change."""
        with self.db.writer() as conn:
            conn.execute(sa.update(I_SENSORGROUPS).values(audit_interval_group=1))
        assert self.change_group(suppress=False).status == 200

    def alarms(self) -> dict[tuple[str, str], str]:
        return {(fault.alarm_id, fault.entity_instance_id): str(fault.severity)
                for alarm_id in ("200.007", "200.014", "200.015") for fault in self.faults.active(alarm_id=alarm_id)}

    def availability(self) -> str:
        return str(self.host("worker-0")["availability"])


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, rabbit: RabbitNode,
          keystone: KeystoneServer) -> Iterator[Sensing]:
    made = Sensing(tmp_path_factory.mktemp("sensing"), rabbit, keystone)
    try:
        made.serve()
        yield made
    finally:
        made.stop()


def test_sensors_of_the_bmc_are_shown_in_groups(cloud: Sensing) -> None:
    shown = cloud.sensors()
    assert (shown["fan_1"]["value"], shown["fan_1"]["unit_base"], shown["fan_1"]["status"]) == ("5400", "RPM", "ok")
    assert (shown["temp_cpu0"]["t_minor_upper"], shown["temp_cpu0"]["t_major_upper"]) == ("85", "95")
    assert {name: row["sensors"] for name, row in cloud.groups().items()} == {
        FANS: "fan_1,fan_2", "server temperature": "temp_cpu0,temp_cpu1,temp_inlet",
        "server voltage": "volt_12v,volt_3v3", "server power": "Server power,psu_1,psu_2"}
    assert cloud.alarms() == {} and cloud.availability() == "available"


def test_a_critical_fan_alarms_and_degrades_until_it_is_well(cloud: Sensing) -> None:
    reply = cloud.change_group(audit_interval_group=10)
    assert (reply.status, reply.body["audit_interval_group"]) == (200, 10)
    assert {row["audit_interval_group"] for row in cloud.groups().values()} == {10}
    cloud.board.drive("fan_1", "critical")
    wait_for(lambda: cloud.alarms() == {ALARM: "critical"}, 60, "the alarm")
    wait_for(lambda: cloud.availability() == "degraded", 20, "the degraded host")
    wait_for(lambda: cloud.sensors()["fan_1"]["status"] == "critical", 20, "the status")
    assert cloud.sensors()["fan_2"]["status"] == "ok"
    cloud.read_every_second()
    cloud.board.drive("fan_1", "ok")
    wait_for(lambda: cloud.alarms() == {} and cloud.availability() == "available", 60, "the end of the alarm")


def test_a_suppressed_group_says_nothing(cloud: Sensing) -> None:
    cloud.read_every_second()
    cloud.board.drive("fan_2", "critical")
    wait_for(lambda: cloud.alarms() == {("200.007", "host=worker-0.sensor=fan_2"): "critical"}, 60, "the alarm")
    assert cloud.change_group(suppress=True).body["suppress"] is True
    wait_for(lambda: cloud.alarms() == {} and cloud.availability() == "available", 30, "silence")
    assert cloud.sensors()["fan_1"]["suppress"] and cloud.sensors()["fan_2"]["status"] == "critical"
    assert cloud.change_group(suppress=False).status == 200
    wait_for(lambda: cloud.availability() == "degraded", 30, "the alarm again")
    cloud.board.drive("fan_2", "ok")
    wait_for(lambda: cloud.alarms() == {}, 30, "the end of the alarm")


def test_what_mtce_refuses_is_told_and_changes_nothing(cloud: Sensing) -> None:
    assert cloud.change_group(actions_minor_group="reset").status == 400
    reply = cloud.patch(f"/v1/isensors/{cloud.sensors()['fan_1']['uuid']}", value="3")
    assert reply.fault == "The following fields are not remote-modifiable: ['value']"
    for role in ("reader", "operator"):
        assert cloud.patch(f"/v1/isensorgroups/{cloud.groups()[FANS]['uuid']}", role=role, suppress=True).status == 403
        assert cloud.call("POST", "/v1/isensorgroups/relearn", {"host_uuid": "worker-0"}, role=role).status == 403


def test_relearning_keeps_actions_and_a_silent_bmc_is_alarmed(cloud: Sensing) -> None:
    assert cloud.change_group(actions_major_group="alarm").status == 200
    assert cloud.patch(f"/v1/isensors/{cloud.sensors()['fan_1']['uuid']}", suppress=True).status == 200
    reply = cloud.call("POST", "/v1/isensorgroups/relearn", {"host_uuid": cloud.host("worker-0")["uuid"]})
    assert reply.status == 200, reply.text
    wait_for(lambda: not cloud.sensors()["fan_1"]["suppress"], 30, "the relearnt model")
    assert cloud.groups()[FANS]["actions_major_group"] == "alarm"
    cloud.board.drive("fan_1", "warning")
    wait_for(lambda: cloud.alarms() == {ALARM: "major"}, 60, "the alarm by the action that was kept")
    cloud.board.drive("fan_1", "ok")
    wait_for(lambda: cloud.alarms() == {}, 60, "the end of the alarm")


def test_a_deprovisioned_bmc_takes_its_sensors_along(cloud: Sensing) -> None:
    cloud.board.drive("fan_1", "critical")
    wait_for(lambda: cloud.alarms() == {ALARM: "critical"}, 60, "the alarm")
    assert cloud.patch("/v1/ihosts/worker-0", bm_type="none").status == 200
    wait_for(lambda: cloud.sensors() == {} and cloud.groups() == {}, 40, "the end of the sensors")
    wait_for(lambda: cloud.alarms() == {} and cloud.availability() == "available", 20, "the end of the alarm")
