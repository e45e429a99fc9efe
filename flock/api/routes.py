# SPDX-License-Identifier: Apache-2.0
"""The route table: collects ROUTES and POLICY of slices, matches paths, and lists the published routes."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from flock.api.describe import description_of
from flock.auth.policy import ANYONE, Rule
from flock.core import slices

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(slots=True)
class Route:
    """One path template with its controller object and the policy rule of each method."""

    path: str
    controller: Any
    rules: dict[str, Rule] = field(default_factory=dict)
    handlers: dict[str, Any] = field(default_factory=dict)
    # Query arguments of each described method.
    arguments: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def allowed(self) -> list[str]:
        """Methods for an ``Allow`` header."""
        return sorted([*self.handlers, *(["HEAD"] if "GET" in self.handlers else [])])

    def is_public(self, method: str) -> bool:
        """Whether ``method`` works without a token."""
        rule = self.rules.get("GET" if method == "HEAD" else method)
        return rule is not None and rule.check == ANYONE


@dataclass(frozen=True, slots=True)
class PublishedRoute:
    """One line of the reviewed route list."""

    method: str
    path: str
    policy: str
    check: str


class _Node:
    __slots__ = ("children", "many", "parameter", "route")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.many: _Node | None = None
        self.route: Route | None = None


class RouteTable:
    """All routes of one API. A literal segment takes precedence over a ``{parameter}``, and that over ``{several+}``,
    which matches one or more segments, as few as possible: its value is their text with the slashes."""

    def __init__(self) -> None:
        self._root = _Node()
        self._exact: dict[str, Route] = {}
        self.routes: list[Route] = []
        self.rules: list[Rule] = []

    def add(self, routes: Mapping[str, Any], rules: Iterable[Rule]) -> None:
        """Add one slice; ValueError for a path or operation declared twice."""
        self.rules.extend(rules)
        for path, controller in routes.items():
            self._add(path, controller() if isinstance(controller, type) else controller)

    def _add(self, path: str, controller: Any) -> None:
        if not path.startswith("/") or (path != "/" and path.endswith("/")):
            raise ValueError(f"route {path!r} must start with a slash and not end with one")
        handlers = {method: getattr(controller, method.lower()) for method in METHODS
                    if callable(getattr(controller, method.lower(), None))}
        if not handlers:
            raise ValueError(f"the controller of {path} has no method")
        described = {method: description_of(handler) for method, handler in handlers.items()}
        route = Route(path, controller, handlers=handlers, arguments={
            method: found.query_names for method, found in described.items() if found is not None})
        node = self._root
        for segment in path.split("/")[1:]:
            if segment.endswith("+}"):
                node.many = node.many or _Node()
                node = node.many
            elif segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.children.setdefault(segment, _Node())
        if node.route is not None:
            raise ValueError(f"route {path} is declared twice")
        node.route = route
        if "{" not in path:
            self._exact[path] = route
        self.routes.append(route)

    def bind_policy(self) -> None:
        """Assign each operation its rule; ValueError lists operations without a rule and rules without an operation."""
        wanted = {(rule.method, rule.path): rule for rule in self.rules}
        missing = []
        for route in self.routes:
            for method in route.handlers:
                rule = wanted.pop((method, route.path), None)
                if rule is None:
                    missing.append(f"{method} {route.path}")
                else:
                    route.rules[method] = rule
        if missing:
            raise ValueError(f"routes without a policy rule: {', '.join(sorted(missing))}")
        if wanted:
            raise ValueError(f"policy rules without a route: {', '.join(f'{m} {p}' for m, p in sorted(wanted))}")

    def match(self, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of ``path`` (no trailing slash) and its path parameters by name; None when no route matches."""
        route = self._exact.get(path)
        if route is not None:
            return route, {}
        segments = path.split("/")[1:]
        values: list[str] = []
        found = _descend(self._root, segments, 0, values)
        if found is None:
            return None
        names = [part.strip("{+}") for part in found.path.split("/")[1:] if part.startswith("{")]
        return found, dict(zip(names, values, strict=True))

    def published(self) -> Iterator[PublishedRoute]:
        """Every operation, sorted by path."""
        for route in sorted(self.routes, key=lambda r: r.path):
            for method in route.handlers:
                rule = route.rules[method]
                yield PublishedRoute(method, route.path, rule.name, rule.check)


def _descend(node: _Node, segments: list[str], index: int, values: list[str]) -> Route | None:
    """The route of the segments from ``index`` on; ``values`` gets those of its parameters."""
    if index == len(segments):
        return node.route
    child = node.children.get(segments[index])
    if child is not None:
        found = _descend(child, segments, index + 1, values)
        if found is not None:
            return found
    ends = [(node.parameter, index + 1)] + [(node.many, end) for end in range(index + 1, len(segments) + 1)]
    for following, end in ends:
        if following is None or not all(segments[index:end]):
            continue
        known = len(values)
        values.append("/".join(segments[index:end]))
        found = _descend(following, segments, end, values)
        if found is not None:
            return found
        del values[known:]
    return None


def scan(subsystem: str) -> list[ModuleType]:
    """The existing modules ``<subsystem>/resources/<noun>/api.py``, sorted by name."""
    return slices.modules(f"{subsystem}.resources", "api")
