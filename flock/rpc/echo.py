# SPDX-License-Identifier: Apache-2.0
"""A listener's messages to itself, by which it notices that the bus no longer delivers what is sent to its topic.

The broker confirms a message for which it has no queue, so only its arrival shows that exchange, bindings and queues
exist. ``Echoes`` decides; the listener sends, and listens anew when an echo stays away.
"""
from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flock.foreign.messaging import NO_REPLY
from flock.rpc import metrics
from flock.rpc.gate import SENDER
from flock.rpc.messaging import oslo_messaging

NAMESPACE, VERSION = "flock.echo", "1.0"
BOUND_MIN_S = 10.0
ORIGIN_MAX = 255
SHARED, OWN = "shared", "own"
"""Routes: the queue that all servers of the topic share, and that of one server."""


@dataclass(frozen=True, slots=True)
class Route:
    """What is known of one route; times are monotonic seconds.

    ``heard_s`` is when an echo last arrived, or the listening began; ``sent_s`` when the broker took the oldest echo
    that has not arrived, None without one.
    """

    heard_s: float
    sent_s: float | None = None


def sent(route: Route, now_s: float) -> Route:
    """The route after the broker took an echo."""
    return route if route.sent_s is not None else replace(route, sent_s=now_s)


def is_lost(route: Route, busy_s: float, bound_s: float, now_s: float) -> bool:
    """Whether an echo that the broker took stayed away for ``bound_s``.

    While all threads of the server were busy until ``busy_s``, an echo waited with the other requests.
    """
    return route.sent_s is not None and now_s - max(route.sent_s, busy_s) > bound_s


def is_silent(route: Route, busy_s: float, bound_s: float, now_s: float) -> bool:
    """Whether no echo arrived for ``bound_s``, for whatever reason."""
    return now_s - max(route.heard_s, busy_s) > bound_s


class Echoes:
    """The routes of one listener; its serving threads and its listening thread share it.

    ``bound_s`` is the time within which an echo arrives on a bus that works. ``on_heard`` is called with each echo.
    """

    def __init__(self, origin: str, account: Callable[[], str], routes: tuple[str, ...], interval_s: float,
                 clock: Callable[[], float], on_heard: Callable[[], None] | None = None) -> None:
        self.origin = origin
        self.interval_s = interval_s
        self.bound_s = max(BOUND_MIN_S, 3 * interval_s)
        self._account = account
        self._names = routes
        self._clock = clock
        self._on_heard = on_heard
        self._lock = threading.Lock()
        self._busy_s = clock()
        self._routes = {name: Route(clock()) for name in routes}

    @property
    def routes(self) -> tuple[str, ...]:
        """The names of the routes."""
        return self._names

    def begin(self) -> None:
        """Forget the echoes sent so far: the listener listens anew. They still count as not heard."""
        with self._lock:
            self._routes = {name: replace(route, sent_s=None) for name, route in self._routes.items()}

    def was_sent(self, route: str) -> None:
        """The broker took an echo."""
        with self._lock:
            self._routes[route] = sent(self._routes[route], self._clock())

    def was_busy(self) -> None:
        """All threads of the server are, or just were, busy."""
        self._busy_s = self._clock()

    def heard(self, route: str) -> None:
        """An echo arrived."""
        with self._lock:
            if route in self._routes:
                self._routes[route] = Route(self._clock())
        if self._on_heard is not None:
            self._on_heard()

    def lost(self) -> list[str]:
        """The routes on which an echo stays away although the broker took it."""
        now_s = self._clock()
        with self._lock:
            return [name for name, route in self._routes.items() if is_lost(route, self._busy_s, self.bound_s, now_s)]

    def silent_s(self) -> float:
        """For how many seconds a route has been silent beyond its bound; 0 while none is."""
        now_s = self._clock()
        with self._lock:
            return max((now_s - route.heard_s for route in self._routes.values()
                        if is_silent(route, self._busy_s, self.bound_s, now_s)), default=0.0)

    def is_own(self, context: dict[str, Any]) -> bool:
        """Whether a message comes from a process of this account."""
        return context.get(SENDER) == self._account()


def endpoint(echoes: Echoes, forward: Callable[[str], None]) -> Any:
    """The oslo.messaging endpoint for echoes. ``forward(origin)`` sends one that another server sent to the shared
    queue to that server, which learns that somebody takes the requests there."""

    def echo(_self: Any, context: dict[str, Any], origin: Any = None, route: Any = None) -> object:
        if not echoes.is_own(context) or not isinstance(origin, str) or len(origin) > ORIGIN_MAX:
            metrics.DROPPED.labels("echo").inc()
        elif origin == echoes.origin:
            echoes.heard(str(route))
        elif route == SHARED:
            forward(origin)
        return NO_REPLY

    body = {"target": oslo_messaging.Target(namespace=NAMESPACE, version=VERSION),
            "echo": oslo_messaging.expose(echo)}
    return type("EchoEndpoint", (), body)()
