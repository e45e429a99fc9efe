# SPDX-License-Identifier: Apache-2.0
"""A machine on the cable says that it has the controller's address: real frames, a real kernel, the real filter."""
from __future__ import annotations

import ipaddress
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from flock.testing.services.process import wait_for
from sysinv.agent import claims, neighbours

HOST, ACTIVE, STANDBY, ATTACKER = (f"02:00:00:00:00:{last}" for last in ("10", "02", "03", "66"))
FLOATING, FIXED, FREE = "192.168.204.1", "192.168.204.2", "192.168.204.77"
KNOWN = {FLOATING: ("controller", frozenset({ACTIVE, STANDBY})), FIXED: ("controller-0", frozenset({ACTIVE}))}
FLOATING6, FIXED6, HOST6 = "fd00:204::1", "fd00:204::2", "fd00:204::10"
KNOWN6 = {FLOATING6: ("controller", frozenset({ACTIVE, STANDBY})), FIXED6: ("controller-0", frozenset({ACTIVE}))}
ROUTER_SOLICIT, SOLICIT, ADVERT = 133, 135, 136
SEND = """
import json, socket, sys
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
packets.bind(("cable", 0))
for frame in json.load(sys.stdin):
    packets.send(bytes.fromhex(frame))
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("nft") is None,
                                reason="only root can make network namespaces, and the filter needs nftables")


def reply(address: str, mac: str, to: str = HOST, source: str | None = None) -> bytes:
    """A unicast ARP reply to the host: ``address`` is at ``mac``."""
    def octets(text: str) -> bytes:
        return bytes.fromhex(text.replace(":", ""))

    return (octets(to) + octets(source or mac) + claims.ARP.to_bytes(2, "big") + b"\x00\x01\x08\x00\x06\x04\x00\x02"
            + octets(mac) + socket.inet_aton(address) + octets(to) + socket.inet_aton("192.168.204.10"))


def request(sender: str, mac: str = ATTACKER) -> bytes:
    """An ARP request for the host's address, from ``sender``."""
    return reply(sender, mac)[:20] + b"\x00\x01" + reply(sender, mac)[22:]


def option(kind: int, mac: str) -> bytes:
    return bytes((kind, 1)) + bytes.fromhex(mac.replace(":", ""))


def discovery(kind: int, target: str, options: bytes, sender: str = HOST6[:-2] + "66", flags: int = claims.OVERRIDE,
              source: str = ATTACKER, extension: bytes = b"") -> bytes:
    """A unicast message of neighbour discovery to the host."""
    own, to = ipaddress.IPv6Address(sender).packed, ipaddress.IPv6Address(HOST6).packed
    body = struct.pack("!BBHI", kind, 0, 0, flags) + (ipaddress.IPv6Address(target).packed if target else b"") + options
    total = sum(struct.unpack(f"!{(40 + len(body)) // 2}H", own + to + struct.pack("!II", len(body), claims.ICMPV6)
                              + body))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    body = body[:2] + struct.pack("!H", ~total & 0xFFFF) + body[4:]
    head = struct.pack("!IHBB", 0x60000000, len(extension + body), 60 if extension else claims.ICMPV6, 255) + own + to
    return (bytes.fromhex(HOST.replace(":", "")) + bytes.fromhex(source.replace(":", ""))
            + claims.IPV6.to_bytes(2, "big") + head + extension + body)


def advert(target: str, mac: str = ATTACKER, **more: Any) -> bytes:
    return discovery(ADVERT, target, option(2, mac), **more)


