# SPDX-License-Identifier: Apache-2.0
"""Declaration of bus interfaces: one class from which the client proxy and the server binder are made.

Only declarations live here, so that ``contract`` packages may import it without pulling in a messaging library.
"""
from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from typing import cast as typing_cast

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """How one method travels: ``timeout_s`` is None for a cast (no reply)."""

    name: str
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class InterfaceSpec:
    """Topic, version (``major.minor``) and methods of one interface."""

    topic: str
    namespace: str
    version: str
    methods: dict[str, MethodSpec]


def call(*, timeout_s: float) -> Callable[[F], F]:
    """Mark a method as a call: the caller waits at most ``timeout_s`` seconds for the reply."""

    def mark(function: F) -> F:
        function.__rpc__ = MethodSpec(function.__name__, timeout_s)  # type: ignore[attr-defined]
        return function

    return mark


def cast(function: F) -> F:
    """Mark a method as a cast: sent and forgotten; delivery is not acknowledged."""
    function.__rpc__ = MethodSpec(function.__name__, None)  # type: ignore[attr-defined]
    return function


def rpc_interface(*, topic: str, version: str, namespace: str | None = None) -> Callable[[C], C]:
    """Class decorator: publish the marked methods of the class as one bus interface.

    Methods must be keyword-only and fully annotated; anything else raises TypeError at import. The minor version goes
    up with whatever an older peer may ignore or leave out (a method, an argument or a field with a default), the major
    version with everything else; ``tests/wire`` keeps what each version was.
    """

    def publish(cls: C) -> C:
        methods: dict[str, MethodSpec] = {}
        for name, function in sorted(vars(cls).items()):
            spec = getattr(function, "__rpc__", None)
            if spec is None:
                continue
            _check_signature(cls, name, function)
            methods[name] = spec
        cls.__rpc_interface__ = InterfaceSpec(  # type: ignore[attr-defined]
            topic, namespace or cls.__name__, version, methods)
        return cls

    return publish


class RequestServer(Protocol):
    """What a daemon that is served by ``flock.rpc.Server`` needs of it."""

    def start(self, ready_timeout_s: float = ...) -> bool:
        """Begin to listen."""

    def stop(self, timeout_s: float = ...) -> bool:
        """Listen no more."""


def interface_spec(interface: type) -> InterfaceSpec:
    """The declaration of ``interface``; TypeError when it was never decorated."""
    spec = getattr(interface, "__rpc_interface__", None)
    if spec is None:
        raise TypeError(f"{interface!r} is not an rpc_interface")
    return typing_cast(InterfaceSpec, spec)


def _check_signature(cls: type, name: str, function: Callable[..., Any]) -> None:
    signature = inspect.signature(function)
    for parameter in list(signature.parameters.values())[1:]:
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY or parameter.annotation is inspect.Parameter.empty:
            raise TypeError(f"{cls.__name__}.{name}: parameter {parameter.name} must be keyword-only and annotated")
    if signature.return_annotation is inspect.Signature.empty:
        raise TypeError(f"{cls.__name__}.{name}: the return type must be annotated")
