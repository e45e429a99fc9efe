# SPDX-License-Identifier: Apache-2.0
"""The server side: binds implementation objects to their interfaces and serves in a bounded number of threads."""
from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from oslo_context import context as oslo_context

from flock.core.errors import FlockError, InvalidInput, RemoteError
from flock.foreign.messaging import NO_REPLY
from flock.rpc import echo, envelope, metrics, text
from flock.rpc.accounts import Sender, SenderKind, sender_of, topic_of_host
from flock.rpc.bus import Transport
from flock.rpc.caller import called_by
from flock.rpc.errors import HostUnknown, SenderRefused, TooManyMessages, Undecodable
from flock.rpc.gate import SENDER, HostnameOf, Permit
from flock.rpc.interface import interface_spec
from flock.rpc.listener import TopicListener
from flock.rpc.messaging import oslo_messaging
from flock.rpc.signature import Signature, signatures
from flock.rpc.versions import DESCRIBE_NAMESPACE, DESCRIBE_VERSION, description

LOG = logging.getLogger(__name__)
ERROR_MAX_BYTES = 1024 * 1024
# The part of the threads that may work for one host at the same time.
HOST_PART = 4
# A host whose requests end so breaks a rule; other errors are part of the work.
COUNTED = (SenderRefused, TooManyMessages, InvalidInput)


class Server:
    """Serves ``{Interface: implementation}`` under ``server_name``, with ``threads_max`` threads per topic.

    While all threads are busy, further requests wait in the broker (a few are prefetched), so memory stays bounded.
    Refuses requests whose sender the interface does not permit, and those of a host for which a quarter of the threads
    work already. ``hostname_of(uuid)`` is the hostname, None for an
    unknown host; without it, hosts may send nothing about a uuid. Sends messages to its own topics every
    ``echo_interval_s`` (default: ``[rpc] echo_interval_s``), calls ``heard`` with each that arrives, and makes queues
    and bindings again when none arrives.
    """

    def __init__(self, transport: Transport, server_name: str, implementations: Mapping[type, Any],
                 threads_max: int = 16, hostname_of: HostnameOf | None = None, *,
                 echo_interval_s: float | None = None, heard: Callable[[], None] | None = None) -> None:
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
        self._echo_interval_s = transport.echo_interval_s if echo_interval_s is None else echo_interval_s
        self._heard = heard
        self._listeners: list[TopicListener] = []
        self._stopped = threading.Event()

    def start(self, ready_timeout_s: float = 10.0) -> bool:
        """Begin to listen; True once all topics are served, False when the bus stays away for ``ready_timeout_s``.

        After False, the server keeps trying and begins to listen as soon as the bus is reachable.
        """
        if self._listeners:
            raise RuntimeError(f"server {self.server_name} is already started")
        self._stopped.clear()
        self._listeners = [self._listener(topic, members) for topic, members in self._by_topic.items()]
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

    def trouble(self) -> str | None:
        """For health checks: why requests do not reach this server; None while its own messages do, or when stopped."""
        return "; ".join(filter(None, (listener.trouble() for listener in self._listeners))) or None

    def _listener(self, topic: str, members: Mapping[type, Any]) -> TopicListener:
        host_requests_max = max(1, self.threads_max // HOST_PART)
        endpoints = [_endpoint(interface, implementation, self.transport, self.server_name, self._hostname_of,
                               host_requests_max)
                     for interface, implementation in members.items()]
        routes: tuple[str, ...] = (echo.SHARED,)
        if not any(interface_spec(interface).per_host for interface in members):
            endpoints.append(_describe_endpoint(tuple(members), self.server_name))
            routes = (echo.SHARED, echo.OWN)
        return TopicListener(self.transport, topic, self.server_name, endpoints, self.threads_max, routes=routes,
                             echo_interval_s=self._echo_interval_s, heard=self._heard)

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


def _check_complete(interface: type, implementation: Any) -> None:
    for name in signatures(interface):
        if not callable(getattr(implementation, name, None)):
            raise TypeError(f"{type(implementation).__name__} does not implement {interface.__name__}.{name}")


def _endpoint(interface: type, implementation: Any, transport: Transport, server_name: str,
              hostname_of: HostnameOf | None, host_requests_max: int) -> Any:
    """An oslo.messaging endpoint with one exposed method per method of the interface."""
    spec = interface_spec(interface)
    body: dict[str, Any] = {"target": oslo_messaging.Target(namespace=spec.namespace, version=spec.version)}
    for name, signature in signatures(interface).items():
        body[name] = _exposed(Permit(spec, signature.spec, hostname_of, transport.gate), signature,
                              getattr(implementation, name), transport, server_name, host_requests_max)
    return type(f"{interface.__name__}Endpoint", (), body)()


def _exposed(permit: Permit, signature: Signature, function: Callable[..., Any], transport: Transport,
             server_name: str, host_requests_max: int) -> Callable[..., Any]:
    namespace, method, size_max_bytes = permit.namespace, signature.spec.name, transport.payload_max_bytes
    seconds = metrics.SERVER_SECONDS.labels(namespace, method)
    running = metrics.SERVER_RUNNING.labels(server_name)

    def handle(self: Any, context: dict[str, Any], body: Any = None) -> object:
        reply = answer(self, context, body)
        return NO_REPLY if signature.spec.timeout_s is None else reply

    def answer(_self: Any, context: dict[str, Any], body: Any) -> str:
        started = time.monotonic()
        outcome = "ok"
        running.inc()
        try:
            oslo_context.RequestContext(request_id=context.get("request_id"), overwrite=True)
            sender = permit.sender(context, transport.account)
            with transport.gate.in_work(sender, host_requests_max):
                arguments = _arguments(signature, body, size_max_bytes)
                permit.check(sender, arguments)
                with called_by(sender), _counted(transport, sender):
                    result = function(**arguments)
            reply = envelope.good(signature.result.encode(result, "result"))
            return text.pack(reply, size_max_bytes, f"reply of {method}")
        except FlockError as exc:
            outcome = exc.code
            if isinstance(exc, COUNTED) and not isinstance(exc, HostUnknown):
                _count(transport, context.get(SENDER), f"{namespace}.{method}: {exc}")
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


@contextlib.contextmanager
def _counted(transport: Transport, sender: Sender) -> Iterator[None]:
    """Count the time as the sender's."""
    begun_s = time.monotonic()
    try:
        yield
    finally:
        transport.gate.spent(sender, time.monotonic() - begun_s)


def _count(transport: Transport, user_id: Any, what: str) -> None:
    """Count a refused request of a host."""
    sender = sender_of(user_id)
    if sender.kind is SenderKind.HOST:
        transport.gate.refusals.note(sender.name, what)


def _arguments(signature: Signature, body: Any, size_max_bytes: int) -> dict[str, Any]:
    try:
        data = text.unpack(body, size_max_bytes, "arguments")
        text.check_values(data, "arguments")
        return signature.decode_arguments(data)
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
