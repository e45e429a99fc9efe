# SPDX-License-Identifier: Apache-2.0
"""Pings the targets of each path once a second: tells a network that is cut off at its switch from a silent peer."""
from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from sm.core.reachability import PROBE_MS, Reachability
from sm.transport.budget import BudgetReader
from sm.transport.settings import PathLink
from sm.transport.udp import canonical

LOG = logging.getLogger(__name__)
READS_PER_WINDOW = 20
TOKEN_BYTES = 16
_ECHO = struct.Struct("!BBHHH")
_REQUEST_4, _ANSWER_4, _REQUEST_6, _ANSWER_6 = 8, 0, 128, 129
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1

OnReachable = Callable[[str, bool | None], None]
"""``on_reachable(path, reachable)`` on each change; None: not known."""


def request(ipv6: bool, token: bytes) -> bytes:
    """A ping with a random token, by which its answer is known. IPv6 checksums are the kernel's work."""
    kind = _REQUEST_6 if ipv6 else _REQUEST_4
    blank = _ECHO.pack(kind, 0, 0, 0, 0) + token
    return blank if ipv6 else _ECHO.pack(kind, 0, _checksum(blank), 0, 0) + token


def token_in(data: bytes, ipv6: bool) -> bytes | None:
    """The token in an answer to a ping, as a raw socket gives it; None for anything else."""
    if not ipv6:
        data = data[(data[0] & 15) * 4:] if data else b""
    if len(data) != _ECHO.size + TOKEN_BYTES or data[0] != (_ANSWER_6 if ipv6 else _ANSWER_4):
        return None
    return data[_ECHO.size:]


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


@dataclass(slots=True)
class _Probed:
    link: PathLink
    known: Reachability
    told: bool | None = None
    sock: socket.socket | None = None
    reader: BudgetReader | None = None
    tokens: dict[str, bytes] = field(default_factory=dict)


class Prober:
    """Probes the paths that have targets. What goes wrong on one path is no news of the others."""

    def __init__(self, links: tuple[PathLink, ...], on_reachable: OnReachable) -> None:
        self._on_reachable = on_reachable
        self._rows = [_Probed(link, Reachability()) for link in links if link.targets]
        for row in self._rows:
            row.known.watch(canonical(target) for target in row.link.targets)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Probe from now on, in the running event loop."""
        if self._rows:
            self._probe(asyncio.get_running_loop())

    def stop(self) -> None:
        """Probe no more."""
        if self._timer is not None:
            self._timer.cancel()
        for row in self._rows:
            _close(row)

    def _probe(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(PROBE_MS / 1_000, self._probe, loop)
        for row in self._rows:
            if row.sock is None:
                self._open(row, loop)
            left = [self._ping(row, target) for target in row.known.targets]
            if not any(left):
                # The device or its address may have been replaced.
                _close(row)
            self._tell(row)

    def _ping(self, row: _Probed, target: str) -> bool:
        """Whether a ping has left; one that has not counts as unanswered too."""
        row.known.on_probe(target)
        row.tokens[target] = secrets.token_bytes(TOKEN_BYTES)
        if row.sock is None:
            return False
        try:
            row.sock.sendto(request(row.link.is_ipv6, row.tokens[target]), (target, 0))
        except OSError:
            return False
        return True

    def _open(self, row: _Probed, loop: asyncio.AbstractEventLoop) -> None:
        ipv6 = row.link.is_ipv6
        family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if ipv6 else (socket.AF_INET, socket.IPPROTO_ICMP)
        try:
            row.sock = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
            row.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, row.link.device.encode() + b"\0")
            if ipv6:
                wanted = [0xFFFFFFFF] * 8
                wanted[_ANSWER_6 >> 5] &= ~(1 << (_ANSWER_6 & 31))
                row.sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("@8I", *wanted))
            else:
                row.sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("@I", 0xFFFFFFFF & ~(1 << _ANSWER_4)))
            row.sock.bind((row.link.address, 0))
        except OSError as error:
            LOG.debug("path %s cannot be probed: %s", row.link.name, error)
            _close(row)
            return

        def read(sock: socket.socket, most: int) -> int:
            return self._read(row, sock, most)

        row.reader = BudgetReader(loop, row.sock, read, READS_PER_WINDOW)

    def _read(self, row: _Probed, sock: socket.socket, most: int) -> int:
        for count in range(most):
            try:
                data, source = sock.recvfrom(2_048)
            except BlockingIOError:
                return count
            except OSError:
                continue
            expected = row.tokens.get(source[0])
            if expected is not None and token_in(data, row.link.is_ipv6) == expected:
                row.known.on_answer(source[0])
                self._tell(row)
        return most

    def _tell(self, row: _Probed) -> None:
        if row.known.reachable is not row.told:
            row.told = row.known.reachable
            self._on_reachable(row.link.name, row.told)


def _close(row: _Probed) -> None:
    if row.reader is not None:
        row.reader.close()
        row.reader = None
    if row.sock is not None:
        row.sock.close()
        row.sock = None
