# SPDX-License-Identifier: Apache-2.0
"""The client side: an object with the methods of an interface, whose calls end by their deadline."""
from __future__ import annotations

import concurrent.futures
import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from oslo_context import context as oslo_context

from flock.core.errors import DeadlineExceeded, FlockError, InvalidInput, RemoteError, Unavailable, from_wire
from flock.rpc import envelope, metrics, text, versions
from flock.rpc.accounts import topic_of_host
from flock.rpc.bus import Transport
from flock.rpc.errors import Undecodable, VersionMismatch
from flock.rpc.gate import SENDER
from flock.rpc.interface import InterfaceSpec, interface_spec
from flock.rpc.messaging import exceptions as messaging_exceptions
from flock.rpc.messaging import oslo_messaging
from flock.rpc.signature import Signature, signatures

I = TypeVar("I")  # noqa: E741 - the conventional name for an interface
T = TypeVar("T")

# This module enforces the deadline; oslo.messaging's own wait ends slightly later so that no thread stays blocked.
GRACE_S = 0.5
# Seconds between two attempts at a broker that refuses (see ``flock.rpc.options``), and those of the last attempt.
RETRY_PAUSE_S = 1.3
RETRY_MARGIN_S = 0.4


def client(interface: type[I], transport: Transport, server: str | None = None,
           deadline_s: float | None = None) -> I:
    """An object with the methods of ``interface``; a server that listens on its topic executes each of them.

    ``server`` names one server; without it, any server takes the request.
    ``deadline_s`` replaces the timeout of every call. Methods raise the server's FlockError, Unavailable (the bus
    cannot be reached, nothing was sent), DeadlineExceeded (sent, no reply), InvalidInput (an argument does not fit),
    Undecodable (the client cannot decode the reply, or the server the request).
    """
    sender = _Sender(interface_spec(interface), transport, server, deadline_s)
    return cast(I, _proxy_class(cast(Any, interface))(sender))


@functools.cache
def _proxy_class(interface: Any) -> type:
    body: dict[str, Any] = {"__slots__": ("_sender",), "__init__": _initialise, "__module__": interface.__module__}
    for name, signature in signatures(interface).items():
        body[name] = _method(name, signature)
    return type(f"{interface.__name__}Client", (interface,), body)


def _initialise(self: Any, sender: _Sender) -> None:
    self._sender = sender


def _method(name: str, signature: Signature) -> Callable[..., Any]:
    def call(self: Any, /, **arguments: Any) -> Any:
        return self._sender.call(signature, arguments)

    def send(self: Any, /, **arguments: Any) -> None:
        self._sender.cast(signature, arguments)

    method = send if signature.spec.timeout_s is None else call
    method.__name__ = name
    return method


def outgoing_context() -> dict[str, Any]:
    """``{"request_id": id}`` for a request: the id of the request that this thread serves, or a new one."""
    current = oslo_context.get_current()
    request_id = getattr(current, "request_id", None) or oslo_context.generate_request_id()
    return {"request_id": request_id}


