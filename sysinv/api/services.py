# SPDX-License-Identifier: Apache-2.0
"""The collections of service management: sm-api's, in the words of StarlingX's configuration API."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from flock.api.call import Call
from flock.api.describe import Description, View, ViewPage, described
from flock.auth.policy import READER, Rule
from flock.core.errors import NotFound
from flock.wire.errors import shown
from flock.wire.render import render, render_many
from flock.wire.resource import Resource
from sysinv.hosts.servicemanagement import ServiceManagement

Row = Mapping[str, Any]


class ServiceNotFound(NotFound):
    """Service management knows none of that name."""

    code: ClassVar[str] = "sysinv.service.not_found"
    text: ClassVar[str] = "{resource} {id} could not be found"


class Collection:
    """``GET /v1/<path>``. ``source``: sm-api's name; ``added``: what every element has besides."""

    def __init__(self, resource: type[Resource], source: str, added: Callable[[ServiceManagement], Row]) -> None:
        self._resource, self._source, self._added = resource, source, added
        self.descriptions: dict[str, Description] = {
            "get": described(errors=(503,), answers={200: ViewPage((View(resource),))})}

    def get(self, call: Call) -> dict[str, Any]:
        """All elements, as service management tells them now."""
        manager = call.deps(ServiceManagement)
        more = self._added(manager)
        rows = [{**row, **more} for row in manager.api.all(self._source)]
        return {self._resource.envelope: render_many(self._resource, rows, call.base_url)}


class Element:
    """``GET /v1/<path>/<id>``."""

    def __init__(self, resource: type[Resource], source: str, added: Callable[[ServiceManagement], Row],
                 noun: str) -> None:
        self._resource, self._source, self._added, self._noun = resource, source, added, noun
        self.descriptions: dict[str, Description] = {"get": described(errors=(404, 503), answers={200: resource})}

    def get(self, call: Call) -> dict[str, Any]:
        """One element, as service management tells it now."""
        manager = call.deps(ServiceManagement)
        row = manager.api.one(self._source, call.args["id"])
        if row is None:
            raise ServiceNotFound(resource=self._noun, id=shown(call.args["id"]))
        return render(self._resource, {**row, **self._added(manager)}, call.base_url)


def nothing(_manager: ServiceManagement) -> Row:
    """Adds nothing."""
    return {}


def routes(path: str, resource: type[Resource], source: str, noun: str,
           added: Callable[[ServiceManagement], Row] = nothing) -> dict[str, Any]:
    """Both routes of one collection."""
    return {f"/v1/{path}": Collection(resource, source, added),
            f"/v1/{path}/{{id}}": Element(resource, source, added, noun)}


def policy(path: str) -> tuple[Rule, ...]:
    """Readers may read."""
    return tuple(Rule(f"sysinv_api:{path}:get", READER, "GET", one) for one in (f"/v1/{path}", f"/v1/{path}/{{id}}"))
