# SPDX-License-Identifier: Apache-2.0
"""The conductor's end of the heartbeat socket: sends the hosts to monitor, receives levels, reconnects for ever.

Keeps the whole list of hosts to monitor. Sends it after each reconnect and every few seconds; mtce-heartbeat replies
with every present level, so the next list restores what either side has lost. mtce-heartbeat counts as disconnected
when it does not reply to a list before the next one is due.
"""
from __future__ import annotations

import json
import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from flock.core.backoff import Backoff
from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.core.parse import parse_json
from flock.jobs.worker import Worker
from mtce.contract.records import MtcAlive
from mtce.core.view import Level, MaintainedHost, Network

LOG = logging.getLogger(__name__)
RECONNECT_S = 0.5
CONNECT_TIMEOUT_S = 2.0
SYNC_S = 10.0
LINE_MAX_BYTES = 2 * 1024 * 1024
OnLevel = Callable[[str, Network, Level, int], None]
"""Arguments: uuid, network, level, epoch."""
OnAlive = Callable[[MtcAlive], None]
_ALIVE = codec_for(MtcAlive)


class PulseClient:
    """Accepts ``watch`` from any thread; calls ``on_level`` and ``on_alive`` in its own thread."""

    def __init__(self, path: str, on_level: OnLevel, on_alive: OnAlive, sync_s: float = SYNC_S) -> None:
        self._path = path
        self._sync_s = sync_s
        self._on_level = on_level
        self._on_alive = on_alive
        self._lock = threading.Lock()
        self._wanted: dict[str, dict[str, Any]] = {}
        self._sock: socket.socket | None = None
        self._synced = False
        self._sessions = 0
        self._answered = True
        self._worker = Worker("mtce-pulses", self._converse, Backoff(RECONNECT_S, RECONNECT_S))

    def start(self) -> None:
        """Connect in the background."""
        self._worker.start()

    def stop(self) -> None:
        """Disconnect; mtce-heartbeat continues to monitor."""
        self._worker.leave()
        with self._lock:
            if self._sock is not None:
                _shut(self._sock)
        self._worker.stop(CONNECT_TIMEOUT_S)

    def session(self) -> int:
        """Return the number of the connection; 0 without one, and until every level has arrived on it."""
        return self._sessions if self._synced else 0

    def watch(self, view: MaintainedHost) -> None:
        """Monitor the host according to its view."""
        if not view.monitored:
            self.forget(view.uuid)
            return
        host = {"uuid": view.uuid, "hostname": view.hostname, "networks": [str(name) for name in view.networks()],
                "epoch": view.epoch, "addresses": _addresses(view)}
        with self._lock:
            if self._wanted.get(view.uuid) != host:
                self._wanted[view.uuid] = host
                self._send({"op": "start", "host": host})

    def forget(self, uuid: str) -> None:
        """Stop monitoring the host."""
        with self._lock:
            if self._wanted.pop(uuid, None) is not None:
                self._send({"op": "stop", "uuid": uuid})

    def _send(self, message: dict[str, Any]) -> None:
        """Send with the lock held, without waiting. A full socket ends the connection; the next one sends the list."""
        if self._sock is None:
            return
        data = _line(message)
        try:
            if self._sock.send(data, socket.MSG_DONTWAIT) == len(data):
                return
            LOG.warning("mtce-heartbeat does not keep up")
        except OSError as error:
            LOG.warning("heartbeat: %s", error)
        _shut(self._sock)
        self._sock = None

    def _converse(self) -> float:
        """Serve one connection until it ends; returns the seconds to wait before the next."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(CONNECT_TIMEOUT_S)
            try:
                sock.connect(self._path)
            except OSError as error:
                raise OSError(f"cannot connect to mtce-heartbeat at {self._path}: {error}") from error
            try:
                self._listen(sock)
            finally:
                self._synced = False
                with self._lock:
                    self._sock = None
        return RECONNECT_S

    def _send_list(self, sock: socket.socket) -> None:
        """Send the whole list, again if it changes meanwhile; afterwards single changes are sent directly."""
        while True:
            with self._lock:
                self._sock, wanted = None, dict(self._wanted)
            sock.sendall(_line({"op": "hosts", "hosts": list(wanted.values())}))
            with self._lock:
                if wanted == self._wanted:
                    self._sock = sock
                    return

    def _listen(self, sock: socket.socket) -> None:
        """Receive until either side ends the connection; OSError when mtce-heartbeat does not reply to a list."""
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        rest, next_list, self._answered = b"", 0.0, True
        while not self._worker.leaving:
            now = time.monotonic()
            if now >= next_list:
                if not self._answered:
                    raise OSError(f"heartbeat does not answer within {self._sync_s:g} s")
                self._answered, next_list = False, now + self._sync_s
                self._send_list(sock)
            if not poll.poll(1000 * max(0.0, next_list - time.monotonic())):
                continue
            data = sock.recv(65536)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > LINE_MAX_BYTES:
                raise OSError("a line without end")
            for line in lines:
                self._hear(line)

    def _hear(self, line: bytes) -> None:
        try:
            message = parse_json(line)
            if message["event"] == "synced":
                if not self._synced:
                    LOG.info("heartbeat is connected")
                    self._sessions += 1
                self._synced = self._answered = True
            elif message["event"] == "level":
                self._on_level(message["uuid"], Network(message["network"]), Level(message["level"]),
                               int(message["epoch"]))
            elif message["event"] == "alive":
                self._hear_alive(message["uuid"], message["alive"])
        except (ValueError, KeyError, TypeError, InvalidInput) as error:
            LOG.warning("mtce-heartbeat sent an invalid line: %s", error)


    def _hear_alive(self, uuid: str, document: Any) -> None:
        """Accept an mtcAlive signed with the key of host ``uuid`` only when it describes that host."""
        alive = _ALIVE.from_document(document, "alive")
        if alive.host_uuid != uuid:
            raise ValueError(f"host {uuid} sent an mtcAlive of host {alive.host_uuid[:36]}")
        self._on_alive(alive)


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        LOG.debug("the heartbeat socket was closed already")


def _addresses(view: MaintainedHost) -> dict[str, str]:
    """The addresses to which mtce-heartbeat can send pulses when multicast does not arrive; it speaks IPv4."""
    known = {Network.MGMT: view.mgmt_ip, Network.CLUSTER_HOST: view.cluster_host_ip}
    return {str(network): known[network] or "" for network in view.networks() if "." in (known[network] or "")}