class _Sender:
    """Sends the requests of one interface to one target."""

    def __init__(self, spec: InterfaceSpec, transport: Transport, server: str | None, deadline_s: float | None) -> None:
        self.spec = spec
        self.transport = transport
        self.deadline_s = deadline_s
        self.where = f"{spec.topic} on {server}" if server else spec.topic
        topic = spec.topic
        if spec.per_host:
            if server is None:
                raise TypeError(f"{spec.namespace} is served by each host's agent: a client needs the name of one host")
            topic, server = topic_of_host(topic, server), None
        self.target = oslo_messaging.Target(exchange=transport.requests_exchange, topic=topic, server=server,
                                            namespace=spec.namespace, version=versions.requested(spec.version))

    def call(self, signature: Signature, arguments: dict[str, Any]) -> Any:
        timeout_s = self.deadline_s if self.deadline_s is not None else cast(float, signature.spec.timeout_s)
        body = self._dump(signature, arguments)
        return self._measured(signature.spec.name, lambda: self._result(
            signature, self._send_call(signature.spec.name, body, timeout_s)))

    def cast(self, signature: Signature, arguments: dict[str, Any]) -> None:
        body = self._dump(signature, arguments)
        method = signature.spec.name
        self._measured(method, lambda: send_cast(self.transport, self.target, method, self._what(method), body=body))

    def _dump(self, signature: Signature, arguments: dict[str, Any]) -> str:
        data, field = signature.encode_arguments(arguments), f"arguments of {signature.spec.name}"
        text.check_values(data, field)
        return text.pack(data, self.transport.payload_max_bytes, field)

    def _measured(self, method: str, work: Callable[[], T]) -> T:
        started = time.monotonic()
        outcome = "ok"
        try:
            return work()
        except FlockError as exc:
            outcome = exc.code
            raise
        finally:
            metrics.client_ended(self.spec.namespace, method, outcome, time.monotonic() - started)

    def _send_call(self, method: str, body: str, timeout_s: float) -> Any:
        deadline = time.monotonic() + timeout_s
        self.transport.wait_for_replies(timeout_s)
        left_s = max(0.001, deadline - time.monotonic())
        plain = self.transport.client(self.target).prepare(timeout=left_s + GRACE_S, retry=_retries_within(left_s))
        future = self.transport.calls.submit(plain.call, _context(self.transport), method, body=body)
        return _outcome(future, self._what(method), left_s, timeout_s)

    def _what(self, method: str) -> str:
        return f"{self.spec.namespace}.{method} at {self.where}"

    def _result(self, signature: Signature, reply: Any) -> Any:
        field = f"reply of {signature.spec.name}"
        try:
            good, data = envelope.open_reply(text.unpack(reply, self.transport.payload_max_bytes, field), field)
            if good:
                return signature.result.decode(data, field)
            error = envelope.ERROR.decode(data, field)
        except InvalidInput as exc:
            raise Undecodable(**exc.params) from None
        raise from_wire(error)


def send_cast(transport: Transport, target: Any, method: str, what: str, **arguments: Any) -> None:
    """Hand a message that expects no reply to the broker; Unavailable when it does not accept it in time.

    ``what`` names the message in errors.
    """
    timeout_s = float(transport.cast_timeout_s)
    plain = transport.client(target).prepare(timeout=timeout_s, retry=max(1, _retries_within(timeout_s)))
    future = transport.calls.submit(plain.cast, _context(transport), method, **arguments)
    try:
        _outcome(future, what, timeout_s, timeout_s)
    except DeadlineExceeded:
        reason = f"it did not accept a message within {timeout_s:g} s"
        raise Unavailable(service="message bus", reason=reason) from None


def _context(transport: Transport) -> dict[str, Any]:
    context = outgoing_context()
    if transport.names_itself:
        context[SENDER] = transport.account
    return context


def _outcome(future: concurrent.futures.Future[Any], what: str, left_s: float, timeout_s: float) -> Any:
    """The result of a request in flight; its errors as FlockErrors."""
    try:
        return future.result(left_s)
    except FlockError:
        raise
    except (concurrent.futures.TimeoutError, messaging_exceptions.MessagingTimeout):
        future.cancel()
        raise DeadlineExceeded(what=what, timeout_s=f"{timeout_s:g}") from None
    except (messaging_exceptions.MessageDeliveryFailure, concurrent.futures.CancelledError) as exc:
        raise Unavailable(service="message bus", reason=_first_line(exc)) from None
    except Exception as exc:
        raise _foreign(exc, what) from exc


def _retries_within(seconds: float) -> int:
    """How many retries of handing a message to the broker fit into ``seconds``, the last attempt included."""
    return max(0, int((seconds - RETRY_MARGIN_S) / RETRY_PAUSE_S))


def _foreign(exc: Exception, what: str) -> FlockError:
    """The FlockError for an error of the bus: the server lacks the version, or the connection failed unexpectedly."""
    remote_kind = getattr(exc, "exc_type", None)
    kind = remote_kind or type(exc).__name__
    if kind in ("UnsupportedVersion", "NoSuchMethod"):
        return VersionMismatch(detail=f"{what} is not served in this version ({_first_line(exc)})")
    if remote_kind is not None or kind.endswith("_Remote"):
        return RemoteError(detail=f"{what} failed: {kind}", remote_code=kind)
    return Unavailable(service="message bus", reason=f"{kind}: {_first_line(exc)}")


def _first_line(exc: BaseException) -> str:
    text = str(getattr(exc, "value", None) or exc).strip()
    return text.splitlines()[0][:200] if text else type(exc).__name__
