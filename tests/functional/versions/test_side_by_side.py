# SPDX-License-Identifier: Apache-2.0
"""The previous release's raiser, agents, clients and servers live with the present ones, in both directions.

The previous side is a wheel, unpacked where only its own processes find it (``tests/fixtures/wire/build.py``).
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from flock.core.codec import codec_for
from flock.db import migrate
from flock.rpc import Server, call, cast, client, rpc_interface
from flock.rpc.interface import host_with_uuid
from flock.testing.daemons import write_conf
from flock.testing.machines import recorded_machines
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import Process, wait_for
from flock.testing.services.rabbitmq import SERVES_S, RabbitNode
from mtce.contract.records import ActionReply, HostStatus, MtcAlive, MtceHost
from mtce.contract.rpc import AgentEvents, MtceHosts
from sysinv.contract.records import HostRef
from sysinv.contract.rpc import InventoryReports
from sysinv.resources.port.report import PortReport
from tests.compared import differences
from tests.functional.fm.service import FaultManagement
from tests.functional.mtce import conftest as maintenance
from tests.functional.sysinv.conftest import Sysinv

HOST = "6e6f6465-0000-4000-8000-000000000007"
MACHINE = "40intel64-2g2n4c+pcilocality"
WHEEL = Path(__file__).parents[2] / "fixtures" / "wire" / "stx_flock_previous-0-py3-none-any.whl"
SCRIPT = Path(__file__).parent / "previous_side.py"


@dataclass(frozen=True, slots=True)
class LaterPort(PortReport):
    """With a field that the previous side does not know."""

    added: str = "default"


@dataclass(frozen=True, slots=True)
class LaterAlive(MtcAlive):
    """With a field that the previous side does not know."""

    added: int = 7


@dataclass(frozen=True, slots=True)
class LaterHost(MtceHost):
    """With a field that the previous side does not know."""

    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LaterReply(ActionReply):
    """With a field that the previous side does not know."""

    added: str | None = None


@dataclass(frozen=True, slots=True)
class LaterStatus(HostStatus):
    """With a field that the previous side does not know."""

    added: bool = True


class _Later:
    """Methods of the next minor versions."""

    @call(timeout_s=10, about=host_with_uuid("host_uuid"))
    def report(self, *, host_uuid: str, kind: str, items: list[Any], more: str = "default") -> None:
        raise TypeError("interface")

    @cast(about=host_with_uuid("alive.host_uuid"))
    def mtc_alive(self, *, alive: LaterAlive) -> None:
        raise TypeError("interface")

    @call(timeout_s=10)
    def put_host(self, *, host: LaterHost) -> LaterReply:
        raise TypeError("interface")

    @call(timeout_s=10)
    def get_host(self, *, host_uuid: str) -> LaterStatus | None:
        raise TypeError("interface")


def later(interface: Any) -> Any:
    """``interface`` in its next minor version: with those of its methods that ``_Later`` has anew."""
    spec = interface.__rpc_interface__
    major, minor = spec.version.split(".")
    methods = {name: vars(_Later).get(name, vars(interface)[name]) for name in spec.methods}
    return rpc_interface(topic=spec.topic, version=f"{major}.{int(minor) + 1}", namespace=spec.namespace,
                         speaks_for=spec.speaks_for, callers=spec.callers, per_host=spec.per_host)(
        type(f"Later{interface.__name__}", (), methods))


LATER_INVENTORY, LATER_EVENTS, LATER_HOSTS = later(InventoryReports), later(AgentEvents), later(MtceHosts)


class Conductor:
    """Implements the present side of both conductors, in their next minor versions."""

    def __init__(self) -> None:
        self.got: dict[str, dict[str, Any]] = {}
        self.reported: dict[str, list[Any]] = {}
        self.changed = threading.Condition()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def take(**arguments: Any) -> Any:
            with self.changed:
                self.got[name] = arguments
                if name == "report":
                    self.reported[arguments["kind"]] = arguments["items"]
                self.changed.notify_all()
            return {"get_host_by_macs": HostRef(HOST, "worker-7", "worker"),
                    "put_host": LaterReply("pass", added="more"),
                    "get_host": LaterStatus(HOST, "worker-7", "unlocked", "enabled", "available", "enabled",
                                            "available", "none", "idle", "", 60)}.get(name)

        return take

    def ports(self) -> list[LaterPort]:
        """The reported ports, decoded as the inventory decodes them."""
        return [codec_for(LaterPort).from_document(item) for item in self.reported["port"]]

    def until(self, *names: str) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: set(names) <= set(self.got), 40)


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which Python finds the previous side and nothing of this tree."""
    folder = tmp_path_factory.mktemp("previous")
    with zipfile.ZipFile(WHEEL) as wheel:
        wheel.extractall(folder)
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"}
    found = subprocess.run([sys.executable, "-c", "import flock; print(flock.__path__[0])"], env=env, cwd=folder,
                           check=True, capture_output=True, text=True, timeout=60)
    assert Path(found.stdout.strip()) == folder / "flock"
    return env


