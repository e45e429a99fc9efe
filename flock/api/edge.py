# SPDX-License-Identifier: Apache-2.0
"""The outermost WSGI layer: request id, routing, public operations, health, metrics, audit, unexpected errors."""
from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from flock.api import audit, front, metrics
from flock.api.absent import absent_at
from flock.api.application import Settings, error_response
from flock.api.dialect import Dialect
from flock.api.exchange import KEY, Exchange, WebError, request_id, request_path
from flock.api.intake import discard_body
from flock.api.routes import RouteTable
from flock.api.stream import Counted
from flock.core.health import Health

LOG = logging.getLogger(__name__)
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
UNKNOWN_ROUTE = "(unknown)"
HEALTH_PATHS = frozenset({"/healthz", "/healthcheck"})


def no_content(start: Callable[..., Any]) -> Iterable[bytes]:
    """An empty reply with status 204."""
    start("204 No Content", [])
    return []


def after_check(application: WsgiApp) -> WsgiApp:
    """``application`` behind the token check; a question of the front gets 204 instead, because its token is valid."""

    def checked(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        return no_content(start) if environ[KEY].asks_only else application(environ, start)

    return checked


class Edge:
    """WSGI callable around the pecan application.

    ``direct`` serves public operations; ``guarded`` is the same application behind the token check.
    """

    def __init__(self, *, direct: WsgiApp, guarded: WsgiApp, table: RouteTable, dialect: Dialect, settings: Settings,
                 health: Health) -> None:
        self._direct, self._guarded = direct, guarded
        self.table, self.dialect, self.health, self.settings = table, dialect, health, settings
        self.is_ending: Callable[[], bool] = lambda: False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        exchange = Exchange(request_id(environ), str(environ.get("REQUEST_METHOD", "GET")), "", time.perf_counter())
        environ[KEY] = exchange
        front.true_address(environ)
        environ["HTTP_X_OPENSTACK_REQUEST_ID"] = exchange.request_id

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            exchange.status = int(status.split(" ", 1)[0])
            exchange.length = next((int(v) for k, v in headers if k.lower() == "content-length" and v.isdigit()), 0)
            headers = [pair for pair in headers if pair[0].lower() != "x-openstack-request-id"]
            return start_response(status, [*headers, ("X-Openstack-Request-Id", exchange.request_id)], exc_info)

        answer: Iterable[bytes] = ()
        try:
            answer = self._answer(environ, start, exchange)
            if exchange.streamed:
                answer = Counted(answer, lambda sent: self._finished(environ, exchange, sent))
        except Exception as error:  # noqa: BLE001  # no layer above would convert it to a response
            exchange.streamed = False
            answer = error_response(self.dialect, environ, exchange, error)(environ, start)
        finally:
            if exchange.body is None:
                discard_body(environ, self.settings.request_read_timeout_s)
            self._account(environ, exchange)
        return answer

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any], exchange: Exchange) -> Iterable[bytes]:
        exchange.path = str(environ.get("PATH_INFO", ""))
        path = exchange.path = request_path(environ)
        if path in HEALTH_PATHS:
            return self._healthz(environ, start)
        if path == "/metrics" and front.is_local(environ):
            return self._send(environ, start, 200, metrics.exposition(), "text/plain; version=0.0.4; charset=utf-8")
        question = front.asked(environ, path)
        if question is not None:
            return self._ask(environ, start, exchange, *question)
        exchange.absent = absent_at(self.dialect.absent, self.versioned(path))
        match = None if exchange.absent is not None else self.table.match(self.versioned(path))
        if match is not None:
            exchange.route, exchange.args = match
            if exchange.route.is_public(exchange.method):
                return self._direct(environ, start)
        return self._guarded(environ, start)

    def _ask(self, environ: dict[str, Any], start: Callable[..., Any], exchange: Exchange, method: str,
             path: str) -> Iterable[bytes]:
        """The reply to the front: 204 when the operation is public or the token is valid."""
        match = self.table.match(self.versioned(request_path({"PATH_INFO": path})))
        exchange.asks_only = True
        if match is not None and match[0].is_public(method):
            return no_content(start)
        return self._guarded(environ, start)

    def versioned(self, path: str) -> str:
        """``path``, with the default version in front if it names none."""
        version = self.dialect.default_version
        if version is None or path == "/" or path.split("/", 2)[1] in (version, "v1", "v2"):
            return path
        return f"/{version}{path}"

    def _healthz(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            raise WebError(405, "Method Not Allowed", "The method is not allowed.", {"Allow": "GET, HEAD"})
        well, report = self.health.report()
        return self._send(environ, start, 200 if well else 503, json.dumps(report).encode(), "application/json")

    @staticmethod
    def _send(environ: dict[str, Any], start: Callable[..., Any], status: int, body: bytes,
              content_type: str) -> Iterable[bytes]:
        start(f"{status} {'OK' if status == 200 else 'Service Unavailable'}",
              [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def worker_started(self, is_ending: Callable[[], bool]) -> None:
        """Store the server's ``is_ending``, which tells whether this process ends; streamed responses must end then."""
        self.is_ending = is_ending

    def _finished(self, environ: dict[str, Any], exchange: Exchange, sent: int) -> None:
        """Write the audit line after the last piece of a streamed response."""
        exchange.length = sent
        self._audit(environ, exchange)

    def _account(self, environ: dict[str, Any], exchange: Exchange) -> None:
        """Observe the metrics and write the audit line; a streamed response gets its audit line at its end."""
        route = exchange.route.path if exchange.route is not None else UNKNOWN_ROUTE
        metrics.observe(self.settings.subsystem, exchange.method, route, exchange.status,
                        time.perf_counter() - exchange.started_s)
        if not exchange.streamed:
            self._audit(environ, exchange)

    @staticmethod
    def _audit(environ: dict[str, Any], exchange: Exchange) -> None:
        try:
            audit.record(exchange, environ)
        except Exception:
            LOG.exception("the audit line of %s could not be written", exchange.request_id)
