# SPDX-License-Identifier: Apache-2.0
"""Reads UDP sockets as they become readable, each at most so often: a flood costs a limited share of CPU time."""
from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_MS = 10

Read = Callable[[int, int], int]
"""``read(now_ms, most)`` reads at most ``most`` datagrams at monotonic ``now_ms`` and returns how many it read."""


@dataclass(slots=True)
class _Reader:
    sock: socket.socket
    read: Read
    per_window: int
    window_ms: int
    left: int


class Intake:
    """Registers sockets with ``selector``; one that had its share rests until the next window of WINDOW_MS.

    ``clock`` returns monotonic milliseconds. A registered key's data is a function of the event mask.
    """

    def __init__(self, selector: selectors.BaseSelector, clock: Callable[[], int]) -> None:
        self._selector = selector
        self._clock = clock
        self._resting: list[_Reader] = []

    def add(self, sock: socket.socket, read: Read, per_window: int) -> None:
        """Read ``sock`` whenever it is readable, at most ``per_window`` datagrams in a window."""
        self._listen(_Reader(sock, read, per_window, self._clock(), per_window))

    def wake(self, now_ms: int) -> None:
        """Listen again to the sockets whose window is over; call after each select."""
        over = [reader for reader in self._resting if now_ms - reader.window_ms >= WINDOW_MS]
        self._resting = [reader for reader in self._resting if reader not in over]
        for reader in over:
            self._listen(reader)

    def wake_ms(self) -> int | None:
        """Return when ``wake`` is due; None while no socket rests."""
        return min((reader.window_ms + WINDOW_MS for reader in self._resting), default=None)

    def _listen(self, reader: _Reader) -> None:
        self._selector.register(reader.sock, selectors.EVENT_READ, lambda _: self._serve(reader))

    def _serve(self, reader: _Reader) -> None:
        now = self._clock()
        if now - reader.window_ms >= WINDOW_MS:
            reader.window_ms, reader.left = now, reader.per_window
        reader.left -= reader.read(now, reader.left)
        if reader.left <= 0:
            self._selector.unregister(reader.sock)
            self._resting.append(reader)
