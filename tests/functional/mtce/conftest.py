# SPDX-License-Identifier: Apache-2.0
"""A running mtce against a real RabbitMQ: conductor and heartbeat as processes, hosts as agent and responder processes
with a directory each for a disk, inventory and fault management as recorders on the bus."""
from __future__ import annotations

import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mtce
from flock.core.errors import DeadlineExceeded, Unavailable
from flock.rpc import Server, client
from flock.testing.services.process import Process, free_port, wait_for
from flock.testing.services.rabbitmq import RabbitNode
from flock.testing.subsystem import RunningSubsystem
from fm.contract.rpc import FaultOutcome, FaultRequest, FmManager
from mtce.contract import pulsekey
from mtce.contract.records import HostStatus, MtceHost
from mtce.contract.rpc import MtceHosts
from sysinv.contract.records import HostStateUpdate
from sysinv.contract.rpc import HostStates

BIN = Path(sys.prefix) / "bin"
SOURCE = str(Path(mtce.__file__).parent.parent)
CLUSTER_KEY = bytes(range(32))
CONTROLLER_UUID = "10000000-0000-4000-8000-000000000000"
FAKE_SYSTEMCTL = """#!/bin/sh
case "$*" in *reboot*) touch "$FAKE_HOST/reboot-wanted";; esac
"""


class Inventory:
    """Takes states as sysinv-conductor does."""

    def __init__(self) -> None:
        self.updates: list[HostStateUpdate] = []

    def update_host_state(self, *, update: HostStateUpdate) -> None:
        self.updates.append(update)

    def of(self, host_uuid: str) -> list[HostStateUpdate]:
        return [update for update in self.updates if update.host_uuid == host_uuid]


class Faults(FmManager):
    """Takes faults as fm-manager does."""

    def __init__(self) -> None:
        self.active: dict[tuple[str, str], str] = {}
        self.events: list[str] = []

    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        return [self._one(request) for request in requests]

    def _one(self, request: FaultRequest) -> FaultOutcome:
        if request.fault is not None:
            fault = request.fault
            if fault.alarm_state == "set":
                self.active[fault.alarm_id, fault.entity_instance_id] = str(fault.severity)
            self.events.append(f"{fault.alarm_state} {fault.alarm_id} {fault.entity_instance_id} {fault.severity}")
        elif request.clear is not None:
            self.active.pop((request.clear.alarm_id, request.clear.entity_instance_id), None)
        elif request.clear_all_below is not None:
            self.active = {key: value for key, value in self.active.items()
                           if not key[1].startswith(request.clear_all_below)}
        return FaultOutcome(request.request_id)


class FakeHost:
    """A host as two processes and a directory; a reboot command or ``power_on`` starts them anew with a new boot id."""

    def __init__(self, folder: Path, hostname: str, bus_url: str, ports: str, *, host_uuid: str = "",
                 exchange: str = "flock") -> None:
        self.folder = folder
        self._ports = ports
        self.hostname = hostname
        self.uuid = host_uuid or str(uuid.uuid4())
        self._exchange = exchange
        self.root = folder / "root"
        self.boots = 0
        self._bus_url = bus_url
        self._processes: list[Process] = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._write_files()
        self._watcher = threading.Thread(target=self._obey_reboots, daemon=True)
        self._watcher.start()

    def record(self) -> MtceHost:
        return MtceHost(uuid=self.uuid, hostname=self.hostname, personality="worker", subfunctions="worker",
                        mgmt_mac="", mgmt_ip=f"127.0.1.{10 + int(self.hostname[-1])}",
                        cluster_host_ip=None, administrative="locked",
                        operational="disabled", availability="offline")

    def power_on(self) -> None:
        with self._lock:
            self.boots += 1
            (self.root / "proc/sys/kernel/random/boot_id").write_text(f"{uuid.uuid4()}\n")
            for name in ("goenabled", "goenabled_failed", ".node_reset", ".node_locked"):
                (self.root / "run" / name).unlink(missing_ok=True)
            env = {"FLOCK_CONF_DIR": str(self.folder), "PYTHONPATH": SOURCE, "FAKE_HOST": str(self.folder),
                   "PATH": f"{self.folder}/bin:/usr/bin:/bin"}
            self._processes = [Process(name, [str(BIN / name)], self.folder, env=env)
                               for name in ("mtce-agent", "mtce-heartbeat")]

    def signal_heartbeat(self, number: int) -> None:
        """Stop or continue the responder of the present boot."""
        with self._lock:
            for process in self._processes:
                if process.name == "mtce-heartbeat":
                    process.send_signal(number)

    def crash(self) -> None:
        with self._lock:
            for process in self._processes:
                process.kill()
            self._processes = []

    def close(self) -> None:
        self._stopping.set()
        self._watcher.join(5)
        self.crash()

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self.folder.glob("*.log"))

    def _write_files(self) -> None:
        for rel, text in {
            "etc/platform/platform.conf": f"nodetype=worker\nsubfunction=worker\nUUID={self.uuid}\n",
            "etc/platform/.initial_config_complete": "", "run/.config_pass": "", "run/.goenabled": "",
            "proc/sys/kernel/random/boot_id": "", "proc/uptime": "5.0 5.0\n"}.items():
            path = self.root / rel
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.folder / "bin").mkdir()
        for name in ("systemctl", "systemd-run"):
            path = self.folder / "bin" / name
            path.write_text(FAKE_SYSTEMCTL if name == "systemctl" else "#!/bin/sh\nexit 0\n")
            path.chmod(0o755)
        (self.folder / "heartbeat.key").write_text(pulsekey.derive(CLUSTER_KEY, self.hostname).hex() + "\n")
        (self.folder / "flock.conf").write_text(
            f"[DEFAULT]\ntransport_url = {self._bus_url}\nstate_dir = {self.folder}/lib\nrun_dir = {self.folder}/run\n"
            f"[rpc]\nexchange = {self._exchange}\n")
        (self.folder / "mtce.conf").write_text(
            f"[host_agent]\nroot = {self.root}\nhostname = {self.hostname}\nalive_period_s = 2\n"
            f"[host]\nuuid = {self.uuid}\nname = {self.hostname}\n"
            f"[heartbeat]\nmgmt_interface = lo\ncluster_host_interface = lo\nkey_file = {self.folder}/heartbeat.key\n"
            f"realtime_priority = 0\n{self._ports}")

    def _obey_reboots(self) -> None:
        wanted = self.folder / "reboot-wanted"
        while not self._stopping.wait(0.05):
            if wanted.exists():
                wanted.unlink()
                self.crash()
                self.power_on()


