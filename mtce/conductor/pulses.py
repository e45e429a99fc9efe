# SPDX-License-Identifier: Apache-2.0
"""The conductor's end of the heartbeat socket: says whom to monitor, passes levels on, reconnects for ever.

What is wanted is kept here as a whole; after a reconnect the whole list goes out and every present level comes back,
so a heartbeat daemon or a conductor that was killed loses nothing.
"""
from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from mtce.contract.records import MtcAlive
from mtce.core.view import Level, MaintainedHost, Network

LOG = logging.getLogger(__name__)
RECONNECT_S = 0.5
CONNECT_TIMEOUT_S = 2.0
LINE_MAX_BYTES = 2 * 1024 * 1024
OnLevel = Callable[[str, Network, Level, int], None]
"""uuid, network, level, epoch."""
OnAlive = Callable[[MtcAlive], None]
_ALIVE = codec_for(MtcAlive)


class PulseClient:
    """``watch`` from any thread; ``on_level`` and ``on_alive`` are called in this client's own thread."""

    def __init__(self, path: str, on_level: OnLevel, on_alive: OnAlive) -> None:
        self._path = path
        self._on_level = on_level
        self._on_alive = on_alive
        self._lock = threading.Lock()
        self._wanted: dict[str, dict[str, Any]] = {}
        self._sock: socket.socket | None = None
        self._synced = False
        self._sessions = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Connect in the background."""
        self._thread = threading.Thread(target=self._run, name="mtce-pulses", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Disconnect; the heartbeat daemon goes on monitoring."""
        self._stopping.set()
        with self._lock:
            if self._sock is not None:
                _shut(self._sock)
        if self._thread is not None:
            self._thread.join(CONNECT_TIMEOUT_S)

    def session(self) -> int:
        """Counts connections; 0 unless connected and every level has been heard since."""
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
        """With the lock held. A failure ends the connection; the next one begins with the whole list."""
        if self._sock is None:
            return
        try:
            self._sock.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            LOG.warning("heartbeat: %s", error)
            _shut(self._sock)

    def _run(self) -> None:
        told = False
        while not self._stopping.is_set():
            try:
                self._converse()
                told = False
            except OSError as error:
                if not told:
                    LOG.warning("heartbeat is not reached at %s: %s", self._path, error)
                    told = True
            except Exception:  # noqa: BLE001 - a defect in a handler must not end monitoring
                LOG.exception("conversation with heartbeat failed")
            self._stopping.wait(RECONNECT_S)

    def _converse(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(CONNECT_TIMEOUT_S)
            sock.connect(self._path)
            with self._lock:
                self._sock = sock
                self._send({"op": "hosts", "hosts": list(self._wanted.values())})
            try:
                self._listen(sock)
            finally:
                self._synced = False
                with self._lock:
                    self._sock = None

    def _listen(self, sock: socket.socket) -> None:
        sock.settimeout(None)
        rest = b""
        while data := sock.recv(65536):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > LINE_MAX_BYTES:
                raise OSError("a line without end")
            for line in lines:
                self._hear(line)

    def _hear(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            if message["event"] == "synced":
                LOG.info("heartbeat is connected")
                self._sessions += 1
                self._synced = True
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


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        LOG.debug("the heartbeat socket was closed already")
