# SPDX-License-Identifier: Apache-2.0
"""Somebody on a network of the cloud sends heartbeat requests: no host answers them, but it still answers real pulses.

Real processes on the loopback interface; the attacker has another address (127.0.0.2) or takes the controller's.
"""
from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mtce
from flock.testing.services.process import Process, wait_for
from mtce.contract import pulsekey
from mtce.heartbeat import codec, sockets
from tests.bench.neighbours import cpu_s

SOURCE = str(Path(mtce.__file__).parent.parent)
HEARTBEAT = str(Path(sys.prefix) / "bin/mtce-heartbeat")
GROUP, HOST, ATTACKER = "239.1.1.2", "127.0.0.1", "127.0.0.2"
CONTROLLER = sockets.source_address(socket.if_nametoindex("lo"), GROUP) or "127.0.0.1"
"""The source of multicast on loopback: another interface's address, where there is one."""
CLUSTER_KEY = bytes(range(32))
ANSWERS = (b"FPrs", b"FPal")
FLOOD_CPU_MAX = 0.4
"""Share of a core; 25,000 requests in a second are read, at 6 us each on the machine of the documents' figures."""


def udp(address: str, port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    return sock


def waiting(sock: socket.socket) -> list[bytes]:
    """The datagrams that came, without their senders."""
    return [data for data, _ in sockets.drain(sock)]


class Network:
    """A controller and worker-0 with the management network on loopback, and what an attacker there can do.

    They have no interface in cluster-host, as when that is down.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host_uuid = str(uuid.uuid4())
        self._closing: list[Callable[[], None]] = []
        with udp("") as one, udp("") as two, udp("") as three, udp("") as four:
            self.request_port, self.answer_port, self.cluster_request_port, self.cluster_answer_port = (
                sock.getsockname()[1] for sock in (one, two, three, four))
        self._write("controller-0", CLUSTER_KEY, "sender = true\nperiod_ms = 200\n")
        self._write("worker-0", pulsekey.derive(CLUSTER_KEY, "worker-0"), "")
        self.levels: list[str] = []
        self._pending = b""
        self._control: socket.socket | None = None
        # Everybody on the network hears multicast.
        self.ear = sockets.bound(self.request_port)
        sockets.join(self.ear, GROUP, socket.if_nametoindex("lo"))
        self.relay = udp(ATTACKER, self.answer_port)
        self._closing += [self.ear.close, self.relay.close]

    def _write(self, name: str, key: bytes, more: str) -> None:
        folder = self.folder / name
        folder.mkdir()
        (folder / "key").write_text(key.hex())
        host_uuid = self.host_uuid if name == "worker-0" else uuid.uuid4()
        (folder / "mtce.conf").write_text(
            f"[DEFAULT]\nrun_dir = {folder}\n[host]\nuuid = {host_uuid}\nname = {name}\n"
            f"[heartbeat]\nmgmt_interface = lo\ncluster_host_interface = absent0\nkey_file = {folder}/key\n"
            f"mgmt_request_port = {self.request_port}\nmgmt_answer_port = {self.answer_port}\n"
            f"cluster_host_request_port = {self.cluster_request_port}\n"
            f"cluster_host_answer_port = {self.cluster_answer_port}\n"
            f"realtime_priority = 0\n{more}")

    def start_both(self) -> None:
        """The host last: it gets what is sent to the one address and port that all responders here share."""
        self.controller = self.start("controller-0")
        wait_for((self.folder / "controller-0/mtce/heartbeat.sock").exists, 20, "the controller's mtce-heartbeat")
        self.host = self.start("worker-0")
        self.host.wait_until(lambda: "answering pulses" in self.host.log_tail(), 20, "the host's mtce-heartbeat")

    def start(self, name: str) -> Process:
        folder = self.folder / name
        process = Process(f"heartbeat-{name}", [HEARTBEAT], folder,
                          env={"FLOCK_CONF_DIR": str(folder), "PYTHONPATH": SOURCE, "PATH": "/usr/bin:/bin"})
        self._closing.append(process.kill)
        return process

    def monitor(self) -> None:
        """Have the controller monitor worker-0, until it is ok."""
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._control.connect(str(self.folder / "controller-0/mtce/heartbeat.sock"))
        host = {"uuid": self.host_uuid, "hostname": "worker-0", "networks": ["mgmt"], "epoch": 1}
        self._control.sendall(json.dumps({"op": "hosts", "hosts": [host]}).encode() + b"\n")
        self._control.setblocking(False)
        self._closing.append(self._control.close)
        wait_for(lambda: self.present() == "ok", 20, "worker-0 to be ok")

    def present(self) -> str:
        """The latest level; ``levels`` keeps all."""
        assert self._control is not None
        while select.select([self._control], [], [], 0)[0] and (data := self._control.recv(65536)):
            *lines, self._pending = (self._pending + data).split(b"\n")
            events = [json.loads(line) for line in lines]
            self.levels += [event["level"] for event in events if event["event"] == "level"]
        return self.levels[-1] if self.levels else ""

    def to_host(self, sock: socket.socket, data: bytes) -> None:
        sockets.send(sock, data, (HOST, self.request_port))

    def close(self) -> None:
        for close in reversed(self._closing):
            close()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path)
    yield made
    made.close()


@pytest.fixture
def running(network: Network) -> Network:
    network.start_both()
    network.monitor()
    return network


def attack(network: Network, seconds: float, step: Callable[[], None]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        select.select([network.ear, network.relay], [], [], 0.05)
        step()


def test_relay_gets_no_answer_of_a_host_whatever_it_passes_on(running):
    got, relayed = [], []

    def step():
        for data in waiting(running.ear):
            relayed.append(data)
            running.to_host(running.relay, data)
        for data in waiting(running.relay):
            got.append(data)
            # What the host sends to the relay goes on to the controller: as it is, and naming the controller.
            running.relay.sendto(data, (CONTROLLER, running.answer_port))
            running.relay.sendto(data.replace(socket.inet_aton(ATTACKER), socket.inet_aton(CONTROLLER)),
                                 (CONTROLLER, running.answer_port))
    attack(running, 3, step)
    assert len(relayed) >= 5
    assert got, "the attack reached nobody"
    assert not [data for data in got if data.startswith(ANSWERS)]
    assert running.present() == "ok"


def test_relay_that_passes_the_controllers_reply_on_is_no_sender(network):
    """Questions go on to the controller, which replies to those that name it; the replies go back to the host."""
    network.start_both()
    got, replies = [], []
    with udp(ATTACKER) as upstream:
        ports: set[int] = set()

        def step():
            for data in waiting(network.ear):
                network.to_host(network.relay, data)
            for data, (_, port) in sockets.drain(network.relay):
                got.append(data)
                ports.add(port)
                for question in (data, data.replace(socket.inet_aton(ATTACKER), socket.inet_aton(CONTROLLER))):
                    upstream.sendto(question, (CONTROLLER, network.answer_port))
            for data in waiting(upstream):
                replies.append(data)
                for port in ports:
                    network.relay.sendto(data, (HOST, port))
        attack(network, 3, step)
    assert got
    assert replies, "the controller replied to no question that named it"
    assert not [data for data in got if data.startswith(ANSWERS)]
    assert network.host.running


def test_recorded_pulses_are_not_answered_later(running):
    recorded = []
    attack(running, 2, lambda: recorded.extend(waiting(running.ear)))
    running.controller.kill()
    # The attacker takes the controller's address and ports.
    with udp(CONTROLLER, running.answer_port) as taken:
        for again in (False, True):
            if again:
                running.host.kill()
                running.host = running.start("worker-0")
            got = []
            for _ in range(60):
                for data in recorded:
                    running.to_host(taken, data)
                select.select([taken], [], [], 0.05)
                got += waiting(taken)
            assert got, "the host did not even ask"
            assert {data[:4] for data in got} == {b"FPqs"}
    assert len(recorded) >= 5


def test_pulse_of_one_network_is_not_answered_on_another(running):
    changed, got = [], []
    with udp(ATTACKER, running.cluster_answer_port) as cluster:
        def step():
            for data in waiting(running.ear):
                request = codec.decode_request(data)
                assert request is not None and request.network == "mgmt"
                other = codec.encode_request(codec.Request("cluster-host", request.sequence, request.nonce))
                changed.append(other)
                sockets.send(cluster, other, (HOST, running.cluster_request_port))
            got.extend(waiting(cluster))
        attack(running, 3, step)
    assert len(changed) >= 5
    assert got == []
    assert running.present() == "ok"


@pytest.mark.parametrize("address", [ATTACKER, CONTROLLER])
def test_flood_of_forged_pulses_costs_little_and_real_ones_are_answered(running, address):
    """About 8,000 a second with values that nobody knows, for slots that a pulse could be of."""
    slot = 0
    with udp(address) as flood:
        begun, cpu, sent = time.monotonic(), cpu_s(running.host.pid), 0
        while (passed := time.monotonic() - begun) < 5:
            for data in waiting(running.ear):
                request = codec.decode_request(data)
                # What the flood sends by multicast is not heard here, because it is sent to the host alone.
                slot = request.sequence if request is not None else slot
            for number in range(max(0, int(passed * 8_000) - sent)):
                running.to_host(flood, codec.encode_request(codec.Request("mgmt", slot + 1 + number % 3,
                                                                          os.urandom(16))))
                sent += 1
            time.sleep(0.001)
        share = (cpu_s(running.host.pid) - cpu) / (time.monotonic() - begun)
    assert sent > 20_000
    assert 0.01 < share < FLOOD_CPU_MAX / 2, "the flood did not arrive, or cost too much"
    assert running.present() in ("ok", "minor")
    assert not {"degrade", "loss"} & set(running.levels)


def port_of_questions(network: Network) -> int:
    """The port from which the host asks, and takes replies."""
    network.to_host(network.relay, codec.encode_request(codec.Request("mgmt", 1, b"x" * 16)))
    assert select.select([network.relay], [], [], 10)[0]
    return [port for _, (_, port) in sockets.drain(network.relay)][-1]


@pytest.mark.parametrize("kind", ["requests", "replies", "answers"])
def test_any_flood_costs_a_limited_share_of_a_core(running, kind):
    victim, target, data = running.host, (HOST, running.request_port), codec.encode_request(
        codec.Request("mgmt", 2**40, b"x" * 16))
    if kind == "replies":
        target, data = (HOST, port_of_questions(running)), b"FPst\x02" + b"\0" * 59
    elif kind == "answers":
        victim, target, data = running.controller, (CONTROLLER, running.answer_port), b"FPrs\x02" + b"\0" * 59
    with udp(CONTROLLER) as flood:
        begun, cpu, sent = time.monotonic(), cpu_s(victim.pid), 0
        while time.monotonic() - begun < 4:
            for _ in range(500):
                sockets.send(flood, data, target)
            sent += 500
        share = (cpu_s(victim.pid) - cpu) / (time.monotonic() - begun)
    assert sent > 20_000
    assert 0.005 < share < FLOOD_CPU_MAX, "the flood did not arrive, or cost too much"
    wait_for(lambda: running.present() == "ok", 20, "worker-0 to be ok after the flood")


def until_quiet(sock: socket.socket) -> list[bytes]:
    """What comes to ``sock`` until nothing came for half a second."""
    got: list[bytes] = []
    while select.select([sock], [], [], 0.5)[0]:
        got += waiting(sock)
    return got


def test_question_of_a_stranger_names_no_other_address_and_gets_few_replies(running):
    with udp(ATTACKER) as asking:
        def ask(address):
            question = codec.Question("mgmt", os.urandom(16), socket.inet_aton(address), "worker-0")
            asking.sendto(codec.encode_question(question), (CONTROLLER, running.answer_port))
        for _ in range(50):
            ask(ATTACKER)
        assert until_quiet(asking) == []
        for _ in range(300):
            ask(CONTROLLER)
        replies = until_quiet(asking)
    # 16 between two pulses, of which there is one in 200 ms.
    assert 1 <= len(replies) <= 48
    assert running.present() == "ok"
