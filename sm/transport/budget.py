# SPDX-License-Identifier: Apache-2.0
"""Reads a socket of an event loop as it becomes readable, at most so often in a time: a flood costs a limited share."""
from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

WINDOW_MS = 10
CALL_MAX = 50
"""Datagrams that one call reads, so that the loop comes round to the others."""

Read = Callable[[socket.socket, int], int]
"""``read(sock, most)`` takes at most ``most`` datagrams and returns how many it took."""


class BudgetReader:
    """Calls ``read`` when ``sock`` is readable, for at most ``per_window`` datagrams in WINDOW_MS; then it rests."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, read: Read, per_window: int) -> None:
        self._loop = loop
        self._sock = sock
        self._read = read
        self._per_window = per_window
        self._left = per_window
        self._window_s = loop.time()
        self._rest: asyncio.TimerHandle | None = None
        self._closed = False
        loop.add_reader(sock, self._readable)

    def close(self) -> None:
        """Read no more; the socket stays open."""
        self._closed = True
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._sock)

    def _readable(self) -> None:
        now = self._loop.time()
        if now - self._window_s >= WINDOW_MS / 1_000:
            self._window_s, self._left = now, self._per_window
        self._left -= self._read(self._sock, min(CALL_MAX, self._left))
        if self._left <= 0 and not self._closed:
            self._loop.remove_reader(self._sock)
            self._rest = self._loop.call_at(self._window_s + WINDOW_MS / 1_000, self._resume)

    def _resume(self) -> None:
        self._rest = None
        self._loop.add_reader(self._sock, self._readable)
