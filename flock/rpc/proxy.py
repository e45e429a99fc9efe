# SPDX-License-Identifier: Apache-2.0
"""The calling side: an object with the methods of an interface, whose calls end by their deadline."""
from __future__ import annotations

import concurrent.futures
import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from oslo_context import context as oslo_context

from flock.core.errors import DeadlineExceeded, FlockError, InvalidInput, RemoteError, Unavailable, from_wire
from flock.rpc import envelope, metrics, text, versions
from flock.rpc.bus import Transport
from flock.rpc.errors import Undecodable, VersionMismatch
from flock.rpc.interface import InterfaceSpec, interface_spec
from flock.rpc.messaging import exceptions as messaging_exceptions
from flock.rpc.messaging import oslo_messaging
from flock.rpc.signature import Signature, signatures

I = TypeVar("I")  # noqa: E741 - stands for an interface
T = TypeVar("T")

# The deadline is kept here; oslo.messaging ends its own wait slightly later so that no thread stays behind.
GRACE_S = 0.5
# What ``flock.rpc.options`` makes of one attempt at a broker that refuses, and what the last one may take.
RETRY_PAUSE_S = 1.3
RETRY_MARGIN_S = 0.4


def client(interface: type[I], transport: Transport, server: str | None = None,
           deadline_s: float | None = None, fanout: bool = False) -> I:
    """An object with the methods of ``interface``; each is carried out by a server listening on its topic.

    ``server`` picks one server by name, else any takes the request. ``fanout`` sends casts to all servers.
    ``deadline_s`` replaces the timeout of every call method. Raises the remote's FlockError, Unavailable (the bus
    cannot be reached, nothing was sent), DeadlineExceeded (sent, no answer), InvalidInput (an argument does not fit),
    Undecodable (the answer, or over there the request, cannot be read).
    """
    sender = _Sender(interface_spec(interface), transport, server, deadline_s, fanout)
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
    """What travels beside each request: the request id of the work in hand, or a new one."""
    current = oslo_context.get_current()
    request_id = getattr(current, "request_id", None) or oslo_context.generate_request_id()
    return {"request_id": request_id}


class _Sender:
    """Carries requests of one interface to one target."""

    def __init__(self, spec: InterfaceSpec, transport: Transport, server: str | None, deadline_s: float | None,
                 fanout: bool) -> None:
        self.spec = spec
        self.transport = transport
        self.deadline_s = deadline_s
        self.where = f"{spec.topic} on {server}" if server else spec.topic
        self.target = oslo_messaging.Target(exchange=transport.exchange, topic=spec.topic, server=server,
                                            namespace=spec.namespace, version=versions.asked(spec.version),
                                            fanout=fanout or None)

    def call(self, signature: Signature, arguments: dict[str, Any]) -> Any:
        timeout_s = self.deadline_s if self.deadline_s is not None else cast(float, signature.spec.timeout_s)
        body = self._dump(signature, arguments)
        return self._measured(signature.spec.name, lambda: self._result(
            signature, self._ask(signature.spec.name, body, timeout_s)))

    def cast(self, signature: Signature, arguments: dict[str, Any]) -> None:
        body = self._dump(signature, arguments)
        self._measured(signature.spec.name, lambda: self._tell(signature.spec.name, body))

    def _dump(self, signature: Signature, arguments: dict[str, Any]) -> str:
        return text.pack(signature.encode_arguments(arguments), self.transport.payload_max_bytes,
                         f"arguments of {signature.spec.name}")

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

    def _ask(self, method: str, body: str, timeout_s: float) -> Any:
        deadline = time.monotonic() + timeout_s
        self.transport.wait_for_answers(timeout_s)
        left_s = max(0.001, deadline - time.monotonic())
        plain = self.transport.client(self.target).prepare(timeout=left_s + GRACE_S, retry=_retries_within(left_s))
        context = outgoing_context()
        future = self.transport.calls.submit(plain.call, context, method, body=body)
        return self._await(future, method, left_s, timeout_s)

    def _tell(self, method: str, body: str) -> None:
        timeout_s = float(self.transport.cast_timeout_s)
        plain = self.transport.client(self.target).prepare(timeout=timeout_s, retry=max(1, _retries_within(timeout_s)))
        context = outgoing_context()
        future = self.transport.calls.submit(plain.cast, context, method, body=body)
        try:
            self._await(future, method, timeout_s, timeout_s)
        except DeadlineExceeded:
            reason = f"it did not take a message within {timeout_s:g} s"
            raise Unavailable(service="message bus", reason=reason) from None

    def _await(self, future: concurrent.futures.Future[Any], method: str, left_s: float, timeout_s: float) -> Any:
        what = f"{self.spec.namespace}.{method} at {self.where}"
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

    def _result(self, signature: Signature, answer: Any) -> Any:
        field = f"answer of {signature.spec.name}"
        try:
            good, data = envelope.opened(text.unpack(answer, self.transport.payload_max_bytes, field), field)
            if good:
                return signature.result.decode(data, field)
            error = envelope.ERROR.decode(data, field)
        except InvalidInput as exc:
            raise Undecodable(**exc.params) from None
        raise from_wire(error)


def _retries_within(seconds: float) -> int:
    """So many attempts to hand a message to the broker that the last one ends before the caller gives up."""
    return max(0, int((seconds - RETRY_MARGIN_S) / RETRY_PAUSE_S))


def _foreign(exc: Exception, what: str) -> FlockError:
    """An error of the bus itself: no such version there, or the connection broke in an unforeseen way."""
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
