# SPDX-License-Identifier: Apache-2.0
"""Adds, removes and lists addresses of interfaces through rtnetlink: an audit of an address starts no program.

The kernel answers at once; the time limit is for a kernel that does not.
"""
from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from sm.addresses import netlink
from sm.addresses.netlink import ACK, CREATE, DUMP, REPLACE, REQUEST, attribute

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FOREVER = 0xFFFFFFFF
GLOBAL, LINK = 0, 253
"""RT_SCOPE_UNIVERSE and RT_SCOPE_LINK of linux/rtnetlink.h."""
ANSWER_S = 5.0
ANSWER_BYTES = 1 << 20
_ADDRESS = struct.Struct("=BBBBI")
_NEW, _DELETE, _GET = 20, 21, 22
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_CACHEINFO, _IFA_FLAGS = 1, 2, 4, 6, 8
_FLAG_SECONDARY, _FLAG_NODAD, _FLAG_DAD_FAILED, _FLAG_TENTATIVE = 0x01, 0x02, 0x08, 0x40


@dataclass(frozen=True, slots=True)
class Held:
    """An address of an interface; ``usable`` unless the kernel found a duplicate or is still looking for one.

    ``scope``: how far it is valid, as a number of rtnetlink. ``secondary``: an IPv4 address of a network of which the
    interface has had another one before.
    """

    address: Address
    prefix: int
    index: int
    usable: bool
    scope: int = field(default=GLOBAL, compare=False)
    secondary: bool = field(default=False, compare=False)


def held(address: Address) -> list[Held]:
    """Where this machine has ``address``: one entry for each interface. Raises OSError."""
    return [found for found in _all(_family(address)) if found.address == address]


def _all(family: int) -> list[Held]:
    return [found for message in _asked(_GET, REQUEST | DUMP, _ADDRESS.pack(family, 0, 0, 0, 0))
            if (found := _held(message, family)) is not None]


def scope_of(address: Address, prefix: int, index: int, here: Iterable[Held]) -> int:
    """The scope that a new address gets.

    The kernel takes no address whose scope differs from that of another one of the same network on the interface;
    without one, a link-local address is valid on its link.
    """
    network = ipaddress.ip_interface((address, prefix)).network
    for found in here:
        if found.index == index and _network(found) == network:
            return found.scope
    return LINK if address.is_link_local else GLOBAL


def add(address: Address, prefix: int, index: int, preferred_s: int = FOREVER) -> None:
    """Add the address to the interface, or change the one that is there; the kernel looks for no duplicate.

    ``preferred_s``: 0 keeps programs from using it as the source of new connections. Raises OSError.
    """
    attributes = attribute(_IFA_LOCAL, address.packed) + attribute(_IFA_ADDRESS, address.packed)
    attributes += attribute(_IFA_CACHEINFO, struct.pack("=IIII", preferred_s, FOREVER, 0, 0))
    if isinstance(address, ipaddress.IPv6Address):
        attributes += attribute(_IFA_FLAGS, struct.pack("=I", _FLAG_NODAD))
    elif prefix < 31:
        broadcast = ipaddress.IPv4Interface((address, prefix)).network.broadcast_address
        attributes += attribute(_IFA_BROADCAST, broadcast.packed)
    family = _family(address)
    # For IPv6 the kernel finds the scope itself.
    scope = scope_of(address, prefix, index, _all(family)) if family == socket.AF_INET else GLOBAL
    head = _ADDRESS.pack(family, prefix, 0, scope, index)
    _asked(_NEW, REQUEST | ACK | CREATE | REPLACE, head + attributes)


def remove(found: Held) -> None:
    """Remove the address from its interface, and no other: IPv4 addresses of the same network stay. Raises OSError."""
    if isinstance(found.address, ipaddress.IPv4Address) and not found.secondary:
        _keep_secondaries(found, _all(socket.AF_INET))
    attributes = attribute(_IFA_LOCAL, found.address.packed) + attribute(_IFA_ADDRESS, found.address.packed)
    head = _ADDRESS.pack(_family(found.address), found.prefix, 0, 0, found.index)
    _asked(_DELETE, REQUEST | ACK, head + attributes)


def _keep_secondaries(first: Held, here: Iterable[Held]) -> None:
    """The first address of a network takes the others of the interface with it, unless the kernel is told otherwise.

    Where there are no others, nothing is written: the setting is read-only in a container, and the address must go.
    """
    network = _network(first)
    if not any(found.secondary and found.index == first.index and _network(found) == network for found in here):
        return
    path = f"/proc/sys/net/ipv4/conf/{socket.if_indextoname(first.index)}/promote_secondaries"
    with open(path, encoding="ascii") as setting:
        kept = setting.read().strip() != "0"
    if not kept:
        with open(path, "w", encoding="ascii") as setting:
            setting.write("1")


def _network(found: Held) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_interface((found.address, found.prefix)).network


def _family(address: Address) -> int:
    return socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6


def _held(message: bytes, family: int) -> Held | None:
    found, prefix, flags, scope, index = _ADDRESS.unpack_from(message)
    attributes = netlink.attributes(message[_ADDRESS.size:])
    packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
    if found != family or packed is None:
        return None
    if _IFA_FLAGS in attributes:
        flags = struct.unpack("=I", attributes[_IFA_FLAGS])[0]
    return Held(ipaddress.ip_address(packed), prefix, index, not flags & (_FLAG_DAD_FAILED | _FLAG_TENTATIVE),
                scope, family == socket.AF_INET and bool(flags & _FLAG_SECONDARY))


def _asked(kind: int, flags: int, body: bytes) -> list[bytes]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asking:
        asking.settimeout(ANSWER_S)
        asking.bind((0, 0))
        asking.send(netlink.request(kind, flags, body))
        answers: list[bytes] = []
        while True:
            for answered, payload in netlink.messages(asking.recv(ANSWER_BYTES)):
                if answered == netlink.DONE:
                    return answers
                if answered == netlink.ERROR:
                    number = -struct.unpack_from("=i", payload)[0]
                    if number:
                        raise OSError(number, os.strerror(number))
                    return answers
                answers.append(payload)