def said(previous: dict[str, str], folder: Path, *arguments: str) -> dict[str, Any]:
    """What a role of the previous side says, ``{word: value}``, after it has ended well."""
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], env=previous, cwd=folder, capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


class PreviousFaultManagement(FaultManagement):
    """fm-manager of the previous side, on a database made by it."""

    env: dict[str, str]

    def _launch(self, program: str) -> Process:
        env = {**self.env, "FLOCK_CONF_DIR": str(self.conf_dir)}
        code = "import sys; from fm.cmd.manager import main; sys.exit(main())"
        return Process(program, [sys.executable, "-c", code], self.folder, env=env)


@pytest.fixture
def manager(tmp_path: Path, rabbit: RabbitNode) -> Iterator[FaultManagement]:
    """The present fm-manager."""
    url = f"sqlite:///{tmp_path}/fm.sqlite"
    fm = FaultManagement(tmp_path, url, rabbit.new_vhost_url(), None)
    migrate.upgrade(url, "fm")
    try:
        fm.start_manager()
        yield fm
    finally:
        fm.stop()


@pytest.fixture
def previous_manager(tmp_path: Path, rabbit: RabbitNode, previous: dict[str, str]) -> Iterator[FaultManagement]:
    """The previous fm-manager."""
    url = f"sqlite:///{tmp_path}/fm.sqlite"
    fm = PreviousFaultManagement(tmp_path, url, rabbit.new_vhost_url(), None)
    fm.env = previous
    subprocess.run([sys.executable, "-c", f"from flock.db import migrate; migrate.upgrade({url!r}, 'fm')"],
                   env=previous, cwd=tmp_path, check=True, timeout=120)
    try:
        fm.start_manager()
        yield fm
    finally:
        fm.stop()


def active(fm: FaultManagement) -> list[str]:
    return sorted(fault.entity_instance_id for fault in fm.raiser().active(timeout_s=10))


def test_a_previous_raiser_raises_at_the_present_manager(manager: FaultManagement, previous: dict[str, str],
                                                         tmp_path: Path) -> None:
    words = said(previous, tmp_path, "raise", manager.rabbit_url, manager.exchange, str(tmp_path / "spool-1"), "30")
    assert words == {"flushed": True, "active": ["host=previous-1"]}
    assert active(manager) == ["host=previous-1"]


def test_what_a_previous_raiser_left_in_its_spool_is_delivered(manager: FaultManagement, previous: dict[str, str],
                                                               tmp_path: Path) -> None:
    spool = manager.folder / "spool" / "upgraded"
    nowhere = "rabbit://guest:guest@127.0.0.1:1/"
    assert said(previous, tmp_path, "raise", nowhere, manager.exchange, str(spool), "0.2") == {"flushed": False}
    upgraded = manager.raiser("upgraded")
    assert upgraded.backlog()[0] == 4
    assert upgraded.flush(30) and active(manager) == ["host=previous-1"]


def test_the_present_raiser_raises_at_a_previous_manager(previous_manager: FaultManagement) -> None:
    raiser = previous_manager.raiser()
    raiser.raise_alarm("200.005", host="present-1", severity="major")
    raiser.raise_alarm("200.005", host="present-2", severity="major")
    raiser.clear_alarm("200.005", host="present-1")
    assert raiser.flush(30) and active(previous_manager) == ["host=present-2"]


def test_previous_clients_call_later_servers(rabbit_transport: Any, previous: dict[str, str], tmp_path: Path) -> None:
    conductor = Conductor()
    server = Server(rabbit_transport, "controller-0", {
        LATER_INVENTORY: conductor, LATER_EVENTS: conductor, LATER_HOSTS: conductor})
    assert server.start(SERVES_S)
    try:
        words = said(previous, tmp_path, "call", rabbit_transport.url, rabbit_transport.exchange)
        assert words["host"]["uuid"] == HOST and words["reply"]["status"] == "pass"
        assert words["status"]["availability"] == "available" and "added" not in words["status"]
        assert conductor.until("report", "mtc_alive", "command_result", "put_host")
        assert conductor.got["report"]["more"] == "default"
        assert [(port.name, port.added) for port in conductor.ports()] == [("eth0", "default")]
        assert conductor.got["mtc_alive"]["alive"].added == 7 and conductor.got["put_host"]["host"].added == ()
    finally:
        server.stop(10)


def inventory_agent(folder: Path, env: dict[str, str], bus: Any, hostname: str) -> Process:
    """The whole agent as a process, with the hardware of a recorded machine."""
    conf_dir = folder / "etc"
    conf_dir.mkdir()
    machine = next(one for one in recorded_machines() if one.name == MACHINE)
    (conf_dir / "hardware_root").write_text(f"{machine.tree()}\n")
    write_conf(conf_dir / "flock.conf", {
        "DEFAULT": {"transport_url": bus.url, "state_dir": folder / "state", "run_dir": folder / "run"},
        "rpc": {"exchange": bus.exchange}})
    write_conf(conf_dir / "sysinv.conf", {"agent": {
        "platform_conf": folder / "platform.conf", "hostname": hostname, "lookup_interval": 1, "lookup_retry": 1,
        "retry_interval": 1}})
    return Process("sysinv-agent", [sys.executable, "-m", "sysinv.cmd.agent"], folder,
                   env={**env, "FLOCK_CONF_DIR": str(conf_dir)})


