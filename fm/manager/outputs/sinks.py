# SPDX-License-Identifier: Apache-2.0
"""The outputs themselves: each delivers one payload or raises, within a bounded time."""
from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import requests

from flock.core.errors import Unavailable
from fm.core import notice

TIMEOUT_S = 5.0
LOCAL5_INFO = (21 << 3) | 6
SYSLOG_PORT = 514


class SystemLog:
    """One JSON line per event, facility LOCAL5, to a local socket (path) or a server (``host:port``) by UDP."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __call__(self, payload: dict[str, Any]) -> None:
        line = f"<{LOCAL5_INFO}>fmEvent: {notice.log_line(payload)}".encode()
        try:
            if self._address.startswith("/"):
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
                    local.settimeout(TIMEOUT_S)
                    local.sendto(line, str(Path(self._address)))
                return
            host, _, port = self._address.rpartition(":")
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as remote:
                remote.sendto(line, (host.strip("[]"), int(port or SYSLOG_PORT)))
        except OSError as error:
            raise Unavailable(service=f"system log {self._address}", reason=str(error)) from error


class Webhook:
    """POSTs the message of Prometheus Alertmanager; any answer of 2xx is delivered, anything else is tried again."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, payload: dict[str, Any]) -> None:
        try:
            body = notice.webhook_body(payload)
            reply = requests.post(self._url, json=body, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            raise Unavailable(service="webhook", reason=type(error).__name__) from error
        if not 200 <= reply.status_code < 300:
            raise Unavailable(service="webhook", reason=f"HTTP {reply.status_code}")


class TrapAgent:
    """Sends each message to the agent that turns it into an SNMP trap: length, JSON, no answer."""

    def __init__(self, host: str, port: int, region_name: str, system_name: str) -> None:
        self._peer = (host, port)
        self._names = (region_name, system_name)

    def __call__(self, payload: dict[str, Any]) -> None:
        warm = payload.get("kind") == "warmStart"
        message = notice.WARM_START if warm else notice.trap_message(payload, *self._names)
        data = json.dumps(message).encode()
        try:
            with socket.create_connection(self._peer, timeout=TIMEOUT_S) as connection:
                connection.sendall(len(data).to_bytes(4, "big") + data)
        except OSError as error:
            raise Unavailable(service="trap agent", reason=str(error)) from error
