# SPDX-License-Identifier: Apache-2.0
"""CPU time of mtce-heartbeat as sender and as host: ten pulses a second on one network, and 200 hosts that answer."""
from __future__ import annotations

import json
import socket
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

from flock.testing.services.process import Process, wait_for
from mtce.contract import pulsekey
from mtce.heartbeat import codec, sockets
from tests.bench.measure import Figure
from tests.bench.neighbours import ROOT

HOSTS, SECONDS, PERIOD_MS = 200, 20, 100
GROUP, CLUSTER_KEY = "239.1.1.2", bytes(range(32))


def run() -> list[Figure]:
    """CPU milliseconds per second of the sender and of worker-0; the other hosts are a thread of this process."""
    with tempfile.TemporaryDirectory(prefix="flock-bench-") as name:
        folder, hosts = Path(name), {f"worker-{number}": uuid.uuid4() for number in range(HOSTS)}
        with _udp() as one, _udp() as two:
            ports = one.getsockname()[1], two.getsockname()[1]
        started = [_start(folder, "worker-0", hosts["worker-0"], ports, ""),
                   _start(folder, "controller-0", uuid.uuid4(), ports, f"sender = true\nperiod_ms = {PERIOD_MS}\n")]
        path, stopping = folder / "controller-0/mtce/heartbeat.sock", threading.Event()
        peers = threading.Thread(target=_answer, args=(hosts, ports, stopping))
        try:
            wait_for(path.exists, 20, "the sender")
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
                control.connect(str(path))
                control.sendall(json.dumps({"op": "hosts", "hosts": [
                    {"uuid": str(host_uuid), "hostname": hostname, "networks": ["mgmt"], "epoch": 1}
                    for hostname, host_uuid in hosts.items()]}).encode() + b"\n")
                peers.start()
                time.sleep(3)
                before = [_cpu_ms(process.pid) for process in started]
                time.sleep(SECONDS)
                host, sender = ((_cpu_ms(process.pid) - begun) / SECONDS
                                for process, begun in zip(started, before, strict=True))
                healthy = _levels(control)
        finally:
            stopping.set()
            for process in started:
                process.kill()
        note = f"{healthy} of {HOSTS} hosts ok"
        return [Figure("sender, ten pulses a second", sender, "ms CPU/s", note=note),
                Figure("host", host, "ms CPU/s")]


def _udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", 0))
    return sock


def _start(folder: Path, name: str, host_uuid: uuid.UUID, ports: tuple[int, int], more: str) -> Process:
    own = folder / name
    own.mkdir()
    key = CLUSTER_KEY if more else pulsekey.derive(CLUSTER_KEY, name)
    (own / "key").write_text(key.hex())
    (own / "mtce.conf").write_text(
        f"[DEFAULT]\nrun_dir = {own}\n[host]\nuuid = {host_uuid}\nname = {name}\n"
        f"[heartbeat]\nmgmt_interface = lo\ncluster_host_interface = lo\nkey_file = {own}/key\nrealtime_priority = 0\n"
        f"mgmt_request_port = {ports[0]}\nmgmt_answer_port = {ports[1]}\n{more}")
    return Process(f"heartbeat-{name}", [str(Path(sys.prefix) / "bin/mtce-heartbeat")], own,
                   env={"FLOCK_CONF_DIR": str(own), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"})


def _cpu_ms(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def _answer(hosts: dict[str, uuid.UUID], ports: tuple[int, int], stopping: threading.Event) -> None:
    keys = [(host_uuid.bytes, pulsekey.derive(CLUSTER_KEY, hostname)) for hostname, host_uuid in hosts.items()
            if hostname != "worker-0"]
    with sockets.bound(ports[0]) as ear:
        sockets.join(ear, GROUP, socket.if_nametoindex("lo"))
        ear.settimeout(0.5)
        while not stopping.is_set():
            try:
                data, (address, _) = ear.recvfrom(1_500)
            except TimeoutError:
                continue
            request = codec.decode_request(data)
            if request is not None:
                for host_id, key in keys:
                    sockets.send(ear, codec.encode_answer(request, host_id, key), (address, ports[1]))


def _levels(control: socket.socket) -> int:
    """How many hosts are ok by the latest levels sent."""
    control.settimeout(0.2)
    data = b""
    try:
        while part := control.recv(65536):
            data += part
    except TimeoutError:
        pass
    events = [json.loads(line) for line in data.splitlines()]
    levels = {event["uuid"]: event["level"] for event in events if event["event"] == "level"}
    return sum(level == "ok" for level in levels.values())
