# SPDX-License-Identifier: Apache-2.0
"""The connection of a process to the message bus: made at first use, again after a fork, with a bounded wait."""
from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from oslo_config import cfg

from flock.core.errors import Unavailable
from flock.foreign.messaging import opener_of_answers
from flock.jobs.pool import BoundedPool
from flock.rpc import options
from flock.rpc.messaging import oslo_messaging

LOG = logging.getLogger(__name__)
OPEN_RETRY_S = 1.0


class Transport:
    """One bus for all clients and servers of a process. Threads and sockets appear with the first use."""

    def __init__(self, conf: cfg.ConfigOpts, url: str | None = None, exchange: str | None = None) -> None:
        options.register(conf)
        self.conf = conf
        self.url = url
        self.exchange: str = exchange or conf.rpc.exchange
        self.payload_max_bytes: int = conf.rpc.payload_max_bytes
        self.cast_timeout_s: int = conf.rpc.cast_timeout_s
        self._lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._messaging: Any = None
        self._answers_open = threading.Event()
        self._opener: threading.Thread | None = None
        self._closed = False
        self._clients: dict[tuple[str | None, ...], Any] = {}
        self.calls = BoundedPool("rpc-call", self.conf.rpc.calls_in_flight_max)

    @property
    def messaging(self) -> Any:
        """The oslo.messaging transport of this process."""
        with self._lock:
            if self._pid != os.getpid():
                self._reset()
            if self._messaging is None:
                self._messaging = oslo_messaging.get_rpc_transport(self.conf, url=self.url)
            return self._messaging

    def client(self, target: Any) -> Any:
        """oslo.messaging's client for calls to ``target``; the same one for equal targets."""
        messaging = self.messaging
        key = (target.topic, target.server, target.namespace, target.version, str(target.fanout))
        found = self._clients.get(key)
        if found is None:
            found = self._clients[key] = oslo_messaging.get_rpc_client(messaging, target)
        return found

    def wait_for_answers(self, timeout_s: float) -> None:
        """Wait until answers can reach this process; Unavailable when that takes longer than ``timeout_s``.

        One thread opens the queue of answers ahead of the first call, so callers wait outside, bounded, and send
        nothing late.
        """
        opening = opener_of_answers(self.messaging)
        if self._answers_open.is_set():
            return
        if opening is None:
            self._answers_open.set()
            return
        with self._lock:
            if self._opener is None or not self._opener.is_alive():
                self._opener = threading.Thread(target=self._open, args=(opening,), name="rpc-open", daemon=True)
                self._opener.start()
        if not self._answers_open.wait(timeout_s):
            raise Unavailable(service="message bus", reason="no connection")

    def _open(self, opening: Callable[[], Any]) -> None:
        while not self._closed:
            try:
                opening()
            except Exception as exc:  # noqa: BLE001 - whatever the driver throws, the next try may pass
                LOG.warning("the message bus cannot be reached: %s", exc)
                time.sleep(OPEN_RETRY_S)
            else:
                self._answers_open.set()
                return

    def close(self, timeout_s: float = 5.0) -> None:
        """Close connections; calls in flight get ``timeout_s`` to end."""
        self._closed = True
        self.calls.stop(timeout_s)
        messaging, self._messaging = self._messaging, None
        self._clients.clear()
        if messaging is None:
            return
        # Closing talks to the broker, which may be away: in a thread that nobody has to wait for.
        closing = threading.Thread(target=_quietly, args=(messaging.cleanup,), name="rpc-close", daemon=True)
        closing.start()
        closing.join(timeout_s)


def _quietly(function: Callable[[], Any]) -> None:
    try:
        function()
    except Exception as exc:  # noqa: BLE001 - the process is leaving, a broken socket is no news
        LOG.debug("closing the message bus: %s", exc)


def transport(conf: cfg.ConfigOpts, url: str | None = None, exchange: str | None = None) -> Transport:
    """The bus named by ``transport_url`` in ``conf`` (or by ``url``). Connects at first use, so a fork may follow."""
    return Transport(conf, url, exchange)
