# SPDX-License-Identifier: Apache-2.0
"""The server side: binds implementation objects to their interfaces and serves in a bounded number of threads."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from oslo_context import context as oslo_context

from flock.core.backoff import Backoff
from flock.core.errors import FlockError, InvalidInput, RemoteError, Unavailable
from flock.foreign.messaging import give_back_requests, tune_listener, use_executor
from flock.jobs.pool import BoundedPool
from flock.jobs.worker import Worker
from flock.rpc import envelope, metrics, text
from flock.rpc.accounts import topic_of_host
from flock.rpc.bus import Transport
from flock.rpc.errors import Undecodable
from flock.rpc.gate import HostnameOf, Permit
from flock.rpc.interface import interface_spec
from flock.rpc.messaging import oslo_messaging
from flock.rpc.signature import Signature, signatures
from flock.rpc.versions import DESCRIBE_NAMESPACE, DESCRIBE_VERSION, description

LOG = logging.getLogger(__name__)
LISTEN_RETRY_S = 2.0
# No caller waits that long, because stop() has its own limit; this one only makes the stopping thread end eventually.
SHUTDOWN_MAX_S = 3600.0
ERROR_MAX_BYTES = 1024 * 1024


class Server:
    """Serves ``{Interface: implementation}`` under ``server_name``, with ``threads_max`` threads per topic.

    While all threads are busy, further requests wait in the broker (a few are prefetched), so memory stays bounded.
    Refuses requests whose sender the interface does not permit. ``hostname_of(uuid)`` is the hostname, None for an
    unknown host; without it, hosts may send nothing about a uuid.
    """

    def __init__(self, transport: Transport, server_name: str, implementations: Mapping[type, Any],
                 threads_max: int = 16, hostname_of: HostnameOf | None = None) -> None:
        self.transport = transport
        self.server_name = server_name
        self.threads_max = threads_max
        self._by_topic: dict[str, dict[type, Any]] = {}
        for interface, implementation in implementations.items():
            _check_complete(interface, implementation)
            spec = interface_spec(interface)
            topic = topic_of_host(spec.topic, server_name) if spec.per_host else spec.topic
            self._by_topic.setdefault(topic, {})[interface] = implementation
        self._hostname_of = hostname_of
        self._listeners: list[_TopicListener] = []
        self._stopped = threading.Event()

    def start(self, ready_timeout_s: float = 10.0) -> bool:
        """Begin to listen; True once all topics are served, False when the bus stays away for ``ready_timeout_s``.

        After False, the server keeps trying and begins to listen as soon as the bus is reachable.
        """
        if self._listeners:
            raise RuntimeError(f"server {self.server_name} is already started")
        self._stopped.clear()
        self._listeners = [
            _TopicListener(self.transport, topic, self.server_name, members, self.threads_max, self._hostname_of)
            for topic, members in self._by_topic.items()
        ]
        for listener in self._listeners:
            listener.start()
        return self.wait_ready(ready_timeout_s)

    def wait_ready(self, timeout_s: float) -> bool:
        """True when all topics are served within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        return all(listener.ready.wait(max(0.0, deadline - time.monotonic())) for listener in self._listeners)

    @property
    def ready(self) -> bool:
        """True when all topics are served."""
        return bool(self._listeners) and all(listener.ready.is_set() for listener in self._listeners)

    def stop(self, timeout_s: float = 30.0) -> bool:
        """Accept no more requests and let the running ones end and reply; True when all ended within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.begin_stop()
        ended = all([listener.finish_stop(max(0.0, deadline - time.monotonic())) for listener in listeners])
        if not ended:
            LOG.warning("rpc server %s: abandons the requests still running after %s s", self.server_name, timeout_s)
        self._stopped.set()
        return ended

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until another thread's stop() has ended, at most ``timeout_s``; True when it has ended."""
        return self._stopped.wait(timeout_s)


class _TopicListener:
    """The oslo.messaging server of one topic; a thread creates it because the creation waits for the broker."""

    def __init__(self, transport: Transport, topic: str, server_name: str, members: Mapping[type, Any],
                 threads_max: int, hostname_of: HostnameOf | None) -> None:
        self.ready = threading.Event()
        self._transport = transport
        self._topic = topic
        self._threads_max = threads_max
        self._target = oslo_messaging.Target(exchange=transport.exchange, topic=topic, server=server_name)
        self._endpoints: list[Any] = [
            _endpoint(interface, implementation, transport, server_name, hostname_of)
            for interface, implementation in members.items()
        ]
        if not any(interface_spec(interface).per_host for interface in members):
            self._endpoints.append(_describe_endpoint(tuple(members), server_name))
        self._worker = Worker(f"rpc-listen-{topic}", self._listen, Backoff(LISTEN_RETRY_S, LISTEN_RETRY_S))
        self._lock = threading.Lock()
        self._server: Any = None
        self._stopper: threading.Thread | None = None

    def start(self) -> None:
        self._worker.start()

    def _listen(self) -> None:
        """Create the server. The worker calls this again after a failure of the broker, and ends on success."""
        try:
            server = oslo_messaging.get_rpc_server(
                self._transport.messaging, self._target, self._endpoints,
                access_policy=oslo_messaging.ExplicitRPCAccessPolicy)
            use_executor(server, _Executor)
            server.start(override_pool_size=self._threads_max)
            tune_listener(server)
        except oslo_messaging.MessagingException as exc:
            raise Unavailable(service=f"rpc topic {self._topic}", reason=str(exc)) from exc
        with self._lock:
            self._server = server
            late = self._worker.leaving
        if late:
            _stop_and_wait(server)
        else:
            self.ready.set()
            LOG.info("rpc topic %s is served", self._topic)

    def begin_stop(self) -> None:
        with self._lock:
            self._worker.leave()
            server = self._server
        if server is not None:
            self._stopper = threading.Thread(target=_stop_and_wait, args=(server,), daemon=True,
                                             name=f"rpc-stop-{self._topic}")
            self._stopper.start()

    def finish_stop(self, timeout_s: float) -> bool:
        self.ready.clear()
        if self._stopper is None:
            return True
        self._stopper.join(timeout_s)
        return not self._stopper.is_alive()


