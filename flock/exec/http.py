# SPDX-License-Identifier: Apache-2.0
"""Limits for HTTP requests to servers that others wrote, such as BMCs and receivers of webhooks."""
from __future__ import annotations

import contextlib
import io
import socket
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool


class DeadlineAdapter(HTTPAdapter):
    """Breaks its connections ``limit_s`` seconds after its creation or ``restart``; ``expired`` is true from then on.

    A time limit for all requests of one task together, also while the server sends the head of a reply slowly: the
    timeouts of requests restart with every byte, and a head may have 100 lines of 64 KiB. Does not limit a TLS
    handshake, only its single reads. ``close`` ends the timer.
    """

    def __init__(self, limit_s: float) -> None:
        self.expired = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = self._started(limit_s)
        super().__init__()

    def restart(self, limit_s: float) -> None:
        """Begin another task, whose limit is ``limit_s``; keeps connections open for it."""
        self.stop()
        with self._lock:
            self.expired = False
            self._sockets = [one for one in self._sockets if one.fileno() >= 0]
        self._timer = self._started(limit_s)

    def stop(self) -> None:
        """End the timer, because the task has ended."""
        self._timer.cancel()

    def _started(self, limit_s: float) -> threading.Timer:
        timer = threading.Timer(limit_s, self._expire)
        timer.daemon = True
        timer.start()
        return timer

    def init_poolmanager(self, *args: Any, **words: Any) -> None:
        """Make the pools, whose connections report their sockets."""
        super().init_poolmanager(*args, **words)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _watched(HTTPConnectionPool, self), "https": _watched(HTTPSConnectionPool, self)}

    def send(self, *args: Any, **words: Any) -> requests.Response:
        """Send a request. A redirect comes without its body: requests would read all of it, even when it does not
        follow the redirect."""
        response = super().send(*args, **words)
        if response.is_redirect:
            response.close()
            response.raw = io.BytesIO()
        return response

    def close(self) -> None:
        """Close the connections and end the timer."""
        self.stop()
        super().close()

    def watch(self, opened: socket.socket) -> None:
        """Break ``opened`` at the time limit; at once when it has passed."""
        with self._lock:
            self._sockets.append(opened)
            if self.expired:
                _break(opened)

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            for opened in self._sockets:
                _break(opened)


def _break(opened: socket.socket) -> None:
    """End a read that waits in another thread; a closed socket stays closed."""
    with contextlib.suppress(OSError, ValueError):
        opened.shutdown(socket.SHUT_RDWR)


def _watched(pool: type[HTTPConnectionPool], adapter: DeadlineAdapter) -> type[HTTPConnectionPool]:
    base: Any = pool.ConnectionCls

    class Watched(base):  # type: ignore[misc]  # a class of urllib3 that is chosen at run time
        def connect(self) -> None:
            super().connect()
            adapter.watch(self.sock)

    return type(f"Watched{pool.__name__}", (pool,), {"ConnectionCls": Watched})