NONCE = bytes((14, 1)) + b"nonce!"
# Destination options with padding only, before the message.
PADDED = bytes((claims.ICMPV6, 0, 1, 4, 0, 0, 0, 0))
FORGED6 = {
    "advertisement": lambda target: advert(target),
    "advertisement in the controller's frame": lambda target: advert(target, source=ACTIVE),
    "advertisement from the address itself": lambda target: advert(target, sender=target),
    "answer": lambda target: advert(target, flags=0x60000000),
    "another option first": lambda target: discovery(ADVERT, target, NONCE + option(2, ATTACKER)),
    "the other link-layer address first": lambda target: discovery(ADVERT, target, option(1, ACTIVE)
                                                                   + option(2, ATTACKER)),
    "behind an extension header": lambda target: advert(target, extension=PADDED),
    "solicitation": lambda target: discovery(SOLICIT, HOST6, option(1, ATTACKER), target, 0),
    "solicitation, another option first": lambda target: discovery(SOLICIT, HOST6, NONCE + option(1, ATTACKER), target,
                                                                   0),
    "question for routers": lambda target: discovery(ROUTER_SOLICIT, "", option(1, ATTACKER), target, 0),
    "to all": lambda target: claims.announcement(target, ATTACKER),
}


class Wire:
    """A host and, at the other end of its cable, whoever sends the frames."""

    def __init__(self) -> None:
        self.holders = [subprocess.Popen(["unshare", "--net", "sleep", "600"]) for _ in range(2)]
        own = os.readlink("/proc/self/ns/net")
        wait_for(lambda: all(os.readlink(f"/proc/{each.pid}/ns/net") != own for each in self.holders), 10, "namespaces")
        self.host, self.others = (each.pid for each in self.holders)
        self.ip(self.host, "link", "add", "mgmt0", "address", HOST, "type", "veth", "peer", "name", "cable")
        self.ip(self.host, "link", "set", "cable", "netns", str(self.others))
        self.ip(self.host, "address", "add", "192.168.204.10/24", "dev", "mgmt0")
        self.ip(self.others, "link", "set", "cable", "up")
        self.ip(self.host, "link", "set", "mgmt0", "up")

    def inside(self, pid: int, *words: str, given: str = "") -> str:
        done = subprocess.run(["nsenter", "--net", "--target", str(pid), *words], check=True, capture_output=True,
                              text=True, input=given, timeout=30)
        return done.stdout

    def ip(self, pid: int, *words: str) -> str:
        return self.inside(pid, "ip", *words)

    def protect(self) -> None:
        self.inside(self.host, "nft", "-f", "-", given=neighbours.filter_script(KNOWN))

    def protect6(self) -> None:
        self.inside(self.host, "nft", "-f", "-", given=neighbours.advertisements_script(KNOWN6))

    def unprotect6(self) -> None:
        self.inside(self.host, "nft", "-f", "-", given=neighbours.advertisements_script({}))

    def confine(self) -> None:
        self.inside(self.host, "nft", "-f", "-",
                    given=neighbours.subnets_script({"mgmt0": frozenset({"192.168.204.0/24"})}))

    def table(self) -> set[str]:
        return {entry["dst"] for entry in json.loads(self.ip(self.host, "-json", "neigh", "show") or "[]")}

    def unprotect(self) -> None:
        self.inside(self.host, "nft", "-f", "-", given=neighbours.filter_script({}))

    def send(self, *frames: bytes) -> None:
        """Send frames, and after them one whose effect shows that the kernel has handled all before it."""
        mark = f"02:00:00:00:01:{time.monotonic_ns() % 256:02x}"
        self.remember(FREE, "02:00:00:00:01:ff" if mark != "02:00:00:00:01:ff" else HOST)
        self.inside(self.others, sys.executable, "-c", SEND,
                    given=json.dumps([frame.hex() for frame in (*frames, reply(FREE, mark))]))
        wait_for(lambda: self.believed(FREE) == mark, 10, "the last frame")

    def remember(self, address: str, mac: str) -> None:
        """The host has learned this from the network, long enough ago to believe another machine."""
        self.ip(self.host, "neigh", "replace", address, "lladdr", mac, "dev", "mgmt0", "nud", "stale")

    def believed(self, address: str) -> str | None:
        entries = json.loads(self.ip(self.host, "-json", "neigh", "show", "to", address) or "[]")
        return next((entry.get("lladdr") for entry in entries), None)

    def stop(self) -> None:
        for each in self.holders:
            each.kill()
            each.wait()


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    try:
        for address in (FLOATING, FIXED):
            made.remember(address, ACTIVE)
        # The kernel ignores a second change of an entry within a second.
        made.ip(made.host, "link", "set", "mgmt0", "arp", "on")
        made.inside(made.host, "sysctl", "-qw", "net.ipv4.neigh.mgmt0.locktime=0")
        yield made
    finally:
        made.stop()


