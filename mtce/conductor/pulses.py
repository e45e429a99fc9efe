# SPDX-License-Identifier: Apache-2.0
"""The conductor's end of the heartbeat socket: says whom to monitor, passes levels on, reconnects for ever.

What is wanted is kept here as a whole. The whole list goes out after a reconnect and every few seconds, and every
present level comes back: whatever one side has lost is there again with the next list. A heartbeat daemon that does not
answer a list before the next one is due counts as not connected.
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
from flock.jobs.worker import Worker
from mtce.contract.records import MtcAlive
from mtce.core.view import Level, MaintainedHost, Network

LOG = logging.getLogger(__name__)
RECONNECT_S = 0.5
CONNECT_TIMEOUT_S = 2.0
SYNC_S = 10.0
LINE_MAX_BYTES = 2 * 1024 * 1024
OnLevel = Callable[[str, Network, Level, int], None]
"""uuid, network, level, epoch."""
OnAlive = Callable[[MtcAlive], None]
_ALIVE = codec_for(MtcAlive)


class PulseClient:
    """``watch`` from any thread; ``on_level`` and ``on_alive`` are called in this client's own thread."""

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
        """Disconnect; the heartbeat daemon goes on monitoring."""
        self._worker.leave()
        with self._lock:
            if self._sock is not None:
                _shut(self._sock)
        self._worker.stop(CONNECT_TIMEOUT_S)

    def session(self) -> int:
        """Counts connections; 0 unless connected, every level has been heard since, and the last list was answered."""
        return self._sessions if self._synced else 0

    def watch(self, view: MaintainedHost) -> None:
        """Monitor the host as its view says."""
        if not view.monitored:
            self.forget(view.uuid)
            return
        host = {"uuid": view.uuid, "hostname": view.hostname, "networks": [str(name) for name in view.networks()],
                "epoch": view.epoch}
        with self._lock:
            if self._wanted.get(view.uuid) != host:
                self._wanted[view.uuid] = host
                self._send({"op": "start", "host": host})

    def forget(self, uuid: str) -> None:
        """Monitor the host no more."""
        with self._lock:
            if self._wanted.pop(uuid, None) is not None:
                self._send({"op": "stop", "uuid": uuid})

    def _send(self, message: dict[str, Any]) -> None:
        """With the lock held. Does not wait: what does not fit ends the connection; the next begins with the list."""
        if self._sock is None:
            return
        data = _line(message)
        try:
            if self._sock.send(data, socket.MSG_DONTWAIT) == len(data):
                return
            LOG.warning("heartbeat does not keep up")
        except OSError as error:
            LOG.warning("heartbeat: %s", error)
        _shut(self._sock)
        self._sock = None

    def _converse(self) -> float:
        """One connection from beginning to end; returns the pause before the next."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(CONNECT_TIMEOUT_S)
            try:
                sock.connect(self._path)
            except OSError as error:
                raise OSError(f"heartbeat is not reached at {self._path}: {error}") from error
            try:
                self._listen(sock)
            finally:
                self._synced = False
                with self._lock:
                    self._sock = None
        return RECONNECT_S

    def _send_list(self, sock: socket.socket) -> None:
        """The whole list, again while it changes meanwhile; only then single changes follow."""
        while True:
            with self._lock:
                self._sock, wanted = None, dict(self._wanted)
            sock.sendall(_line({"op": "hosts", "hosts": list(wanted.values())}))
            with self._lock:
                if wanted == self._wanted:
                    self._sock = sock
                    return

    def _listen(self, sock: socket.socket) -> None:
        """Until the connection ends, by whichever side; OSError when a list is not answered."""
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
            message = json.loads(line)
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
            LOG.warning("heartbeat said something strange: %s", error)


    def _hear_alive(self, uuid: str, document: Any) -> None:
        """Signed with the key of host ``uuid``, so it must speak of that host."""
        alive = _ALIVE.from_document(document, "alive")
        if alive.host_uuid != uuid:
            raise ValueError(f"host {uuid} speaks for host {alive.host_uuid[:36]}")
        self._on_alive(alive)


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        LOG.debug("the heartbeat socket was closed already")
