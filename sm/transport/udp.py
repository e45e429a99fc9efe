# SPDX-License-Identifier: Apache-2.0
"""The UDP sockets of one path: bound to its device and address, multicast or unicast; no error here is raised."""
from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Callable

from sm.transport import sieve
from sm.transport.settings import DATAGRAM_MAX, PathLink

DSCP_CS6 = 48 << 2
RECEIVE_BUFFER_BYTES = 256 * 1024
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE = 10, 23, 3
_IP_MULTICAST_ALL, _IPV6_MULTICAST_ALL = 49, 29
_HARMLESS = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH,
                       errno.ENETDOWN, errno.EPERM, errno.EMSGSIZE})
"""Errors of a sending that a new socket would have as well."""
Source = tuple[str, int]


def device_index(name: str) -> int | None:
    """The kernel's index of a network device; None while there is none of that name."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return None


def canonical(address: str) -> str:
    """An address as the kernel spells it."""
    return str(ipaddress.ip_address(address))


class PathSockets:
    """``own`` sends everything and receives unicast; ``group`` receives multicast. Both are None while closed."""

    def __init__(self, link: PathLink) -> None:
        self.link = link
        self.own: socket.socket | None = None
        self.group: socket.socket | None = None
        self.error = ""
        """Why the path cannot be opened, or what its last failed sending met; empty after a success."""
        self.worn = False
        """A sending failed in a way that new sockets may cure."""
        self._sieve = sieve.program((peer.address, peer.port) for peer in link.peers)
        self._dropped_before = 0
        self._index: int | None = None
        self._targets: dict[tuple[str, int], tuple[str, int] | tuple[str, int, int, int]] = {}

    def open(self) -> bool:
        """Open what is closed; False with ``error`` set when that is not possible now."""
        self.close()
        self._index = device_index(self.link.device)
        self._targets.clear()
        if self._index is None:
            self.error = f"there is no device {self.link.device}"
            return False
        try:
            self.own = self._bound(self.link.address)
            if self.link.group is not None:
                self._send_multicast(self.own, self._index)
                self.group = self._bound(self.link.group)
                self._join(self.group, self.link.group, self._index)
        except OSError as error:
            self.close()
            self.error = f"{self.link.device}, {self.link.address}: {error.strerror}"
            return False
        self.error, self.worn = "", False
        return True

    def close(self) -> None:
        """Close the sockets."""
        self._dropped_before = self.dropped
        for sock in (self.own, self.group):
            if sock is not None:
                sock.close()
        self.own = self.group = None

    @property
    def is_current(self) -> bool:
        """Whether the sockets are open, and on the device that has the name now."""
        return self.own is not None and not self.worn and device_index(self.link.device) == self._index

    @property
    def dropped(self) -> int:
        """How many datagrams the kernel has dropped on this path: of strangers, and more than the buffer holds."""
        return self._dropped_before + sum(sieve.dropped(sock) for sock in (self.own, self.group) if sock is not None)

    def send(self, data: bytes, address: str, port: int) -> bool:
        """Send a datagram; False when it could not leave."""
        if self.own is None:
            return False
        try:
            self.own.sendto(data, self._targets.get((address, port)) or self._target(address, port))
        except OSError as error:
            self.error = f"{self.link.device} to {address}: {error.strerror}"
            self.worn = self.worn or error.errno not in _HARMLESS
            return False
        self.error = ""
        return True

    def _target(self, address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        """The address as sockets take it, remembered while they are open."""
        if self.link.is_ipv6:
            parsed = ipaddress.ip_address(address)
            local = parsed.is_link_local or parsed.is_multicast
            self._targets[address, port] = address, port, 0, (self._index or 0) if local else 0
        else:
            self._targets[address, port] = address, port
        return self._targets[address, port]

    def _bound(self, address: str) -> socket.socket:
        ipv6 = self.link.is_ipv6
        sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET,
                             socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.link.device.encode() + b"\0")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            sieve.attach(sock, self._sieve)
            if ipv6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, DSCP_CS6)
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE)
            else:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, DSCP_CS6)
                sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_PROBE)
            sock.bind(self._target(address, self.link.port))
        except OSError:
            sock.close()
            raise
        return sock

    def _send_multicast(self, sock: socket.socket, index: int) -> None:
        if self.link.is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            return
        own = socket.inet_aton(self.link.address)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("@4s4si", b"\0" * 4, own, index))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)

    def _join(self, sock: socket.socket, group: str, index: int) -> None:
        if self.link.is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                            struct.pack("@16si", socket.inet_pton(socket.AF_INET6, group), index))
            return
        sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        struct.pack("@4s4si", socket.inet_aton(group), b"\0" * 4, index))


def drain(sock: socket.socket, most: int, take: Callable[[bytes, Source], None]) -> int:
    """Give at most ``most`` waiting datagrams to ``take``; returns how many reads that took."""
    for count in range(most):
        try:
            data, source = sock.recvfrom(DATAGRAM_MAX + 1)
        except BlockingIOError:
            return count
        except OSError:
            # A refusal of an earlier sending, or the device has gone; what is to be done then shows elsewhere.
            continue
        take(data, (source[0], source[1]))
    return most