def test_without_the_filter_one_frame_takes_the_controllers_address(wire: Wire) -> None:
    wire.send(reply(FLOATING, ATTACKER))
    assert wire.believed(FLOATING) == ATTACKER


@pytest.mark.parametrize("address", [FLOATING, FIXED])
def test_claims_of_a_wrong_machine_change_nothing(wire: Wire, address: str) -> None:
    wire.protect()
    broadcast = "ff:ff:ff:ff:ff:ff"
    wire.send(*[reply(address, ATTACKER)] * 33, reply(address, ATTACKER, broadcast), reply(address, ATTACKER,
              source=ACTIVE), claims.announcement(address, ATTACKER))
    assert wire.believed(address) == ACTIVE


def test_the_floating_address_moves_with_one_announcement_of_the_other_controller(wire: Wire) -> None:
    wire.protect()
    for mac in (STANDBY, ACTIVE):
        wire.send(claims.announcement(FLOATING, mac))
        assert wire.believed(FLOATING) == mac


def test_the_fixed_address_of_a_controller_does_not_move_to_the_other(wire: Wire) -> None:
    wire.protect()
    wire.send(claims.announcement(FIXED, STANDBY))
    assert wire.believed(FIXED) == ACTIVE


def test_the_filter_is_replaced_as_a_whole_and_can_be_removed(wire: Wire) -> None:
    for _ in range(3):
        wire.protect()
    wire.send(reply(FLOATING, ATTACKER))
    assert wire.believed(FLOATING) == ACTIVE
    wire.unprotect()
    wire.unprotect()
    wire.send(reply(FLOATING, ATTACKER))
    assert wire.believed(FLOATING) == ATTACKER


def test_a_filter_that_nobody_renews_ends_by_itself(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "KEPT_S", 2)
    monkeypatch.setattr(neighbours, "PAIRS_KEPT_S", 4)
    wire.protect()
    wire.send(reply(FLOATING, ATTACKER))
    assert wire.believed(FLOATING) == ACTIVE

    def ended() -> bool:
        wire.send(reply(FLOATING, ATTACKER))
        return wire.believed(FLOATING) == ATTACKER

    wait_for(ended, 20, "the end of the filter")


def test_senders_outside_of_the_network_get_no_place_in_the_table(wire: Wire) -> None:
    # As on a controller: a default route by another network makes every sender's address a possible one.
    wire.ip(wire.host, "route", "add", "default", "via", "192.168.204.2")
    strangers = [f"172.31.{number // 200}.{number % 200 + 1}" for number in range(20)]
    wire.send(*map(request, strangers))
    assert set(strangers) <= wire.table(), "without the filter each gets one"
    wire.ip(wire.host, "neigh", "flush", "all")
    wire.confine()
    # The host answers a probe, and one in its network; both may ask.
    wire.send(*map(request, strangers), request("0.0.0.0"), request("192.168.204.90"))
    assert not set(strangers) & wire.table() and "192.168.204.90" in wire.table()


def test_the_filter_of_subnets_ends_by_itself(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "KEPT_S", 1)
    monkeypatch.setattr(neighbours, "PAIRS_KEPT_S", 2)
    wire.ip(wire.host, "route", "add", "default", "via", "192.168.204.2")
    wire.confine()
    def seen() -> bool:
        wire.send(request("172.31.0.1"))
        return "172.31.0.1" in wire.table()
    wait_for(seen, 10, "the end of the filter")


