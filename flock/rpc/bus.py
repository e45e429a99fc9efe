# SPDX-License-Identifier: Apache-2.0
"""The connection of a process to the message bus; connects at first use and again after a fork, with bounded waits."""
from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oslo_config import cfg

from flock.core.errors import Unavailable
from flock.foreign.messaging import Checkpoint, install_checkpoint, reply_queue_opener
from flock.jobs.pool import BoundedPool
from flock.rpc import options
from flock.rpc.accounts import SenderKind, inlet, reply_prefix, reply_queues, requests_exchange, sender_of
from flock.rpc.gate import Gate, Rates
from flock.rpc.messaging import oslo_messaging
from flock.rpc.replies import ReplyLimits
from flock.rpc.replyqueue import ReplyQueueLock

LOG = logging.getLogger(__name__)
OPEN_RETRY_S = 1.0


class Transport:
    """The bus connection of all clients and servers of a process. Starts threads and opens sockets at first use."""

    def __init__(self, conf: cfg.ConfigOpts, url: str | None = None, exchange: str | None = None) -> None:
        options.register(conf)
        self.conf = conf
        self.url = url
        self.exchange: str = exchange or conf.rpc.exchange
        self.payload_max_bytes: int = conf.rpc.payload_max_bytes
        self.cast_timeout_s: int = conf.rpc.cast_timeout_s
        self.echo_interval_s: int = conf.rpc.echo_interval_s
        self._lock = threading.Lock()
        self._topics: set[str] = set()
        self._queue_lock = ReplyQueueLock(Path(conf.rpc.reply_locks_dir))
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._queue_lock.release()
        self._messaging: Any = None
        self._reply_queue_open = threading.Event()
        self._opener: threading.Thread | None = None
        self._no_replies = ""
        self._closed = False
        self.account = ""
        self.names_itself = False
        rates = Rates.of(self.conf.rpc)
        self.gate = Gate(rates)
        self._replies = ReplyLimits(rates, self.gate.note)
        self._clients: dict[tuple[str | None, ...], Any] = {}
        self.calls = BoundedPool("rpc-call", self.conf.rpc.calls_in_flight_max)

    @property
    def messaging(self) -> Any:
        """The oslo.messaging transport of this process."""
        with self._lock:
            if self._pid != os.getpid():
                self._reset()
            if self._messaging is None:
                made = oslo_messaging.get_rpc_transport(self.conf, url=self.url)
                self.account = _account(self.conf, self.url)
                checkpoint = Checkpoint(
                    self.account, self.makes_queues, self._reply_queue if self.makes_queues else self._host_reply_queue,
                    self.gate.request, self.gate.reply, self._topics.__contains__, self._inlet, self._replies)
                # A driver without a broker has no validated user ids; it reaches only this process.
                self.names_itself = not install_checkpoint(made, checkpoint)
                self._messaging = made
            return self._messaging

    @property
    def requests_exchange(self) -> str:
        """The exchange to which this process sends requests; that of its host where it has a host's account."""
        return requests_exchange(self.account or _account(self.conf, self.url), self.exchange)

    @property
    def makes_queues(self) -> bool:
        """Whether this process makes its queues; those of a host are held ready for it. Known once ``messaging`` is."""
        return self.names_itself or sender_of(self.account).kind is not SenderKind.HOST

    def serves(self, topic: str) -> None:
        """A server of this process will take requests to ``topic``, also those of hosts."""
        self._topics.add(topic)

    def _inlet(self, queue: str) -> str | None:
        return inlet(queue, self.exchange) if queue in self._topics else None

    def _reply_queue(self) -> str:
        return reply_prefix(self.account) + uuid.uuid4().hex

    def _host_reply_queue(self) -> str:
        """One of those that the broker holds ready; no other process of this host uses it while this one lives."""
        return self._queue_lock.take(reply_queues(self.account))

    def client(self, target: Any) -> Any:
        """oslo.messaging's client for calls to ``target``; equal targets share one client."""
        messaging = self.messaging
        key = (target.topic, target.server, target.namespace, target.version)
        found = self._clients.get(key)
        if found is None:
            found = self._clients[key] = oslo_messaging.get_rpc_client(messaging, target)
        return found

    def wait_for_replies(self, timeout_s: float) -> None:
        """Wait until replies can reach this process; Unavailable when that takes longer than ``timeout_s``.

        A separate thread opens the reply queue before the first call, so a caller's wait is bounded and the caller
        sends nothing after its deadline.
        """
        opening = reply_queue_opener(self.messaging)
        if self._reply_queue_open.is_set():
            return
        if opening is None:
            self._reply_queue_open.set()
            return
        with self._lock:
            if self._opener is None or not self._opener.is_alive():
                self._opener = threading.Thread(target=self._open, args=(opening,), name="rpc-open", daemon=True)
                self._opener.start()
        if not self._reply_queue_open.wait(timeout_s):
            raise Unavailable(service="message bus", reason=self._no_replies or "no connection")

    def _open(self, opening: Callable[[], Any]) -> None:
        while not self._closed:
            try:
                opening()
            except Exception as exc:  # noqa: BLE001 - the driver may raise anything; the next attempt may succeed
                LOG.warning("the message bus cannot be reached: %s", exc)
                self._no_replies = str(exc.params["reason"]) if isinstance(exc, Unavailable) else str(exc)
                time.sleep(OPEN_RETRY_S)
            else:
                self._reply_queue_open.set()
                return

    def close(self, timeout_s: float = 5.0) -> None:
        """Close connections; wait up to ``timeout_s`` for calls in flight."""
        self._closed = True
        self.calls.stop(timeout_s)
        messaging, self._messaging = self._messaging, None
        self._clients.clear()
        if messaging is None:
            return
        # Closing sends to the broker, which may be away; a daemon thread does it so that the wait here is bounded.
        closing = threading.Thread(target=_quietly, args=(messaging.cleanup,), name="rpc-close", daemon=True)
        closing.start()
        closing.join(timeout_s)
        self._queue_lock.release()


def _account(conf: cfg.ConfigOpts, url: str | None) -> str:
    """The account of the URL, which is the user id of every message."""
    hosts = oslo_messaging.TransportURL.parse(conf, url).hosts
    return hosts[0].username or "" if hosts else ""


def _quietly(function: Callable[[], Any]) -> None:
    try:
        function()
    except Exception as exc:  # noqa: BLE001 - the process is ending; a broken socket no longer matters
        LOG.debug("closing the message bus: %s", exc)


def transport(conf: cfg.ConfigOpts, url: str | None = None, exchange: str | None = None) -> Transport:
    """The bus at ``transport_url`` of ``conf`` or at ``url``. Connects at first use, so the process may still fork."""
    return Transport(conf, url, exchange)
