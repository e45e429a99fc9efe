# SPDX-License-Identifier: Apache-2.0
"""The agent as a process, on a real broker: first series, request, broker away and back, end by signal, footprint."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.rpc import Server, client, transport
from flock.testing.fixtures import private_conf
from flock.testing.machines import recorded_machines
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import SERVES_S
from sysinv.contract.records import HostRef
from sysinv.contract.reports import reports
from sysinv.contract.rpc import InventoryReports, SysinvAgent
from tests.oracles.topology import expected_topology

HOST = "6e6f6465-0000-4000-8000-000000000007"
RSS_MAX_MIB = 60
MACHINE = "40intel64-2g2n4c+pcilocality"


class Conductor:
    """Keeps the last arguments of each call, and which came in what order."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.last: dict[str, dict[str, Any]] = {}
        self.changed = threading.Condition()

    def _take(self, name: str, **arguments: Any) -> None:
        with self.changed:
            self.order.append(name)
            self.last[name] = arguments
            self.changed.notify_all()

    def until(self, condition: Callable[[list[str]], bool], timeout_s: float) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: condition(self.order), timeout_s)

    def get_host_by_macs(self, *, macs: list[str], hostname: str) -> HostRef | None:
        self._take("lookup", macs=macs, hostname=hostname)
        return HostRef(uuid=HOST, hostname=hostname, personality="worker")

    def report(self, *, host_uuid: str, kind: str, items: list[Any]) -> None:
        self._take(kind, items=items)

    def inventory_completed(self, *, host_uuid: str) -> None:
        self._take("completed", host_uuid=host_uuid)


@pytest.fixture
def start_agent(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start the agent on a bus, with the hardware of a recorded machine, as an operator would configure it."""
    running: list[subprocess.Popen[bytes]] = []
    conf_dir = tmp_path / "etc"
    conf_dir.mkdir()
    machine = next(one for one in recorded_machines() if one.name == MACHINE)
    (conf_dir / "hardware_root").write_text(f"{machine.tree()}\n")

    def started(url: str) -> subprocess.Popen[bytes]:
        (conf_dir / "flock.conf").write_text(
            f"[DEFAULT]\ntransport_url = {url}\nstate_dir = {tmp_path}/state\nrun_dir = {tmp_path}/run\n"
            "executor_thread_pool_size = 8\n[oslo_messaging_rabbit]\nrabbit_retry_interval = 1\n"
            "rabbit_interval_max = 1\n")
        (conf_dir / "sysinv.conf").write_text(
            f"[agent]\nplatform_conf = {tmp_path}/platform.conf\nhostname = worker-7\naudit_interval = 5\n"
            "retry_interval = 1\nlookup_interval = 1\nlookup_retry = 1\n")
        with open(tmp_path / "agent.log", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "sysinv.cmd.agent"], stdout=log, stderr=log,
                env={**os.environ, "FLOCK_CONF_DIR": str(conf_dir)}, cwd=Path(__file__).resolve().parents[3])
        running.append(process)
        return process

    yield started
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def resident_mib(pid: int) -> float:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


def test_reports_answers_and_ends(rabbit_transport: Any, start_agent: Callable[[str], subprocess.Popen[bytes]],
                                  tmp_path: Path) -> None:
    conductor = Conductor()
    server = Server(rabbit_transport, "controller-0", {InventoryReports: conductor})
    assert server.start(SERVES_S)
    try:
        process = start_agent(rabbit_transport.url)
        assert conductor.until(lambda order: "completed" in order, 30), (tmp_path / "agent.log").read_text()
        assert conductor.order == ["lookup", *reports(), "completed"]
        expected = expected_topology(next(one for one in recorded_machines() if one.name == MACHINE).expected)
        assert {cpu["cpu"] for cpu in conductor.last["cpu"]["items"]} == expected.cpus
        assert {node["numa_node"] for node in conductor.last["memory"]["items"]} == set(expected.nodes)
        assert conductor.last["platform"]["items"][0]["boot_id"] == Path(
            "/proc/sys/kernel/random/boot_id").read_text().strip()
        assert (tmp_path / "platform.conf").read_text() == f"UUID={HOST}\n"
        client(SysinvAgent, rabbit_transport, server="worker-7").agent_update(host_uuid=HOST, force_updates=["cpu"])
        assert conductor.until(lambda order: order.count("cpu") == 2, 10)
        assert resident_mib(process.pid) < RSS_MAX_MIB
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        server.stop(5)


def test_starts_without_a_broker_and_survives_its_restart(
        own_rabbit: Any, start_agent: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path) -> None:
    process = start_agent(own_rabbit.url)
    started = time.monotonic()
    own_rabbit.start()
    conductor = Conductor()
    bus = transport(private_conf(), own_rabbit.url)
    server = Server(bus, "controller-0", {InventoryReports: conductor})
    try:
        assert server.start(SERVES_S)
        log = tmp_path / "agent.log"
        # Not just asked: an answer that dies with the broker is waited for until its own deadline.
        wait_for(lambda: "The inventory is complete" in log.read_text(), 60, "the agent to be answered")
        assert "completed" in conductor.order
        own_rabbit.kill()
        own_rabbit.start()
        conductor.order.clear()

        def asked_and_answered() -> bool:
            client(SysinvAgent, bus, server="worker-7").agent_update(host_uuid=HOST, force_updates=["disk"])
            return conductor.until(lambda order: "disk" in order, 1)

        # A cast sent while the agent's queue is being made again is lost; the conductor would repeat it too.
        assert any(asked_and_answered() for _ in range(60)), log.read_text()
        assert process.poll() is None
        assert time.monotonic() - started < 200
    finally:
        server.stop(5)
        bus.close()
