# SPDX-License-Identifier: Apache-2.0
"""Receives mtcAlives of this host's agent on a local datagram socket and keeps the latest for the senders of pulses.

Sends it once to each sender, as the answer to a pulse on cluster-host: the pulse's nonce protects it against replay.
"""
from __future__ import annotations

import socket
from pathlib import Path

from mtce.contract.records import MTCALIVE_MAX_BYTES
from mtce.heartbeat.sockets import bound_unix

FRESH_MS = 10_000
DRAIN_MAX = 64


class AliveNote:
    """Keeps the latest mtcAlive received at ``path`` (mode 0600); times are monotonic milliseconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._payload = b""
        self._at_ms = 0
        self._served: set[str] = set()
        self.sock = bound_unix(path, socket.SOCK_DGRAM)

    def on_readable(self, now_ms: int) -> None:
        """Receive all waiting mtcAlives and keep the latest."""
        for _ in range(DRAIN_MAX):
            try:
                payload = self.sock.recv(MTCALIVE_MAX_BYTES + 1)
            except BlockingIOError:
                return
            if 0 < len(payload) <= MTCALIVE_MAX_BYTES:
                self._payload, self._at_ms = payload, now_ms
                self._served.clear()

    def due(self, address: str, now_ms: int) -> bytes | None:
        """Return the mtcAlive if the sender at ``address`` has not got it yet; serves ."""
        if not self._payload or now_ms - self._at_ms > FRESH_MS:
            return None
        if address in self._served:
            return None
        self._served.add(address)
        return self._payload

    def close(self) -> None:
        """Stop listening and remove the socket file."""
        self.sock.close()
        self._path.unlink(missing_ok=True)
