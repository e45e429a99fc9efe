# SPDX-License-Identifier: Apache-2.0
"""The system log and the trap agent: each delivers one payload or raises, within a bounded time."""
from __future__ import annotations

import json
import socket
from typing import Any

from flock.core.errors import Unavailable
from fm.core import notice

TIMEOUT_S = 5.0
LOCAL5_INFO = (21 << 3) | 6
SYSLOG_PORT = 514


class SystemLog:
    """One JSON line per event, facility LOCAL5, to a local socket (path) or a server (``host[:port]``) by UDP."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._peer = None if address.startswith("/") else server_address(address)

    def __call__(self, payload: dict[str, Any]) -> None:
        line = f"<{LOCAL5_INFO}>fmEvent: {notice.log_line(payload)}".encode()
        try:
            if self._peer is None:
                _send(line, socket.AF_UNIX, self._address)
                return
            family, _, _, _, peer = socket.getaddrinfo(*self._peer, type=socket.SOCK_DGRAM)[0]
            _send(line, family, peer)
        except OSError as error:
            raise Unavailable(service=f"system log {self._address}", reason=str(error)) from error


def server_address(text: str) -> tuple[str, int]:
    """Host and port of ``host``, ``host:port`` or ``[address]:port``; ValueError for anything else."""
    host, mark, port = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "")
    host = host.strip("[]")
    if not host or (mark and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise ValueError("[fm] syslog_address: must be a path, or host[:port]")
    return host, int(port) if mark else SYSLOG_PORT


def _send(line: bytes, family: int, peer: Any) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as channel:
        channel.settimeout(TIMEOUT_S)
        channel.sendto(line, peer)


class TrapAgent:
    """Sends each message to the agent that turns it into an SNMP trap: length, JSON, no answer."""

    def __init__(self, host: str, port: int, region_name: str, system_name: str) -> None:
        self._peer = (host, port)
        self._names = (region_name, system_name)

    def __call__(self, payload: dict[str, Any]) -> None:
        warm = payload.get("kind") == notice.WARM_START_KIND
        message = notice.WARM_START if warm else notice.trap_message(payload, *self._names)
        data = json.dumps(message).encode()
        try:
            with socket.create_connection(self._peer, timeout=TIMEOUT_S) as connection:
                connection.sendall(len(data).to_bytes(4, "big") + data)
        except OSError as error:
            raise Unavailable(service="trap agent", reason=str(error)) from error
