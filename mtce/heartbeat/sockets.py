# SPDX-License-Identifier: Apache-2.0
"""UDP sockets of the pulse protocol: multicast through one interface, read without blocking."""
from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

DATAGRAM_MAX_BYTES = 1_500
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
DRAIN_MAX = 20_000
_SO_RCVBUFFORCE = 33
_IP_MULTICAST_ALL = 49


def interface_index(name: str) -> int | None:
    """Return the kernel index of an interface; None while it does not exist."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return None


def link_is_up(name: str, sys_class_net: Path = Path("/sys/class/net")) -> bool:
    """Whether the interface has a carrier; unknown counts as up."""
    try:
        return (sys_class_net / name / "carrier").read_bytes().strip() != b"0"
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.EINVAL)


def bound(port: int) -> socket.socket:
    """Return a non-blocking UDP socket on ``port`` with a large receive buffer; ``confine`` it to an interface."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    sock.bind(("", port))
    return sock


def confine(sock: socket.socket, interface: str) -> None:
    """Take datagrams from ``interface`` only. OSError when it has gone, or, for another interface than before,
    without CAP_NET_RAW."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")


def send_through(sock: socket.socket, index: int) -> None:
    """Send multicast of ``sock`` through the interface ``index``, without loopback."""
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("@4s4si", b"\0" * 4, b"\0" * 4, index))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)


def join(sock: socket.socket, group: str, index: int) -> None:
    """Receive ``group`` on the interface ``index`` only; may be called again."""
    sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
    try:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        struct.pack("@4s4si", socket.inet_aton(group), b"\0" * 4, index))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise


def drain(sock: socket.socket) -> Iterator[tuple[bytes, tuple[str, int]]]:
    """Yield the waiting datagrams, at most ``DRAIN_MAX``."""
    receive = sock.recvfrom
    for _ in range(DRAIN_MAX):
        try:
            yield receive(DATAGRAM_MAX_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH):
                raise


def send(sock: socket.socket, data: bytes, address: tuple[str, int]) -> bool:
    """Send a datagram; drops it and returns False when the buffer is full or there is no route."""
    try:
        sock.sendto(data, address)
    except OSError:
        return False
    return True
