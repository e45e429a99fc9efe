# SPDX-License-Identifier: Apache-2.0
"""The argument of controller methods: the caller's identity, the request, and the daemon's service objects."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from flock.api.body import parse_json
from flock.api.query import Query
from flock.auth.context import RequestContext
from flock.core.errors import Forbidden
from flock.wire.errors import BadBody
from flock.wire.patch import PatchOp, parse_patch
from flock.wire.resource import Resource, parse_body

T = TypeVar("T")
_UNPARSED = object()


class Dependencies:
    """Service objects by type. Each element of ``offered`` is an object or a pair (type, object)."""

    def __init__(self, offered: Iterable[Any] = ()) -> None:
        self._by_type: dict[type, Any] = {}
        self._objects: list[Any] = []
        for element in offered:
            if isinstance(element, tuple) and len(element) == 2 and isinstance(element[0], type):
                self._by_type[element[0]] = element[1]
            else:
                self._objects.append(element)

    def get(self, wanted: type[T]) -> T:
        """The offered object of type ``wanted``; LookupError (a programming error) when there is none."""
        found = self._by_type.get(wanted)
        if found is None:
            found = next((item for item in self._objects if isinstance(item, wanted)), None)
            if found is None:
                raise LookupError(f"the daemon offers no {wanted.__module__}.{wanted.__qualname__}")
            self._by_type[wanted] = found
        return found


class Call:
    """One request. ``args``: path parameters by name; ``query``: arguments; ``ctx``: the caller's identity.

    ``body`` is the whole body. A controller with ``streams_body`` gets an empty ``body`` and reads ``pieces`` (bytes
    as they arrive), which raises WebError 408, 413 or 400 while it is read.
    """

    __slots__ = ("_allows", "_deps", "_json", "args", "base_url", "body", "ctx", "depth_max", "environ", "pieces",
                 "query")

    def __init__(self, *, ctx: RequestContext, args: Mapping[str, str], query: Query, body: bytes, base_url: str,
                 deps: Dependencies, environ: dict[str, Any], depth_max: int, pieces: Iterable[bytes],
                 allows: Callable[[str], bool]) -> None:
        self.ctx, self.args, self.query = ctx, args, query
        self.body, self.base_url, self.environ = body, base_url, environ
        self.depth_max, self.pieces = depth_max, pieces
        self._deps, self._allows = deps, allows
        self._json: Any = _UNPARSED

    def json(self, default: Any = _UNPARSED) -> Any:
        """The parsed body; ``BadBody`` (400) when it is not JSON. Returns ``default``, if given, for an empty body."""
        if not self.body.strip():
            if default is not _UNPARSED:
                return default
            raise BadBody(detail="Request is not in valid JSON format: the body is empty")
        if self._json is _UNPARSED:
            self._json = parse_json(self.body, self.depth_max)
        return self._json

    def body_as(self, resource: type[Resource]) -> Any:
        """The body as an instance of ``resource``; else an error 400 that names field and rule."""
        return parse_body(resource, self.json())

    def patch(self, **rules: Any) -> list[PatchOp]:
        """The body as checked json-patch; ``rules`` as for ``flock.wire.patch.parse_patch``."""
        return parse_patch(self.json(), **rules)

    def deps(self, wanted: type[T]) -> T:
        """The daemon's service object of type ``wanted``; LookupError when there is none."""
        return self._deps.get(wanted)

    def require(self, rule: str) -> None:
        """Raise Forbidden when the caller does not pass ``rule`` too, because the body asks for what it protects."""
        if not self._allows(rule):
            raise Forbidden()
