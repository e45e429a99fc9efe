# SPDX-License-Identifier: Apache-2.0
"""Sockets of the pulse protocol: multicast through one interface, read without blocking; and local unix sockets."""
from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

DATAGRAM_MAX_BYTES = 1_500
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
DRAIN_MAX = 20_000
_SO_RCVBUFFORCE = 33
_IP_MULTICAST_ALL = 49
_IP_PKTINFO = 8
_PKTINFO = struct.Struct("@i4s4s")
_ORIGIN_SPACE = socket.CMSG_SPACE(_PKTINFO.size)
LOOPBACK = "lo"


def bound_unix(path: Path, kind: socket.SocketKind) -> socket.socket:
    """Return a non-blocking unix socket at ``path`` (mode 0600); replaces a socket that an ended process left there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
    sock = socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    mask = os.umask(0o177)
    try:
        sock.bind(str(path))
    finally:
        os.umask(mask)
    return sock


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


def bound(port: int, buffer_bytes: int = RECEIVE_BUFFER_BYTES) -> socket.socket:
    """A non-blocking UDP socket on ``port`` with a receive buffer of that size; ``confine`` it to an interface."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    sock.bind(("", port))
    return sock


def confine(sock: socket.socket, interface: str) -> None:
    """Take datagrams from ``interface`` only. OSError when it has gone, or, for another interface than before,
    without CAP_NET_RAW.

    Not on loopback, which no stranger reaches: the kernel gives a datagram to another address of this machine the
    interface of that address.
    """
    if interface == LOOPBACK:
        return
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


def unbound() -> socket.socket:
    """Return a non-blocking UDP socket on a port of the kernel's choice."""
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)


def source_address(index: int, group: str) -> str | None:
    """Return the address that multicast to ``group`` through the interface ``index`` comes from; None without one.

    That of a socket which is confined to the interface: another one could get the address of another interface.
    """
    with unbound() as probe:
        try:
            confine(probe, socket.if_indextoname(index))
            send_through(probe, index)
            probe.connect((group, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def tell_interface(sock: socket.socket) -> None:
    """Have the kernel tell for each datagram by which interface it came, for ``drain_through``."""
    sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def drain_through(sock: socket.socket, most: int) -> Iterator[tuple[bytes, str, int]]:
    """Yield data, source address and interface index of at most ``most`` waiting datagrams; 0 for no interface."""
    for _ in range(most):
        try:
            data, told, _, (address, _) = sock.recvmsg(DATAGRAM_MAX_BYTES, _ORIGIN_SPACE)
        except BlockingIOError:
            return
        yield data, address, _PKTINFO.unpack(told[0][2])[0] if told else 0


def drain(sock: socket.socket, most: int = DRAIN_MAX) -> Iterator[tuple[bytes, tuple[str, int]]]:
    """Yield at most ``most`` waiting datagrams."""
    receive = sock.recvfrom
    for _ in range(most):
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