@pytest.fixture
def wire6(wire: Wire) -> Wire:
    """The host has an IPv6 address, and knows the controllers' from the network."""
    wire.ip(wire.host, "-6", "address", "add", f"{HOST6}/64", "dev", "mgmt0", "nodad")
    # A host that forwards, as those with containers do, also learns from questions for routers.
    wire.inside(wire.host, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    for address in (FLOATING6, FIXED6):
        wire.remember(address, ACTIVE)
    return wire


@pytest.mark.parametrize("kind", FORGED6)
def test_without_the_filter_each_of_these_takes_the_controllers_ipv6_address(wire6: Wire, kind: str) -> None:
    """The attack is real: the test below would see it."""
    wire6.send(FORGED6[kind](FLOATING6))
    assert wire6.believed(FLOATING6) == ATTACKER


@pytest.mark.parametrize("kind", FORGED6)
def test_claims_of_a_wrong_machine_on_ipv6_addresses_change_nothing(wire6: Wire, kind: str) -> None:
    wire6.protect6()
    wire6.send(*[FORGED6[kind](address) for address in (FLOATING6, FIXED6)] * 3)
    assert wire6.believed(FLOATING6) == wire6.believed(FIXED6) == ACTIVE


def test_the_floating_ipv6_address_moves_with_one_advertisement_of_the_other_controller(wire6: Wire) -> None:
    wire6.protect6()
    for mac in (STANDBY, ACTIVE):
        wire6.send(claims.announcement(FLOATING6, mac))
        assert wire6.believed(FLOATING6) == mac
    wire6.send(discovery(SOLICIT, HOST6, option(1, STANDBY), FLOATING6, 0, source=STANDBY))
    assert wire6.believed(FLOATING6) == STANDBY
    wire6.send(claims.announcement(FIXED6, STANDBY))
    assert wire6.believed(FIXED6) == ACTIVE


def test_an_answer_that_names_no_machine_passes(wire6: Wire) -> None:
    """So Linux answers a question that came by unicast; without it no entry would stay."""
    wire6.protect6()
    before = wire6.ip(wire6.host, "-json", "neigh", "show", "to", FLOATING6)
    assert "STALE" in before
    wire6.send(discovery(ADVERT, FLOATING6, b"", FLOATING6, 0x40000000, source=ACTIVE))
    assert wire6.believed(FLOATING6) == ACTIVE
    counters = wire6.inside(wire6.host, "nft", "list", "table", "ip6", neighbours.ADVERTISEMENTS_TABLE)
    assert counters.count("counter packets 0") == counters.count("counter packets") == 5


def test_other_ipv6_neighbours_and_the_end_of_the_filter(wire6: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "fd00:204::77"
    wire6.remember(other, ACTIVE)
    monkeypatch.setattr(neighbours, "KEPT_S", 8)
    monkeypatch.setattr(neighbours, "PAIRS_KEPT_S", 10)
    for _ in range(2):
        wire6.protect6()
    wire6.send(advert(FLOATING6), advert(other))
    assert wire6.believed(FLOATING6) == ACTIVE and wire6.believed(other) == ATTACKER

    def ended() -> bool:
        wire6.send(advert(FLOATING6))
        return wire6.believed(FLOATING6) == ATTACKER

    wait_for(ended, 40, "the end of the filter")
    wire6.unprotect6()
    wire6.unprotect6()


def test_two_real_kernels_find_each_other_through_the_filter(wire6: Wire) -> None:
    """The controller's own kernel asks and answers; the host's entry is learned anew and confirmed."""
    wire6.protect6()
    wire6.ip(wire6.others, "link", "set", "cable", "address", ACTIVE)
    wire6.ip(wire6.others, "-6", "address", "add", f"{FIXED6}/64", "dev", "cable", "nodad")
    wire6.ip(wire6.host, "-6", "neigh", "flush", "dev", "mgmt0")
    wire6.inside(wire6.host, "ping", "-c", "1", "-w", "10", FIXED6)
    assert wire6.believed(FIXED6) == ACTIVE
    wire6.ip(wire6.host, "-6", "neigh", "change", FIXED6, "lladdr", ACTIVE, "dev", "mgmt0", "nud", "probe")
    wait_for(lambda: "REACHABLE" in wire6.ip(wire6.host, "-json", "neigh", "show", "to", FIXED6), 20, "the answer")
