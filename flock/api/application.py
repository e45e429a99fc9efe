# SPDX-License-Identifier: Apache-2.0
"""The pecan application behind the token check: hooks for context, policy and body, then the controller method."""
from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import pecan
from oslo_context import context as log_context
from pecan import hooks as pecan_hooks
from pecan.core import Arguments, ExplicitPecan
from pecan.core import Response as PecanResponse

from flock.api import exchange as exchanges
from flock.api.absent import NotBuilt
from flock.api.call import Call, Dependencies
from flock.api.dialect import Dialect
from flock.api.exchange import Exchange, WebError
from flock.api.intake import body_pieces, paced_pieces
from flock.api.query import Query
from flock.api.reply import Reply, encode
from flock.api.stream import is_pieces
from flock.auth import context
from flock.auth.policy import Policy
from flock.core.errors import FlockError

LOG = logging.getLogger(__name__)
ACCEPTED_TYPES = frozenset({"", "application/json", "application/json-patch+json"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of all layers, read once from [api]."""

    subsystem: str
    max_body_bytes: int = 1024 * 1024
    max_json_depth: int = 64
    request_read_timeout_s: float = 30.0
    streamed_bytes_per_s: int = 32768
    limit_max: int = 2000
    public_endpoint: str | None = None


class ContextHook(pecan_hooks.PecanHook):  # type: ignore[misc]
    """Stores the caller's identity; public operations get an anonymous one and ignore identity headers."""

    priority = 10

    def before(self, state: Any) -> None:
        """Store the context in the exchange."""
        environ = state.request.environ
        exchange: Exchange = environ[exchanges.KEY]
        if exchange.route is not None and exchange.route.is_public(exchange.method):
            exchange.ctx = context.anonymous(exchange.request_id, str(environ.get("REMOTE_ADDR", "")))
        else:
            exchange.ctx = context.from_environ(environ, exchange.request_id)
        # Log lines and bus calls of this thread use it until the thread's next request.
        log_context.RequestContext(request_id=exchange.request_id, user_id=exchange.ctx.user_id,
                                   project_id=exchange.ctx.project_id, overwrite=True)


class PolicyHook(pecan_hooks.PecanHook):  # type: ignore[misc]
    """Refuses a request that the rule of the operation does not allow."""

    priority = 20

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self._policy = policy

    def before(self, state: Any) -> None:
        """Raise 404, 405 or 501, which only callers with a token see; 403 when the rule does not pass."""
        exchange: Exchange = state.request.environ[exchanges.KEY]
        route = exchange.route
        if exchange.absent is not None:
            raise NotBuilt(sentence=exchange.absent.sentence)
        if route is None:
            raise WebError(404, "Not Found", "The resource could not be found.")
        method = "GET" if exchange.method == "HEAD" else exchange.method
        if method not in route.handlers:
            raise WebError(405, "Method Not Allowed", "The method is not allowed for this resource.",
                           {"Allow": ", ".join(route.allowed)})
        if not route.is_public(method) and not self._policy.allows(route.rules[method].name, exchange.ctx):
            raise WebError(403, "Forbidden", "The requested action is not authorized")


class BodyHook(pecan_hooks.PecanHook):  # type: ignore[misc]
    """Reads the body within the limits, after the policy check.

    A controller with ``streams_body`` gets the pieces as they arrive and must check the media type itself.
    """

    priority = 30

    def __init__(self, settings: Settings, dialect: Dialect) -> None:
        super().__init__()
        self._settings, self._dialect = settings, dialect

    def before(self, state: Any) -> None:
        """Store the body in the exchange; WebError 413, 408 or 415 when it is not acceptable."""
        environ = state.request.environ
        exchange: Exchange = environ[exchanges.KEY]
        controller = exchange.route.controller if exchange.route is not None else None
        limit = int(getattr(controller, "max_body_bytes", self._settings.max_body_bytes))
        patience_s = self._settings.request_read_timeout_s
        if getattr(controller, "streams_body", False):
            exchange.pieces = paced_pieces(environ, limit, patience_s, self._settings.streamed_bytes_per_s)
            return
        exchange.pieces = body_pieces(environ, limit, patience_s)
        exchange.body = body = b"".join(exchange.pieces)
        media_type = str(environ.get("CONTENT_TYPE") or "").split(";", 1)[0].strip().lower()
        written = exchange.method in ("POST", "PUT", "PATCH")
        if body and written and self._dialect.strict_content_type and media_type not in ACCEPTED_TYPES:
            raise WebError(415, "Unsupported Media Type", "The content type of the body must be application/json.")


class ErrorHook(pecan_hooks.PecanHook):  # type: ignore[misc]
    """Converts errors to HTTP responses."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__()
        self._dialect = dialect

    def on_error(self, state: Any, error: Exception) -> Any:
        """The response to any exception of the layers below."""
        environ = state.request.environ
        return error_response(self._dialect, environ, environ[exchanges.KEY], error)


def error_response(dialect: Dialect, environ: dict[str, Any], exchange: Exchange, error: Exception) -> Any:
    """A WebOb response in the subsystem's error format; logs unknown exceptions and returns 500 without details."""
    headers: dict[str, str] = {}
    if isinstance(error, WebError):
        status, headers = error.status, error.headers
        body = dialect.web_fault(status, error.title, error.text)
    elif isinstance(error, FlockError):
        status, body = error.http, dialect.domain_fault(error)
        if exchange.absent is not None and exchange.absent.error_key:
            body = json.dumps({"success": "", "error": str(error)}).encode("ascii")
        if status >= 500 and not isinstance(error, NotBuilt):
            LOG.warning("%s %s: %s (%s)", exchange.method, exchange.path, error, error.code)
        if status == 503:
            headers = {"Retry-After": "5"}
    else:
        LOG.error("unhandled error in %s %s", exchange.method, exchange.path,
                  exc_info=(type(error), error, error.__traceback__))
        status = 500
        body = dialect.unexpected(error, exchange.request_id)
    response = PecanResponse(body=body, status=status, content_type="application/json", charset=None)
    accept = str(environ.get("HTTP_ACCEPT", ""))
    if "application/xml" in accept and "json" not in accept and "*/*" not in accept:
        text = str(next((value for key, value in response.json_body.items() if key != "success" and value), ""))
        response.body = f"<error_message>{escape(text)}</error_message>".encode()
        response.content_type = "application/xml"
    response.headers.update(headers)
    return response


class Application(ExplicitPecan):  # type: ignore[misc]
    """Pecan with the route table instead of attribute traversal, and without pecan's parsing of parameters.

    Pecan would read and decode bodies before any limit applies; the hooks of this module read them instead.
    """

    def __init__(self, settings: Settings, dialect: Dialect, policy: Policy, deps: Dependencies) -> None:
        hooks = [ContextHook(), PolicyHook(policy), BodyHook(settings, dialect), ErrorHook(dialect)]
        super().__init__(self, hooks=hooks, default_renderer="json", force_canonical=False,
                         guess_content_type_from_ext=False)
        self._settings, self._deps, self._policy = settings, deps, policy

    def find_controller(self, state: Any) -> tuple[Any, list[Any], dict[str, Any]]:
        """Run the hooks; returns ``dispatch``, which calls the controller of the matched route."""
        state.controller = self.dispatch
        state.arguments = Arguments([], [], {})
        self.handle_hooks(self.hooks, "on_route", state)
        self.handle_hooks(self.hooks, "before", state)
        return self.dispatch, [state.request, state.response], {}

    @pecan.expose()  # type: ignore[untyped-decorator]
    def dispatch(self, request: Any, _response: Any) -> Any:
        """Call the controller method of the matched route; returns its result as a response."""
        environ = request.environ
        exchange: Exchange = environ[exchanges.KEY]
        assert exchange.route is not None  # noqa: S101  # the policy hook refused unknown paths
        method = "GET" if exchange.method == "HEAD" else exchange.method
        call = Call(
            ctx=exchange.ctx, args=exchange.args, body=exchange.body or b"", pieces=exchange.pieces,
            query=Query(str(environ.get("QUERY_STRING", "")), self._settings.limit_max),
            base_url=exchanges.base_url(environ, self._settings.public_endpoint),
            deps=self._deps, environ=environ, depth_max=self._settings.max_json_depth,
            allows=lambda rule: self._policy.allows(rule, exchange.ctx))
        arguments = exchange.route.arguments.get(method)
        if arguments is not None:
            call.query.only(arguments)
        result = exchange.route.handlers[method](call)
        exchange.streamed = isinstance(result, Reply) and is_pieces(result.data)
        return respond(result)


class StreamedResponse(PecanResponse):  # type: ignore[misc]
    """Sends ``app_iter`` piece by piece.

    Pecan reads the body of each 200 to see whether it is empty; without this class it would collect a whole stream
    before it sends the first piece.
    """

    body = b"sent piece by piece"


def respond(result: Any) -> Any:
    """The response for a controller's result."""
    reply = result if isinstance(result, Reply) else Reply(result, 204 if result is None else 200)
    if is_pieces(reply.data):
        response = StreamedResponse(app_iter=reply.data, status=reply.status, content_type=reply.data.content_type,
                                    charset=None)
        response.headers.update(reply.headers)
        return response
    body = b"" if reply.data is None else encode(reply.data)
    status = 204 if reply.status == 200 and not body else reply.status
    response = PecanResponse(body=body, status=status, content_type="application/json", charset=None)
    if status == 204:
        response.content_type = None
    response.headers.update(reply.headers)
    return response
