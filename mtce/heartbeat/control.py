# SPDX-License-Identifier: Apache-2.0
"""The unix socket that receives the hosts to monitor and reports their levels: one JSON object per line.

In:  ``{"op": "hosts", "hosts": [{"uuid", "hostname", "networks", "epoch", "addresses"}]}`` (the whole list, repeated;
     ``addresses`` are the host's IPv4 addresses by network, and may be missing),
     ``{"op": "start", "host": {"uuid", …}}``, ``{"op": "stop", "uuid"}``.
Out: ``{"event": "level", "uuid", "network", "epoch", "level", "misses"}`` and, after a list, every present level
     followed by ``{"event": "synced"}``; ``{"event": "alive", "uuid", "alive": {…}}`` for each mtcAlive.
Levels are states, not edges: repeating one is harmless.
"""
from __future__ import annotations

import ipaddress
import json
import logging
import socket
import uuid as uuid_module
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flock.core.parse import parse_json
from mtce.core.heartbeat import Change, Watch
from mtce.heartbeat.codec import NETWORKS
from mtce.heartbeat.sockets import bound_unix

LOG = logging.getLogger(__name__)
CLIENTS_MAX = 4
HOSTNAME_MAX = 255
LINE_MAX_BYTES = 2 * 1024 * 1024
BACKLOG_MAX_BYTES = 4 * 1024 * 1024


class BadRequest(ValueError):
    """An invalid line; the text names the field and the rule."""


def parse_watch(value: Any) -> Watch:
    """Return a host entry; raises BadRequest that names the field."""
    if not isinstance(value, dict):
        raise BadRequest("host: must be an object")
    try:
        host_uuid = str(uuid_module.UUID(value.get("uuid")))
    except (ValueError, TypeError, AttributeError):
        raise BadRequest("uuid: must be a UUID") from None
    hostname = value.get("hostname")
    if not isinstance(hostname, str) or not 0 < len(hostname) <= HOSTNAME_MAX:
        raise BadRequest(f"hostname: must have 1 to {HOSTNAME_MAX} characters")
    networks, epoch = value.get("networks"), value.get("epoch")
    if not isinstance(networks, list) or not networks or any(name not in NETWORKS for name in networks):
        raise BadRequest(f"networks: must be a list of {' and '.join(NETWORKS)}")
    if not isinstance(epoch, int) or isinstance(epoch, bool):
        raise BadRequest("epoch: must be a whole number")
    return Watch(host_uuid, hostname, tuple(networks), epoch, _parse_addresses(value.get("addresses")))


def _parse_addresses(value: Any) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict) or any(name not in NETWORKS for name in value):
        raise BadRequest(f"addresses: must be an object with keys of {' and '.join(NETWORKS)}")
    found = []
    for network, text in value.items():
        try:
            address = ipaddress.IPv4Address(text if isinstance(text, str) else "")
        except ValueError:
            raise BadRequest(f"addresses.{network}: must be an IPv4 address") from None
        if address.is_multicast or address.is_unspecified or int(address) == 0xFFFFFFFF:
            raise BadRequest(f"addresses.{network}: must be the address of one host")
        found.append((network, str(address)))
    return tuple(found)


def level_line(change: Change) -> bytes:
    """Return the message for one level."""
    return json.dumps({"event": "level", "uuid": change.uuid, "network": change.network, "epoch": change.epoch,
                       "level": change.level, "misses": change.misses}).encode() + b"\n"


def alive_line(uuid: str, payload: bytes) -> bytes:
    """Return the message for an mtcAlive; empty when the host's agent sent anything but a JSON object."""
    try:
        alive = parse_json(payload)
        if not isinstance(alive, dict):
            return b""
        return json.dumps({"event": "alive", "uuid": uuid, "alive": alive}).encode() + b"\n"
    except (ValueError, RecursionError):
        # The encoder reaches its limit of nesting before the parser does.
        return b""


class Client:
    """One connected conductor."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.incoming = bytearray()
        self.outgoing = bytearray()

    def send(self, data: bytes) -> bool:
        """Queue and send; returns False when the conductor is too slow or disconnected."""
        if len(self.outgoing) + len(data) > BACKLOG_MAX_BYTES:
            return False
        self.outgoing += data
        return self.flush()

    def flush(self) -> bool:
        """Send queued lines; returns False when the conductor is disconnected."""
        try:
            while self.outgoing:
                del self.outgoing[:self.sock.send(self.outgoing)]
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def lines(self) -> list[bytes] | None:
        """Return the complete lines received; None when the conductor disconnected or sent an overlong line."""
        try:
            while data := self.sock.recv(65536):
                self.incoming += data
                if len(self.incoming) > LINE_MAX_BYTES:
                    return None
            return None
        except BlockingIOError:
            pass
        except OSError:
            return None
        *lines, rest = self.incoming.split(b"\n")
        self.incoming = bytearray(rest)
        return [bytes(line) for line in lines if line.strip()]


class ControlServer:
    """Listens at ``path`` (mode 0600) and keeps at most ``CLIENTS_MAX`` connections; a new one displaces the oldest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sock = bound_unix(path, socket.SOCK_STREAM)
        self.sock.listen(CLIENTS_MAX)
        self.clients: list[Client] = []

    def accept(self) -> list[Client]:
        """Accept waiting connections; returns those it closed to make room."""
        while True:
            try:
                sock, _ = self.sock.accept()
            except (BlockingIOError, OSError):
                break
            sock.setblocking(False)
            self.clients.append(Client(sock))
        displaced = self.clients[:-CLIENTS_MAX]
        for client in displaced:
            self.drop(client)
        return displaced

    def drop(self, client: Client) -> None:
        """Close and remove a connection."""
        client.sock.close()
        if client in self.clients:
            self.clients.remove(client)

    def broadcast(self, data: bytes) -> list[Client]:
        """Send whole lines to every client; returns those it closed because they were too slow."""
        gone = [client for client in self.clients if not client.send(data)]
        for client in gone:
            self.drop(client)
        return gone

    def close(self) -> None:
        """Stop listening and remove the socket file."""
        for client in list(self.clients):
            self.drop(client)
        self.sock.close()
        self.path.unlink(missing_ok=True)


def obey(line: bytes, *, watch_all: Callable[[list[Watch]], None], watch: Callable[[Watch], None],
         unwatch: Callable[[str], None]) -> bool:
    """Carry out one line; returns True when the reply must contain all present levels. Raises BadRequest."""
    try:
        request = parse_json(line)
    except ValueError:
        raise BadRequest("line: must be JSON") from None
    if not isinstance(request, dict):
        raise BadRequest("line: must be an object")
    operation = request.get("op")
    if operation == "hosts":
        hosts = request.get("hosts")
        if not isinstance(hosts, list):
            raise BadRequest("hosts: must be a list")
        watch_all([parse_watch(host) for host in hosts])
        return True
    if operation == "start":
        watch(parse_watch(request.get("host")))
    elif operation == "stop":
        unwatch(str(request.get("uuid")))
    else:
        raise BadRequest("op: must be hosts, start or stop")
    return False