def test_a_previous_agent_reports_to_a_later_conductor(rabbit_transport: Any, previous: dict[str, str],
                                                       tmp_path: Path) -> None:
    conductor = Conductor()
    server = Server(rabbit_transport, "controller-0", {LATER_INVENTORY: conductor})
    assert server.start(SERVES_S)
    agent = inventory_agent(tmp_path, previous, rabbit_transport, "worker-7")
    try:
        assert conductor.until("inventory_completed"), agent.log_tail()
        assert {port.added for port in conductor.ports()} == {"default"}
        assert conductor.reported["cpu"]
    finally:
        agent.stop()
        server.stop(10)


def test_a_previous_agent_reports_to_the_present_conductor(rabbit: RabbitNode, keystone: KeystoneServer,
                                                           previous: dict[str, str], tmp_path: Path) -> None:
    # A virtual host of its own: queues are named by topic, and conductors of other tests still run.
    service = Sysinv(tmp_path / "sysinv", f"sqlite:///{tmp_path}/sysinv.sqlite", rabbit, keystone)
    agent = None
    try:
        service.start()
        agent = inventory_agent(tmp_path, previous, service.bus(), "controller-0")
        agent.wait_until(lambda: "The inventory is complete" in agent.log_tail(), 60, "the agent to be answered")
        uuid = service.host("controller-0")["uuid"]
        for noun in ("icpus", "imemorys", "idisks", "ports"):
            assert service.get(f"/v1/ihosts/{uuid}/{noun}").body[noun], noun
    finally:
        if agent is not None:
            agent.stop()
        service.stop()


@pytest.mark.parametrize("earlier", ["agents", "conductor"])
def test_a_host_comes_into_service_with_one_side_of_maintenance_previous(
        earlier: str, previous: dict[str, str], rabbit: RabbitNode, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    """Conductor and heartbeat of the controller on one side, agent and heartbeat of a worker on the other."""
    if earlier == "conductor":
        monkeypatch.setattr(maintenance, "SOURCE", previous["PYTHONPATH"])
    cloud = maintenance.Cloud(tmp_path, rabbit.new_vhost_url())
    try:
        monkeypatch.undo()
        if earlier == "agents":
            monkeypatch.setattr(maintenance, "SOURCE", previous["PYTHONPATH"])
        host = cloud.add("worker-0")
        cloud.wait_states(host, "locked-disabled-online", 60)
        cloud.wait(host, lambda status: status.action == "none", "rest", 60)
        cloud.act(host, "unlock")
        cloud.wait_states(host, "unlocked-enabled-available", 90)
        cloud.act(host, "lock")
        cloud.wait_states(host, "locked-disabled-online", 60)
    finally:
        cloud.close()


def test_later_clients_call_previous_servers(rabbit_transport: Any, previous: dict[str, str], tmp_path: Path) -> None:
    server = Process("previous", [sys.executable, str(SCRIPT), "serve", rabbit_transport.url,
                                  rabbit_transport.exchange], tmp_path, env=previous)

    def got() -> dict[str, Any]:
        lines = server.log_path.read_text().splitlines()
        return dict(json.loads(line) for line in lines if line.startswith("["))

    try:
        server.wait_until(lambda: "ready" in got(), 40, "the previous side to serve")
        assert got()["ready"].startswith(previous["PYTHONPATH"])
        assert all("beside our" in warning
                   for warning in differences(rabbit_transport, LATER_INVENTORY, LATER_EVENTS, LATER_HOSTS))
        port = LaterPort(**{field.name: None for field in fields(PortReport)} | {
            "name": "eth0", "pciaddr": "0000:00:03.0", "dev_id": 0, "mac": "52:54:00:00:00:07", "mtu": 1500,
            "numa_node": 0, "pclass": "", "pvendor": "", "pdevice": "", "psvendor": "", "psdevice": "",
            "sriov_vfs_pci_address": (), "dpdksupport": False}, added="more")
        client(LATER_INVENTORY, rabbit_transport).report(
            host_uuid=HOST, kind="port", items=[codec_for(LaterPort).to_document(port)], more="more")
        (taken,) = got()["report"]["items"]
        assert taken["name"] == "eth0" and "added" not in taken
        hosts = client(LATER_HOSTS, rabbit_transport)
        reply = hosts.put_host(host=LaterHost(HOST, "worker-7", "worker", "worker", "52:54:00:00:00:07", "fd01::7",
                                              None, "locked", "disabled", "online", added=("more",)))
        assert (reply.status, reply.added) == ("pass", None)
        assert hosts.get_host(host_uuid=HOST).added is True
        client(LATER_EVENTS, rabbit_transport).mtc_alive(
            alive=LaterAlive(HOST, "worker-7", "boot", 60, 1, True, True, False, True, None, False, added=8))
        wait_for(lambda: "mtc_alive" in got(), 20, "the cast to arrive")
    finally:
        server.stop()