class Cloud(RunningSubsystem):
    """One controller's mtce and its hosts."""

    def __init__(self, folder: Path, bus_url: str) -> None:
        super().__init__("mtce", folder, f"sqlite:///{folder}/mtce.sqlite", bus_url, exchange="flock")
        self.hosts: list[FakeHost] = []
        self.ports = f"mgmt_request_port = {free_port()}\nmgmt_answer_port = {free_port()}\n"
        self.inventory, self.faults = Inventory(), Faults()
        self._write_files()
        self.make_tables()
        bus = self.bus()
        self._server = Server(bus, "recorders", {HostStates: self.inventory, FmManager: self.faults})
        self._server.start()
        self.mtce = client(MtceHosts, bus)
        # Short, because a question asked before the conductor's queue exists is never answered.
        self._questions = client(MtceHosts, bus, deadline_s=0.5)
        self.start_heartbeat()
        self.start_conductor()

    def start_conductor(self) -> None:
        self.conductor = self.daemon("mtce-conductor")

    def start_heartbeat(self) -> None:
        self.heartbeat = self.daemon("mtce-heartbeat")

    def add(self, hostname: str) -> FakeHost:
        folder = self.folder / hostname
        folder.mkdir()
        host = FakeHost(folder, hostname, self.rabbit_url, self.ports)
        self.hosts.append(host)
        wait_for(lambda: self._put(host), 30, "the conductor to answer")
        host.power_on()
        return host

    def status(self, host: FakeHost) -> HostStatus:
        status = self.mtce.get_host(host_uuid=host.uuid)
        assert status is not None
        return status

    def act(self, host: FakeHost, action: str) -> None:
        reply = self.mtce.host_action(host_uuid=host.uuid, action=action, request_id=str(uuid.uuid4()))
        assert reply.status == "pass", reply

    def wait_states(self, host: FakeHost, states: str, limit_s: float = 60) -> HostStatus:
        return self.wait(host, lambda status: self._states(status) == states, states, limit_s)

    def wait(self, host: FakeHost, condition: Callable[[HostStatus], bool], what: str, limit_s: float) -> HostStatus:
        limit = time.monotonic() + limit_s
        while not condition(status := self.status(host)):
            if time.monotonic() > limit:
                raise AssertionError(f"{host.hostname} never came to {what}: {status}\n{host.log()}")
            time.sleep(0.1)
        return status

    def close(self) -> None:
        for host in self.hosts:
            host.close()
        self._server.stop(5)
        self.stop()

    def _states(self, status: HostStatus) -> str:
        return f"{status.administrative}-{status.operational}-{status.availability}"

    def _put(self, host: FakeHost) -> bool:
        try:
            return self._questions.put_host(host=host.record()).status == "pass"
        except (DeadlineExceeded, Unavailable):
            return False

    def _write_files(self) -> None:
        (self.folder / "heartbeat.key").write_text(CLUSTER_KEY.hex() + "\n")
        request_port, answer_port = (line.rpartition(" ")[2] for line in self.ports.splitlines())
        self.configure({
            "conductor": {"hostname": "controller-0", "platform_conf": "/nonexistent"},
            "host": {"uuid": CONTROLLER_UUID, "name": "controller-0"},
            "timers": {"heartbeat_soak_s": 1, "host_add_delay_s": 2, "bmc_reset_delay_s": 2},
            "heartbeat": {"sender": True, "period_ms": 100, "mgmt_interface": "lo", "cluster_host_interface": "lo",
                          "key_file": self.folder / "heartbeat.key", "realtime_priority": 0,
                          "mgmt_request_port": request_port, "mgmt_answer_port": answer_port}})


@pytest.fixture
def cloud(rabbit: RabbitNode, tmp_path: Path) -> Iterator[Cloud]:
    """A controller's mtce on the session's RabbitMQ; add hosts to it."""
    made = Cloud(tmp_path, rabbit.new_vhost_url())
    yield made
    made.close()


@pytest.fixture
def fragile_cloud(own_rabbit: RabbitNode, tmp_path: Path) -> Iterator[tuple[Cloud, RabbitNode]]:
    """The same on a RabbitMQ that the test may kill."""
    own_rabbit.start()
    made = Cloud(tmp_path, own_rabbit.url)
    yield made, own_rabbit
    made.close()