class _Executor:
    """The executor in which oslo.messaging runs requests: few threads when idle, and a limit on accepted requests.

    oslo.messaging's default executor starts all threads, wakes each of them every second, and has an unbounded queue.
    """

    def __init__(self, max_workers: int) -> None:
        self._pool = BoundedPool("rpc-serve", max_workers)

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run ``function``. Blocks the listener while all threads are busy, so the broker keeps further requests."""
        while True:
            try:
                return self._pool.submit_when_free(60.0, function, *args)
            except Unavailable:
                if self._pool.stopped:
                    raise

    def shutdown(self, wait: bool = True) -> None:
        """Let all accepted requests end: they are acknowledged, so the broker will not deliver them again."""
        self._pool.stop(SHUTDOWN_MAX_S if wait else 0.0, drain=True)


def _stop_and_wait(server: Any) -> None:
    for step in (server.stop, lambda: give_back_requests(server), server.wait):
        try:
            step()
        except Exception as exc:  # noqa: BLE001 - the broker may be gone; the process stops serving this topic anyway
            LOG.debug("stopping an rpc server: %s", exc)


def _check_complete(interface: type, implementation: Any) -> None:
    for name in signatures(interface):
        if not callable(getattr(implementation, name, None)):
            raise TypeError(f"{type(implementation).__name__} does not implement {interface.__name__}.{name}")


def _endpoint(interface: type, implementation: Any, transport: Transport, server_name: str,
              hostname_of: HostnameOf | None) -> Any:
    """An oslo.messaging endpoint with one exposed method per method of the interface."""
    spec = interface_spec(interface)
    body: dict[str, Any] = {"target": oslo_messaging.Target(namespace=spec.namespace, version=spec.version)}
    for name, signature in signatures(interface).items():
        body[name] = _exposed(Permit(spec, signature.spec, hostname_of), signature, getattr(implementation, name),
                              transport.payload_max_bytes, server_name)
    return type(f"{interface.__name__}Endpoint", (), body)()


def _exposed(permit: Permit, signature: Signature, function: Callable[..., Any], size_max_bytes: int,
             server_name: str) -> Callable[..., Any]:
    namespace, method = permit.namespace, signature.spec.name
    seconds = metrics.SERVER_SECONDS.labels(namespace, method)
    running = metrics.SERVER_RUNNING.labels(server_name)

    def handle(_self: Any, context: dict[str, Any], body: Any = None) -> str | None:
        started = time.monotonic()
        outcome = "ok"
        running.inc()
        try:
            oslo_context.RequestContext(request_id=context.get("request_id"), overwrite=True)
            sender = permit.sender(context)
            arguments = _arguments(signature, body, size_max_bytes)
            permit.check(sender, arguments)
            reply = envelope.good(signature.result.encode(function(**arguments), "result"))
            return text.pack(reply, size_max_bytes, f"reply of {method}")
        except FlockError as exc:
            outcome = exc.code
            return _refusal(namespace, signature, exc)
        except Exception as exc:
            outcome = "exception"
            LOG.exception("%s.%s failed", namespace, method)
            return text.pack(envelope.bad(RemoteError(
                detail=f"{namespace}.{method} failed with {type(exc).__name__}; see the log of {server_name}",
            )), size_max_bytes, "error")
        finally:
            running.dec()
            seconds.observe(time.monotonic() - started)
            metrics.served(namespace, method, outcome).inc()

    handle.__name__ = method
    return oslo_messaging.expose(handle)  # type: ignore[no-any-return]


def _arguments(signature: Signature, body: Any, size_max_bytes: int) -> dict[str, Any]:
    try:
        return signature.decode_arguments(text.unpack(body, size_max_bytes, "arguments"))
    except InvalidInput as exc:
        # The client has checked the arguments by its own rules, so it runs another release. This is no refusal.
        raise Undecodable(**exc.params) from None


def _refusal(namespace: str, signature: Signature, exc: FlockError) -> str:
    if signature.spec.timeout_s is None:
        LOG.warning("%s.%s refused: %s", namespace, signature.spec.name, exc)
    else:
        LOG.info("%s.%s replies %s: %s", namespace, signature.spec.name, exc.code, exc)
    return text.pack(envelope.bad(exc), ERROR_MAX_BYTES, "error")


def _describe_endpoint(interfaces: tuple[type, ...], server_name: str) -> Any:
    reply = description(interfaces, server_name)

    def describe(_self: Any, _context: dict[str, Any]) -> dict[str, Any]:
        return reply

    body = {
        "target": oslo_messaging.Target(namespace=DESCRIBE_NAMESPACE, version=DESCRIBE_VERSION),
        "describe": oslo_messaging.expose(describe),
    }
    return type("DescribeEndpoint", (), body)()
