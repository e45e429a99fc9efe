# SPDX-License-Identifier: Apache-2.0
"""The two controllers that every read-only collection of the API has."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flock.api.call import Call
from flock.api.describe import AnyOf, Description, View, ViewPage, described
from flock.auth.policy import READER, Rule
from flock.wire.resource import Resource, shape
from sm.api.daemon import Daemon, Row
from sm.api.listing import arguments, found, page
from sm.contract.control import StatusReport

Rows = Callable[[StatusReport], list[Row]]


class Collection:
    """``GET /v1/<envelope>``. ``marker``: the field that names an element as the end of a page."""

    def __init__(self, resource: type[Resource], rows: Rows, marker: str) -> None:
        self._name, self._rows, self._marker = resource.envelope, rows, marker
        self._keys = tuple(attribute.name for attribute in shape(resource).attributes)
        self.descriptions: dict[str, Description] = {"get": described(
            query=arguments(self._keys, marker), errors=(503,), answers={200: ViewPage((View(resource),))})}

    def get(self, call: Call) -> dict[str, Any]:
        """One page of the collection."""
        rows = self._rows(call.deps(Daemon).status())
        return {self._name: page(call, rows, self._keys, self._marker)}


class Element:
    """``GET /v1/<envelope>/<id>``; null when there is none. ``names``: the fields that identify it."""

    def __init__(self, resource: type[Resource], rows: Rows, names: Sequence[str]) -> None:
        self._rows, self._names = rows, names
        self.descriptions: dict[str, Description] = {"get": described(
            errors=(503,), answers={200: AnyOf((View(resource), {"type": "null"}))})}

    def get(self, call: Call) -> Any:
        """One element, or null."""
        return found(self._rows(call.deps(Daemon).status()), call.args["id"], *self._names)


def routes(resource: type[Resource], rows: Rows, names: Sequence[str]) -> dict[str, Any]:
    """Both routes of one collection."""
    path = f"/v1/{resource.envelope}"
    return {path: Collection(resource, rows, names[0]), f"{path}/{{id}}": Element(resource, rows, names)}


def policy(resource: type[Resource]) -> tuple[Rule, ...]:
    """Readers may read."""
    path = f"/v1/{resource.envelope}"
    return tuple(Rule(f"sm_api:{resource.envelope}:get", READER, "GET", one) for one in (path, f"{path}/{{id}}"))
