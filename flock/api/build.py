# SPDX-License-Identifier: Apache-2.0
"""Builds an API from the slices of a subsystem."""
from __future__ import annotations

import importlib
import importlib.util
import json
import re
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

from flock import conf as flock_conf
from flock.api.application import Application, Settings
from flock.api.call import Call, Dependencies
from flock.api.describe import describes
from flock.api.dialect import Dialect, Document, root_document
from flock.api.edge import Edge, WsgiApp, after_check
from flock.api.openapi import document
from flock.api.reply import RawJson
from flock.api.routes import PublishedRoute, RouteTable, scan
from flock.auth.policy import ANYONE, READER, Policy, Rule
from flock.auth.tokens import token_check
from flock.core.health import Health

OPENAPI_PATH = "/v1/openapi.json"
# Wraps an application in a token check, given the configuration.
Authenticate = Callable[[WsgiApp, Any], WsgiApp]


class DocumentController:
    """Serves a version document."""

    def __init__(self, document: Document) -> None:
        self._document = document

    @describes(answers={200: {"type": "object"}})
    def get(self, call: Call) -> dict[str, Any]:
        """The versions of this API, with links to the URL that the client used."""
        return self._document(call.base_url)


class OpenApiController:
    """Serves the OpenAPI document."""

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make
        self._made: RawJson | None = None

    @describes(answers={200: {"type": "object", "required": ["openapi", "info", "paths"]}})
    def get(self, call: Call) -> RawJson:
        """This document: every operation in the form of OpenAPI 3.1."""
        if self._made is None:
            self._made = RawJson(json.dumps(self._make()).encode("ascii"))
        return self._made


def dialect_of(subsystem: str) -> Dialect:
    """``DIALECT`` of ``<subsystem>.api.dialect``; the default dialect when the subsystem declares none."""
    name = f"{subsystem}.api.dialect"
    try:
        if importlib.util.find_spec(name) is None:
            return Dialect()
    except ModuleNotFoundError:
        return Dialect()
    found = importlib.import_module(name).DIALECT
    if not isinstance(found, Dialect):
        raise TypeError(f"{name}.DIALECT is not a Dialect")
    return found


def route_table(subsystem: str, dialect: Dialect, slices: Iterable[Any] | None = None) -> RouteTable:
    """All routes of ``subsystem`` with their policy; ValueError for a route without a rule."""
    table = RouteTable()
    for module in scan(subsystem) if slices is None else slices:
        table.add(getattr(module, "ROUTES", {}), getattr(module, "POLICY", ()))
    declared = {route.path for route in table.routes}
    collections = sorted(path.removeprefix("/v1/") for path in declared if re.fullmatch(r"/v1/[^/{]+", path))
    versions: list[tuple[str, Document]] = [("/", dialect.root or root_document(subsystem, ""))]
    if (version := dialect.version) is not None:
        versions.append(("/v1", lambda base_url: version(base_url, collections)))
    for path, build in versions:
        if path not in declared:
            table.add({path: DocumentController(build)}, [Rule(f"{subsystem}:version:get", ANYONE, "GET", path)])
    if OPENAPI_PATH not in declared:
        controller = OpenApiController(lambda: document(table, dialect, subsystem))
        table.add({OPENAPI_PATH: controller}, [Rule(f"{subsystem}_api:openapi:get", READER, "GET", OPENAPI_PATH)])
    table.bind_policy()
    return table


def prepare(subsystem: str) -> None:
    """Load the slices of ``subsystem``, before anything is opened: the types of their fields take most of the time that
    it takes to build an application."""
    route_table(subsystem, dialect_of(subsystem))


def openapi_document(subsystem: str) -> dict[str, Any]:
    """The OpenAPI document that the API of ``subsystem`` serves."""
    dialect = dialect_of(subsystem)
    return document(route_table(subsystem, dialect), dialect, subsystem)


def published_routes(subsystem: str) -> list[PublishedRoute]:
    """The operations of ``subsystem`` for the reviewed route list."""
    return list(route_table(subsystem, dialect_of(subsystem)).published())


def build_app(conf: Any, subsystem: str, slices: Iterable[Any] | None = None, deps: Iterable[Any] = (), *,
              dialect: Dialect | None = None, health: Health | None = None,
              authenticate: Authenticate = token_check) -> Edge:
    """The WSGI application of ``subsystem``.

    ``slices``: modules (or any objects) with ROUTES and POLICY; None scans ``<subsystem>/resources/*/api.py``.
    ``deps``: service objects, or pairs (type, object), that controllers get from ``Call.deps(type)``.
    ``authenticate``: the token check; no configuration option can replace it or switch it off.
    Raises ValueError when a route has no policy rule.
    """
    flock_conf.register(conf)
    dialect = dialect or dialect_of(subsystem)
    table = route_table(subsystem, dialect, slices)
    settings = Settings(
        subsystem, max_body_bytes=conf.api.max_body_bytes, max_json_depth=conf.api.max_json_depth,
        request_read_timeout_s=conf.api.request_read_timeout_s,
        streamed_bytes_per_s=conf.api.streamed_bytes_per_s, limit_max=conf.api.limit_max,
        public_endpoint=conf.api.public_endpoint)
    policy = Policy(conf, table.rules, read_from_any_project=dialect.read_from_any_project,
                    project_domain=conf.api.project_domain)
    application = Application(settings, dialect, policy, Dependencies(deps))
    return Edge(direct=application, guarded=authenticate(after_check(application), conf), table=table, dialect=dialect,
                settings=settings, health=health or Health())


def slice_of(routes: dict[str, Any], rules: Iterable[Rule]) -> SimpleNamespace:
    """A slice from explicit routes and rules, for tests and for routes that no resource owns."""
    return SimpleNamespace(ROUTES=routes, POLICY=tuple(rules))
