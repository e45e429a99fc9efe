# SPDX-License-Identifier: Apache-2.0
"""Listens on one topic: makes its queues and bindings, and makes them again when its own messages do not arrive."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from flock.core.backoff import Backoff
from flock.core.errors import Unavailable
from flock.foreign.messaging import QueueMissing, consumers_of, give_back_requests, tune_listener, use_executor
from flock.jobs.pool import BoundedPool
from flock.jobs.worker import Worker
from flock.rpc import echo, metrics
from flock.rpc.bus import Transport
from flock.rpc.messaging import oslo_messaging
from flock.rpc.proxy import send_cast

LOG = logging.getLogger(__name__)
LISTEN_RETRY_S = 2.0
# No caller waits that long, because stop() has its own limit; this one only makes the stopping thread end eventually.
SHUTDOWN_MAX_S = 3600.0
# Servers of this listener that still end the requests they had accepted; more are not begun.
ENDING_MAX = 3


class TopicListener:
    """The oslo.messaging server of one topic; a thread creates it because the creation waits for the broker.

    The same thread sends echoes, or looks after the queue of a host. ``heard`` is called with each echo that arrives.
    """

    def __init__(self, transport: Transport, topic: str, server_name: str, endpoints: Sequence[Any], threads_max: int,
                 *, routes: tuple[str, ...], echo_interval_s: float, heard: Callable[[], None] | None = None) -> None:
        self.ready = threading.Event()
        self.topic = topic
        self._transport = transport
        transport.serves(topic)
        self._threads_max = threads_max
        self._target = oslo_messaging.Target(exchange=transport.exchange, topic=topic, server=server_name)
        self._echoes = echo.Echoes(server_name, lambda: transport.account, routes, echo_interval_s, time.monotonic,
                                   heard)
        self._endpoints = [*endpoints, echo.endpoint(self._echoes, lambda origin: self._send(echo.OWN, origin))]
        self._worker = Worker(f"rpc-listen-{topic}", self._work, Backoff(LISTEN_RETRY_S, LISTEN_RETRY_S))
        self._lock = threading.Lock()
        self._server: Any = None
        self._ending: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to listen; ``ready`` is set when the topic is served."""
        self._worker.start()

    def trouble(self) -> str | None:
        """Why requests do not reach this listener; None while its echoes do."""
        why = self._worker.trouble()
        if not self.ready.is_set():
            return why or f"the message bus is not connected (topic {self.topic})"
        silent_s = self._echoes.silent_s()
        if not silent_s:
            return None
        return f"own messages to topic {self.topic} have not arrived for {silent_s:.0f} s" + (f": {why}" if why else "")

    def _work(self) -> float:
        """Listen, or send an echo. The worker calls this again after a failure of the broker."""
        if self._server is None:
            self._listen()
            return 0.0
        lost = self._echoes.lost()
        if lost and self._may_listen_anew():
            LOG.warning("own messages to topic %s do not arrive (%s queue); listening anew", self.topic,
                        " and ".join(lost))
            metrics.LISTENED_ANEW.labels(self.topic).inc()
            self.ready.clear()
            self._end_server()
            self._listen()
        try:
            if self._transport.makes_queues:
                for route in self._echoes.routes:
                    self._send(route, self._echoes.origin)
                    self._echoes.was_sent(route)
            else:
                self._look()
        except Unavailable:
            # The broker is away, so earlier echoes may be lost; the driver connects again by itself.
            self._echoes.begin()
            raise
        return self._echoes.interval_s

    def _send(self, route: str, origin: str) -> None:
        """Send an echo of ``origin``; Unavailable when the broker does not take it in time."""
        server = origin if route == echo.OWN else None
        target = oslo_messaging.Target(exchange=self._transport.requests_exchange, topic=self.topic, server=server,
                                       namespace=echo.NAMESPACE, version=echo.VERSION)
        send_cast(self._transport, target, "echo", f"an echo over topic {self.topic}", origin=origin, route=route)

    def _look(self) -> None:
        """Ask the broker whether the queue of a host has a consumer: a host sends nothing to its own queues."""
        try:
            count = consumers_of(self._transport.messaging, self.topic)
        except (oslo_messaging.MessagingException, QueueMissing, OSError) as exc:
            raise Unavailable(service=f"rpc topic {self.topic}", reason=str(exc)) from exc
        for route in self._echoes.routes:
            self._echoes.was_sent(route)
            if count:
                self._echoes.heard(route)

    def _listen(self) -> None:
        """Create the server, with the queues and bindings of the topic."""
        try:
            server = oslo_messaging.get_rpc_server(
                self._transport.messaging, self._target, self._endpoints,
                access_policy=oslo_messaging.ExplicitRPCAccessPolicy)
            use_executor(server, lambda max_workers: _Executor(max_workers, self._echoes.was_busy))
            server.start(override_pool_size=self._threads_max)
            tune_listener(server)
        except (oslo_messaging.MessagingException, QueueMissing) as exc:
            raise Unavailable(service=f"rpc topic {self.topic}", reason=str(exc)) from exc
        self._echoes.begin()
        with self._lock:
            self._server = server
            late = self._worker.leaving
        if late:
            stop_and_wait(server)
        else:
            self.ready.set()
            LOG.info("rpc topic %s is served", self.topic)

    def _may_listen_anew(self) -> bool:
        self._ending = [thread for thread in self._ending if thread.is_alive()]
        return len(self._ending) < ENDING_MAX

    def _end_server(self) -> None:
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            thread = threading.Thread(target=stop_and_wait, args=(server,), daemon=True,
                                      name=f"rpc-stop-{self.topic}")
            self._ending.append(thread)
            thread.start()

    def begin_stop(self) -> None:
        """Accept no more requests."""
        self._worker.leave()
        self._end_server()

    def finish_stop(self, timeout_s: float) -> bool:
        """True when the running requests ended within ``timeout_s``."""
        self.ready.clear()
        deadline = time.monotonic() + timeout_s
        for thread in self._ending:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._ending)


class _Executor:
    """The executor in which oslo.messaging runs requests: few threads when idle, and a limit on accepted requests.

    oslo.messaging's default executor starts all threads, wakes each of them every second, and has an unbounded queue.
    Calls ``busy`` while a request waits for a thread.
    """

    def __init__(self, max_workers: int, busy: Callable[[], None]) -> None:
        self._pool = BoundedPool("rpc-serve", max_workers)
        self._busy = busy

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run ``function``. Blocks the listener while all threads are busy, so the broker keeps further requests."""
        try:
            return self._pool.submit(function, *args)
        except Unavailable:
            while not self._pool.stopped:
                self._busy()
                try:
                    return self._pool.submit_when_free(1.0, function, *args)
                except Unavailable:
                    continue
                finally:
                    self._busy()
            raise

    def shutdown(self, wait: bool = True) -> None:
        """Let all accepted requests end: they are acknowledged, so the broker will not deliver them again."""
        self._pool.stop(SHUTDOWN_MAX_S if wait else 0.0, drain=True)


def stop_and_wait(server: Any) -> None:
    """Stop an oslo.messaging server, give back what the broker had sent ahead, and wait for the running requests."""
    for step in (server.stop, lambda: give_back_requests(server), server.wait):
        try:
            step()
        except Exception as exc:  # noqa: BLE001 - the broker may be gone; the process stops serving this topic anyway
            LOG.debug("stopping an rpc server: %s", exc)
