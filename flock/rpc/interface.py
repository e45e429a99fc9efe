# SPDX-License-Identifier: Apache-2.0
"""Declares bus interfaces: one class from which both the client proxy and the server endpoint are made.

Holds declarations only, so that ``contract`` packages can import it without importing a messaging library.
"""
from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar, overload
from typing import cast as typing_cast

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)


SpeaksFor = Literal["system", "host"]


@dataclass(frozen=True, slots=True)
class About:
    """Which hosts a request speaks of: those that ``hosts`` finds in its arguments, as uuids when ``by_uuid``.

    Without ``hosts``, the request is not for hosts at all: only services may send it.
    """

    hosts: Callable[[Mapping[str, Any]], Iterable[str | None]] | None = None
    by_uuid: bool = False


SERVICES_ONLY = About()
Weight = Callable[[Mapping[str, Any]], int]


def host_named(path: str) -> About:
    """The host whose name is at ``path`` of the arguments, such as ``hostname`` or ``alive.hostname``."""
    return About(lambda arguments: [_at(path, arguments)])


def host_with_uuid(path: str) -> About:
    """The host whose uuid is at ``path`` of the arguments; the server resolves it (see ``flock.rpc.Server``)."""
    return About(lambda arguments: [_at(path, arguments)], by_uuid=True)


def number_in(name: str) -> Weight:
    """How many elements the list argument ``name`` has."""
    return lambda arguments: len(arguments[name])


def hosts_in(hosts: Callable[[Mapping[str, Any]], Iterable[str | None]]) -> About:
    """The hosts whose names ``hosts(arguments)`` returns; None among them stands for something of no host."""
    return About(hosts)


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """One method of an interface; ``timeout_s`` is None for a cast (no reply), ``about`` None in a system interface.

    ``callers`` are the daemons that may send it; None in a declaration stands for those of the interface.
    ``weight`` is how many requests its arguments carry, for the share of a host; None for one that carries no list.
    """

    name: str
    timeout_s: float | None
    about: About | None = None
    callers: tuple[str, ...] | None = None
    weight: Weight | None = None


@dataclass(frozen=True, slots=True)
class InterfaceSpec:
    """Topic, version (``major.minor``), methods and permitted senders of one interface.

    ``callers`` are the daemons that call it. ``per_host``: each host's agent serves it on a topic of its own,
    ``<topic>.<hostname>``.
    """

    topic: str
    namespace: str
    version: str
    methods: dict[str, MethodSpec]
    speaks_for: SpeaksFor
    callers: tuple[str, ...]
    per_host: bool = False


def call(*, timeout_s: float, about: About | None = None,
         callers: tuple[str, ...] | None = None, weight: Weight | None = None) -> Callable[[F], F]:
    """Mark a method as a call: the caller waits at most ``timeout_s`` seconds for the reply.

    ``callers``: only these of the interface's callers may send it. ``weight``: how many requests a call carries;
    what a host sends beyond its share of requests is refused with TooManyMessages before it is applied.
    """

    def mark(function: F) -> F:
        function.__rpc__ = MethodSpec(function.__name__, timeout_s, about, callers, weight)  # type: ignore[attr-defined]
        return function

    return mark


@overload
def cast(function: F) -> F: ...


@overload
def cast(*, about: About) -> Callable[[F], F]: ...


def cast(function: Any = None, *, about: About | None = None) -> Any:
    """Mark a method as a cast: the caller gets no reply and does not learn whether a server received it."""

    def mark(marked: F) -> F:
        marked.__rpc__ = MethodSpec(marked.__name__, None, about)  # type: ignore[attr-defined]
        return marked

    return mark if function is None else mark(function)


def rpc_interface(*, topic: str, version: str, speaks_for: SpeaksFor, callers: tuple[str, ...] = (),
                  namespace: str | None = None, per_host: bool = False) -> Callable[[C], C]:
    """Class decorator: publish the marked methods of the class as one bus interface.

    ``speaks_for`` states who may send: ``"system"`` only services, ``"host"`` also a host, about itself; then each
    method states with ``about`` which hosts its arguments are about. ``callers`` names the daemons that may send, such
    as ``("sysinv-api",)``; the other services are refused. ``per_host`` is for interfaces of hosts' agents; these have
    only casts, because agents send no replies.

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
            if (spec.about is not None) != (speaks_for == "host"):
                raise TypeError(f"{cls.__name__}.{name}: about must be given in an interface that speaks for a host, "
                                "and only there")
            if per_host and spec.timeout_s is not None:
                raise TypeError(f"{cls.__name__}.{name}: agents of hosts send no replies, so it must be a cast")
            methods[name] = replace(spec, callers=callers if spec.callers is None else spec.callers)
            _check_callers(f"{cls.__name__}.{name}", methods[name], callers)
        if speaks_for not in ("system", "host"):
            raise TypeError(f"{cls.__name__}: speaks_for must be system or host")
        cls.__rpc_interface__ = InterfaceSpec(  # type: ignore[attr-defined]
            topic, namespace or cls.__name__, version, methods, speaks_for, callers, per_host)
        return cls

    return publish


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


def _check_callers(name: str, method: MethodSpec, known: tuple[str, ...]) -> None:
    callers = method.callers or ()
    if not callers and (method.about is None or method.about.hosts is None):
        raise TypeError(f"{name}: callers must name the daemons that send it, because no host may")
    if not set(callers) <= set(known):
        raise TypeError(f"{name}: callers must be among those of the interface")


def _at(path: str, arguments: Mapping[str, Any]) -> str | None:
    first, *rest = path.split(".")
    found = arguments[first]
    for name in rest:
        found = getattr(found, name)
    return found if isinstance(found, str) else None
