# SPDX-License-Identifier: Apache-2.0
"""Ethernet frames about the owner of an address: probes, announcements and what an answer says. Pure functions."""
from __future__ import annotations

import ipaddress
import struct

from sm.addresses.kernel import Address

ARP, IPV6 = 0x0806, 0x86DD
_BROADCAST = b"\xff" * 6
_ETHERNET, _ARP = struct.Struct("!6s6sH"), struct.Struct("!HHBBH6s4s6s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_REQUEST, _REPLY = 1, 2
_ICMPV6, _SOLICITATION, _ADVERTISEMENT = 58, 135, 136
_TARGET_LINK, _OVERRIDE = 2, 0x20000000
_ALL_NODES = ipaddress.IPv6Address("ff02::1").packed
_NOBODY4, _NOBODY6 = bytes(4), bytes(16)


def protocol(address: Address) -> int:
    """The Ethernet protocol of frames about ``address``."""
    return ARP if address.version == 4 else IPV6


def announcements(address: Address, mac: bytes) -> list[bytes]:
    """Tell the network that ``mac`` has ``address`` now: gratuitous ARP, or an unsolicited advertisement."""
    if address.version == 4:
        # As request and as reply: some switches and hosts heed only one of them.
        return [_arp(kind, mac, address.packed, target, address.packed)
                for kind, target in ((_REQUEST, bytes(6)), (_REPLY, mac))]
    option = struct.pack("!BB6s", _TARGET_LINK, 1, mac)
    body = struct.pack("!BBHI", _ADVERTISEMENT, 0, 0, _OVERRIDE) + address.packed + option
    return [_icmpv6(mac, address.packed, _ALL_NODES, body)]


def probe(address: Address, mac: bytes) -> bytes:
    """Ask whether anybody has ``address``, without claiming it (RFC 5227, RFC 4862)."""
    if address.version == 4:
        return _arp(_REQUEST, mac, _NOBODY4, bytes(6), address.packed)
    group = ipaddress.IPv6Address("ff02::1:ff00:0").packed[:13] + address.packed[13:]
    return _icmpv6(mac, _NOBODY6, group, struct.pack("!BBHI", _SOLICITATION, 0, 0, 0) + address.packed)


def owner(frame: bytes, address: Address, mac: bytes) -> str | None:
    """Who else has ``address``, or is about to take it, according to a received frame; None when it says nothing."""
    if len(frame) < _ETHERNET.size:
        return None
    _, source, kind = _ETHERNET.unpack_from(frame)
    data = frame[_ETHERNET.size:]
    if kind == ARP and address.version == 4 and len(data) >= _ARP.size:
        operation, sender, sender_address, _, target = _ARP.unpack_from(data)[4:]
        claims = sender_address == address.packed
        probes = operation == _REQUEST and sender_address == _NOBODY4 and target == address.packed
        return _shown(sender) if (claims or probes) and sender != mac else None
    if kind == IPV6 and address.version == 6 and len(data) >= _IPV6.size + 24:
        _, _, following, _, sent_from, _ = _IPV6.unpack_from(data)
        message, target = data[_IPV6.size], data[_IPV6.size + 8:_IPV6.size + 24]
        claims = message == _ADVERTISEMENT or (message == _SOLICITATION and sent_from == _NOBODY6)
        if following == _ICMPV6 and claims and target == address.packed and source != mac:
            return _shown(source)
    return None


def _shown(mac: bytes) -> str:
    return mac.hex(":")


def _arp(operation: int, mac: bytes, sender: bytes, target_mac: bytes, target: bytes) -> bytes:
    head = _ETHERNET.pack(_BROADCAST, mac, ARP)
    return head + _ARP.pack(1, 0x0800, 6, 4, operation, mac, sender, target_mac, target)


def _icmpv6(mac: bytes, source: bytes, group: bytes, body: bytes) -> bytes:
    pseudo = source + group + struct.pack("!I3xB", len(body), _ICMPV6)
    body = body[:2] + struct.pack("!H", _checksum(pseudo + body)) + body[4:]
    head = _ETHERNET.pack(b"\x33\x33" + group[12:], mac, IPV6)
    return head + _IPV6.pack(0x60000000, len(body), _ICMPV6, 255, source, group) + body


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
