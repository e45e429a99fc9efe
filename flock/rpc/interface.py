# SPDX-License-Identifier: Apache-2.0
"""Declares bus interfaces: one class from which both the client proxy and the server endpoint are made.

Holds declarations only, so that ``contract`` packages can import it without importing a messaging library.
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
    """One method of an interface; ``timeout_s`` is None for a cast (no reply)."""

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
    """Mark a method as a cast: the caller gets no reply and does not learn whether a server received it."""
    function.__rpc__ = MethodSpec(function.__name__, None)  # type: ignore[attr-defined]
    return function


def rpc_interface(*, topic: str, version: str, namespace: str | None = None) -> Callable[[C], C]:
    """Class decorator: publish the marked methods of the class as one bus interface.

    Methods must be keyword-only and fully annotated, else TypeError at import. Raise the minor version for an addition
    that an older peer may ignore or omit (a method, an argument or a field with a default), and the major version for
    every other change. ``tests/wire`` records the schema of each version.
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
    """The part of ``flock.rpc.Server`` that daemons use."""

    def start(self, ready_timeout_s: float = ...) -> bool:
        """Begin to accept requests; see ``flock.rpc.Server.start``."""

    def stop(self, timeout_s: float = ...) -> bool:
        """Stop accepting requests; see ``flock.rpc.Server.stop``."""


def interface_spec(interface: type) -> InterfaceSpec:
    """The declaration of ``interface``; TypeError when ``rpc_interface`` does not decorate it."""
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
