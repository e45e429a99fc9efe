# SPDX-License-Identifier: Apache-2.0
"""A machine on our network takes an address of ours: real frames over a veth pair between two network namespaces."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.testing.services.process import wait_for

WATCH = """
import json, sys, time
from sysinv.agent import claims, claimwatch

class Alarms:
    def raise_alarm(self, alarm_id, **fields):
        print(json.dumps(["raise", alarm_id, fields["entity_instance_id"], fields["reason_text"]]), flush=True)
    def clear_alarm(self, alarm_id, **fields):
        print(json.dumps(["clear", alarm_id, fields["entity_instance_id"]]), flush=True)

class Faults:
    def get_faults(self, **asked):
        return []

claims.QUIET_S = float(sys.argv[1])
watch = claimwatch.ClaimWatch("controller-0", Alarms(), Faults(), claimwatch.Surroundings(lambda: {"ours": "mgmt"}))
watch.start()
print(json.dumps(["own", sorted(claimwatch.own_addresses())]), flush=True)
for line in sys.stdin:
    pass
watch.stop()
"""
# The other machine: says where the addresses are, and reports what it hears of them.
ATTACK = """
import json, socket, sys
from sysinv.agent import claims, claimwatch

kind = claims.IPV6 if ":" in sys.argv[1] else claims.ARP
packets = claimwatch.packet_socket(kind)
packets.settimeout(float(sys.argv[3]))
for _ in range(int(sys.argv[4])):
    packets.sendto(claims.announcement(sys.argv[1], sys.argv[2]), ("theirs", 0))
heard = []
try:
    while True:
        frame, origin = packets.recvfrom(2048)
        claim = claims.claim_in(frame)
        if claim and origin[2] != socket.PACKET_OUTGOING and claim.address == sys.argv[1]:
            heard.append(claim.mac)
except TimeoutError:
    pass
print(json.dumps(heard))
"""
OURS, THEIRS = "02:00:00:00:00:01", "02:00:00:00:00:66"
ADDRESS, ADDRESS6 = "192.168.204.2", "fd00:204::2"

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None,
                                reason="only root can make network namespaces")


class Network:
    """Two namespaces, each held by a process, and the programs that run in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.holders = [subprocess.Popen(["unshare", "--net", "sleep", "600"]) for _ in range(2)]
        own = os.readlink("/proc/self/ns/net")
        wait_for(lambda: all(os.readlink(f"/proc/{each.pid}/ns/net") != own for each in self.holders), 10, "namespaces")
        self.ours, self.theirs = (each.pid for each in self.holders)
        self._ip(self.ours, "link", "add", "ours", "address", OURS, "type", "veth", "peer", "name", "theirs")
        self._ip(self.ours, "link", "set", "theirs", "netns", str(self.theirs))
        self._ip(self.ours, "address", "add", f"{ADDRESS}/24", "dev", "ours")
        self._ip(self.ours, "address", "add", f"{ADDRESS6}/64", "dev", "ours", "nodad")
        self._ip(self.theirs, "link", "set", "theirs", "up")
        self._ip(self.ours, "link", "set", "ours", "up")
        self.watch: subprocess.Popen[str] | None = None

    def _ip(self, pid: int, *words: str) -> None:
        subprocess.run(["nsenter", "--net", "--target", str(pid), "ip", *words], check=True)

    def start(self, quiet_s: float = 300.0) -> None:
        out = (self.folder / "watch").open("w")
        self.watch = subprocess.Popen(
            ["nsenter", "--net", "--target", str(self.ours), sys.executable, "-c", WATCH, str(quiet_s)], stdout=out,
            stdin=subprocess.PIPE, text=True)
        wait_for(lambda: self.told("own"), 30, "the watch")
        assert {ADDRESS, ADDRESS6} <= set(self.told("own")[0][1])

    def told(self, kind: str) -> list[list[Any]]:
        lines = map(json.loads, (self.folder / "watch").read_text().splitlines())
        return [line for line in lines if line[0] == kind]

    def attack(self, address: str, mac: str = THEIRS, listen_s: float = 1.5, times: int = 1) -> list[str]:
        """Claim the address; the MAC addresses that are heard for it afterwards."""
        done = subprocess.run(
            ["nsenter", "--net", "--target", str(self.theirs), sys.executable, "-c", ATTACK, address, mac,
             str(listen_s), str(times)], check=True, capture_output=True, text=True, timeout=60)
        return list(json.loads(done.stdout))

    def give_up(self, address: str) -> None:
        self._ip(self.ours, "address", "del", address, "dev", "ours")

    def stop(self) -> None:
        if self.watch is not None:
            self.watch.kill()
            self.watch.wait()
        for each in self.holders:
            each.kill()
            each.wait()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path)
    try:
        yield made
    finally:
        made.stop()


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS6])
def test_a_takeover_raises_an_alarm_and_is_answered(network: Network, address: str) -> None:
    network.start()
    heard: list[str] = []

    def seen() -> bool:
        heard.extend(network.attack(address))
        return bool(network.told("raise"))

    wait_for(seen, 30, "the alarm")
    [raised] = network.told("raise")
    assert raised[1:3] == ["400.005", f"host=controller-0.network=mgmt.address={address}"]
    assert THEIRS in raised[3]
    assert heard == [OURS]


def test_a_flood_of_claims_makes_one_alarm_and_one_reply(network: Network) -> None:
    network.start()
    assert network.attack(ADDRESS, times=3000, listen_s=3.0) == [OURS]
    assert network.attack(ADDRESS, "02:00:00:00:00:77", times=3000) == []
    assert len(network.told("raise")) == 1


def test_the_alarm_ends_when_nobody_claims_the_address(network: Network) -> None:
    network.start(quiet_s=3.0)
    network.attack(ADDRESS)
    wait_for(lambda: network.told("raise"), 20, "the alarm")
    wait_for(lambda: network.told("clear"), 20, "the end of the alarm")


def test_what_is_no_takeover_is_left_alone(network: Network) -> None:
    network.start()
    # Our own announcement, another address, and an address that we gave up just now (a switch of controllers).
    assert network.attack(ADDRESS, OURS) == []
    assert network.attack("192.168.204.77") == []
    network.give_up(f"{ADDRESS}/24")
    assert network.attack(ADDRESS) == []
    # The watch was listening all the time.
    assert network.attack(ADDRESS6) == [OURS]
    assert [line[2] for line in network.told("raise")] == [f"host=controller-0.network=mgmt.address={ADDRESS6}"]
