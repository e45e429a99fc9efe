# SPDX-License-Identifier: Apache-2.0
"""Which frames claim an address of the system for a wrong machine, and what to do about it. Pure.

The addresses are those of this host and, with ``holder``, those of its neighbours. A conflict is stored under its
address; that of a deleted host's machine, which must not send at all, under the MAC address.
"""
from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

ETHERNET = 14
ARP, IPV6 = 0x0806, 0x86DD
BROADCAST, ALL_NODES = bytes.fromhex("ffffffffffff"), bytes.fromhex("333300000001")
ALL_NODES_ADDRESS = ipaddress.IPv6Address("ff02::1").packed
ICMPV6, ADVERTISEMENT, HOP_LIMIT, TARGET_LINK_LAYER = 58, 136, 255, 2
OVERRIDE = 0x20000000
# RFC 5227, DEFEND_INTERVAL: two machines that both defend must not flood the network.
DEFEND_INTERVAL_S = 10.0
REPEAT_S = 60.0
# As Ethernet and as IEEE 802: the kernel believes both.
_ARP_HEADS = (b"\x00\x01\x08\x00\x06\x04", b"\x00\x06\x08\x00\x06\x04")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
QUIET_S = 300.0


@dataclass(frozen=True, slots=True)
class Claim:
    """A machine says that ``address`` is at its ``mac``."""

    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class Own:
    """An address of this host: the interface that has it, that interface's MAC address, and the subnet's prefix.

    With ``holder``, an address of another host: the interface that leads to it, and who may claim it.
    """

    interface: str
    mac: str
    prefix: int = field(default=0, compare=False)
    holder: str = ""
    rightful: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Conflict:
    """The last claim of another machine on one address; times in seconds of a monotonic clock."""

    interface: str
    mac: str
    last_at: float
    defended_at: float
    told_at: float


@dataclass(frozen=True, slots=True)
class Action:
    """``raise`` or ``clear`` the alarm of an address, or ``defend`` it on its interface."""

    kind: Literal["raise", "clear", "defend"]
    address: str
    interface: str
    mac: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """The conflicts by address or MAC address; at most as many as there are addresses and deleted hosts' ports."""

    conflicts: Mapping[str, Conflict] = field(default_factory=dict)


def claim_in(frame: bytes) -> Claim | None:
    """The claim in an Ethernet frame: an ARP request or reply, or an IPv6 neighbour advertisement; else None.

    An ARP probe (sender address 0.0.0.0) claims nothing.
    """
    if len(frame) < ETHERNET:
        return None
    kind = int.from_bytes(frame[12:14], "big")
    if kind == ARP:
        return _arp(frame[ETHERNET:])
    if kind == IPV6:
        return _advertisement(frame[6:12], frame[ETHERNET:])
    return None


def _arp(packet: bytes) -> Claim | None:
    if len(packet) < 28 or packet[:6] not in _ARP_HEADS:
        return None
    sender = ipaddress.IPv4Address(packet[14:18])
    return None if sender.is_unspecified else Claim(str(sender), _mac(packet[8:14]))


def _advertisement(source: bytes, packet: bytes) -> Claim | None:
    if len(packet) < 64 or packet[6] != ICMPV6 or packet[7] != HOP_LIMIT or packet[40] != ADVERTISEMENT:
        return None
    options = packet[64:72]
    stated = options[2:8] if len(options) == 8 and options[:2] == bytes((TARGET_LINK_LAYER, 1)) else source
    return Claim(str(ipaddress.IPv6Address(packet[48:64])), _mac(stated))


def _mac(octets: bytes) -> str:
    return octets.hex(":")


def claimed(view: View, claim: Claim, interface: str, own: Mapping[str, Own], now: float
            ) -> tuple[View, list[Action]]:
    """A claim was seen on ``interface``; ``own`` are this host's addresses.

    The address is defended at most every DEFEND_INTERVAL_S. The alarm is raised again for another machine, at most
    every REPEAT_S.
    """
    held = own.get(claim.address)
    if held is None or held.interface != interface or claim.mac in _rightful(held, own):
        return view, []
    known = view.conflicts.get(claim.address)
    made = known or Conflict(interface, "", now, float("-inf"), float("-inf"))
    actions = []
    if not held.holder and now - made.defended_at >= DEFEND_INTERVAL_S:
        actions.append(Action("defend", claim.address, interface, held.mac))
        made = replace(made, defended_at=now)
    if claim.mac != made.mac and now - made.told_at >= REPEAT_S:
        actions.append(Action("raise", claim.address, interface, claim.mac))
        made = replace(made, mac=claim.mac, told_at=now)
    return View({**view.conflicts, claim.address: replace(made, last_at=now)}), actions


def _rightful(held: Own, own: Mapping[str, Own]) -> frozenset[str]:
    return held.rightful if held.holder else frozenset(each.mac for each in own.values() if not each.holder)


def appeared(view: View, mac: str, interface: str, now: float) -> tuple[View, list[Action]]:
    """The machine of a deleted host was seen; raises its alarm once while it goes on."""
    known = view.conflicts.get(mac)
    made = known or Conflict(interface, mac, now, float("-inf"), now)
    return (View({**view.conflicts, mac: replace(made, last_at=now)}),
            [] if known else [Action("raise", mac, interface, mac)])


def is_machine(key: str) -> bool:
    """Whether the key of a conflict is a MAC address; no address of IPv6 has its form."""
    return _MAC.fullmatch(key) is not None


def neighbours_on(own: Mapping[str, Own], neighbours: Mapping[str, tuple[str, frozenset[str]]]) -> dict[str, Own]:
    """``own`` and, on the interfaces whose subnets they are in, the neighbours' addresses: holder and MAC addresses."""
    subnets = [(ipaddress.ip_network(f"{address}/{each.prefix}", strict=False), each)
               for address, each in own.items() if each.prefix]
    found = dict(own)
    for address, (holder, macs) in neighbours.items():
        reached = next((each for subnet, each in subnets if ipaddress.ip_address(address) in subnet), None)
        if reached is not None and address not in own:
            found[address] = Own(reached.interface, "", holder=holder, rightful=macs)
    return found


def looked(view: View, own: Container[str], now: float) -> tuple[View, list[Action]]:
    """Time has passed: an address that nobody claims any more, or that is not in ``own`` now, has no conflict."""
    ended = {address for address, conflict in view.conflicts.items()
             if address not in own or now - conflict.last_at >= QUIET_S}
    actions = [Action("clear", address, view.conflicts[address].interface) for address in sorted(ended)]
    return View({address: each for address, each in view.conflicts.items() if address not in ended}), actions


def announcement(address: str, mac: str) -> bytes:
    """The frame that defends ``address``: an ARP announcement, or an unsolicited neighbour advertisement."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return (BROADCAST + hardware + ARP.to_bytes(2, "big") + b"\x00\x01\x08\x00\x06\x04\x00\x01"
                + hardware + parsed.packed + bytes(6) + parsed.packed)
    body = parsed.packed + bytes((TARGET_LINK_LAYER, 1)) + hardware
    message = struct.pack("!BBHI", ADVERTISEMENT, 0, 0, OVERRIDE) + body
    pseudo = parsed.packed + ALL_NODES_ADDRESS + struct.pack("!II", len(message), ICMPV6)
    message = message[:2] + struct.pack("!H", _checksum(pseudo + message)) + message[4:]
    header = struct.pack("!IHBB", 0x60000000, len(message), ICMPV6, HOP_LIMIT) + parsed.packed + ALL_NODES_ADDRESS
    return ALL_NODES + hardware + IPV6.to_bytes(2, "big") + header + message


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
