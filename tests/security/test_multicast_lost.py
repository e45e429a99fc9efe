# SPDX-License-Identifier: Apache-2.0
"""A switch has ended the memberships of a host, so that no multicast reaches it: the heartbeat goes on.

Real processes, each in a network namespace of its own, with a cable between them.
"""
from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mtce
from flock.testing.privileges import need_root
from flock.testing.services.process import Process, wait_for
from mtce.contract import pulsekey
from mtce.core.heartbeat import Thresholds

SOURCE = str(Path(mtce.__file__).parent.parent)
HEARTBEAT = str(Path(sys.prefix) / "bin/mtce-heartbeat")
CLUSTER_KEY = bytes(range(32))
ADDRESSES = {"controller-0": "192.168.204.2", "worker-0": "192.168.204.10"}
PERIOD_MS = 200
DEAF = """
table ip deaf
delete table ip deaf
table ip deaf {
    chain input {
        type filter hook input priority filter; policy accept;
        ip daddr 224.0.0.0/4 counter drop
    }
}
"""


class Network:
    """A controller, worker-0, and the management network between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host_uuid = str(uuid.uuid4())
        self.levels: list[str] = []
        self._pending = b""
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._closing: list[Callable[[], None]] = [self._control.close]
        self._places: dict[str, int] = {}
        for name in ADDRESSES:
            # mtce-heartbeat reads in /sys whether the link is up.
            holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c",
                                       f"mount -t sysfs sysfs /sys && touch {folder}/{name}.ready && exec sleep 600"])
            self._closing += [holder.wait, holder.kill]
            self._places[name] = holder.pid
        wait_for(lambda: all((folder / f"{name}.ready").exists() for name in ADDRESSES), 10, "namespaces")
        self.inside("controller-0", "ip", "link", "add", "mgmt0", "type", "veth", "peer", "name", "mgmt0", "netns",
                    str(self._places["worker-0"]))
        for name, address in ADDRESSES.items():
            self.inside(name, "ip", "address", "add", f"{address}/24", "dev", "mgmt0")
            self.inside(name, "ip", "link", "set", "mgmt0", "up")
            self.inside(name, "ip", "route", "add", "default", "via", "192.168.204.1")

    def inside(self, name: str, *words: str, given: str = "") -> str:
        return subprocess.run(["nsenter", "--net", "--mount", "--target", str(self._places[name]), *words], check=True,
                              capture_output=True, text=True, input=given, timeout=30).stdout

    def start(self, name: str, key: bytes, more: str) -> Process:
        folder = self.folder / name
        folder.mkdir()
        (folder / "key").write_text(key.hex())
        (folder / "mtce.conf").write_text(
            f"[DEFAULT]\nrun_dir = {folder}\n[host]\n"
            f"uuid = {self.host_uuid if name == 'worker-0' else uuid.uuid4()}\nname = {name}\n"
            f"[heartbeat]\nmgmt_interface = mgmt0\ncluster_host_interface = absent0\nkey_file = {folder}/key\n"
            f"realtime_priority = 0\n{more}")
        process = Process(f"heartbeat-{name}",
                          ["nsenter", "--net", "--mount", "--target", str(self._places[name]), HEARTBEAT], folder,
                          env={"FLOCK_CONF_DIR": str(folder), "PYTHONPATH": SOURCE, "PATH": "/usr/bin:/bin"})
        self._closing.append(process.kill)
        return process

    def start_both(self) -> None:
        self.start("controller-0", CLUSTER_KEY, f"sender = true\nperiod_ms = {PERIOD_MS}\n")
        path = self.folder / "controller-0/mtce/heartbeat.sock"
        wait_for(path.exists, 20, "the controller's mtce-heartbeat")
        host = self.start("worker-0", pulsekey.derive(CLUSTER_KEY, "worker-0"), "")
        host.wait_until(lambda: "answering pulses" in host.log_tail(), 20, "the host's mtce-heartbeat")
        self._control.connect(str(path))

    def monitor(self, addresses: dict[str, str]) -> None:
        host = {"uuid": self.host_uuid, "hostname": "worker-0", "networks": ["mgmt"], "epoch": 1,
                "addresses": addresses}
        self._control.sendall(json.dumps({"op": "hosts", "hosts": [host]}).encode() + b"\n")
        wait_for(lambda: self.present() == "ok", 20, "worker-0 to be ok")

    def present(self) -> str:
        """The latest level; ``levels`` keeps all."""
        while select.select([self._control], [], [], 0)[0] and (data := self._control.recv(65536)):
            *lines, self._pending = (self._pending + data).split(b"\n")
            events = [json.loads(line) for line in lines]
            self.levels += [event["level"] for event in events if event["event"] == "level"]
        return self.levels[-1] if self.levels else ""

    def deafen(self) -> None:
        self.inside("worker-0", "nft", "-f", "-", given=DEAF)

    def lost(self) -> int:
        """How many multicast datagrams the host has lost."""
        rules = json.loads(self.inside("worker-0", "nft", "-j", "list", "table", "ip", "deaf"))["nftables"]
        return next(int(each["counter"]["packets"]) for rule in rules if "rule" in rule
                    for each in rule["rule"]["expr"] if "counter" in each)

    def close(self) -> None:
        for close in reversed(self._closing):
            close()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    need_root("nft", "ip", "unshare")
    made = Network(tmp_path)
    try:
        made.start_both()
        yield made
    finally:
        made.close()


def test_heartbeat_goes_on_without_multicast(network: Network) -> None:
    network.monitor({"mgmt": ADDRESSES["worker-0"]})
    network.levels.clear()
    network.deafen()
    wait_for(lambda: network.lost() >= 3 * Thresholds().loss, 60, "multicast pulses to be lost")
    network.present()
    assert network.levels == []


def test_without_the_hosts_address_it_ends(network: Network) -> None:
    """The attack is real: the test above would see it."""
    network.monitor({})
    network.deafen()
    wait_for(lambda: network.present() == "loss", 60, "the heartbeat to be lost")
