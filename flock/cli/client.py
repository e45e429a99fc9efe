# SPDX-License-Identifier: Apache-2.0
"""The HTTP client of the command lines and client packages: a keystoneauth adapter that raises CliError."""
from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from keystoneauth1 import exceptions as ksa
from keystoneauth1.adapter import Adapter

from flock.cli.credentials import CachedPassword, Credentials, session_for
from flock.cli.errors import ApiError, ApiUnreachable, CliError, UsageError, server_sentence, status_sentence
from flock.cli.tokens import TokenCache
from flock.core.parse import parse_json

INVALID_CREDENTIALS = "Invalid Identity credentials."
CONNECT_TIMEOUT_S = 30.0
STREAM_SILENCE_MAX_S = 60.0
# OpenSSL's reason when a certificate is not trusted or has another name; all else that ends TLS says nothing of trust.
UNVERIFIED = "CERTIFICATE_VERIFY_FAILED"

Query = Mapping[str, Any] | Sequence[tuple[str, str]]


def client_for(given: Credentials, service_type: str, url_option: str, cache: TokenCache | None = None) -> ApiClient:
    """The client of one service; errors name ``url_option`` when the API does not respond."""
    adapter = Adapter(
        session_for(given, cache), service_type=service_type, interface=given.interface or "public",
        region_name=given.region_name or None, endpoint_override=given.endpoint or None)
    return ApiClient(adapter, url_option)


class ApiClient:
    """JSON calls to one service. Paths are absolute and include the version: ``/v1/ihosts``.

    The catalogue's URL may end in the version or not. Every failure raises a CliError.
    """

    def __init__(self, adapter: Adapter, url_option: str = "--os-endpoint") -> None:
        self._adapter = adapter
        self._url_option = url_option
        self._base: str | None = None

    def get(self, path: str, query: Query | None = None) -> Any:
        return self._call("GET", path, query=query)

    def post(self, path: str, body: Any, query: Query | None = None) -> Any:
        return self._call("POST", path, body=body, query=query)

    def put(self, path: str, body: Any) -> Any:
        return self._call("PUT", path, body=body)

    def patch(self, path: str, body: Any) -> Any:
        return self._call("PATCH", path, body=body)

    def delete(self, path: str, query: Query | None = None, body: Any = None) -> Any:
        return self._call("DELETE", path, body=body, query=query)

    def answer(self, method: str, path: str, body: Any = None, *, passed: Collection[int] = (),
               data: Any = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Status and JSON body of a response, also of one whose status is in ``passed``. ``data``: a body that is no
        JSON; a stream is sent piece by piece."""
        extra: dict[str, Any] = {"headers": dict(headers or {})}
        if data is not None:
            extra["data"] = data
        elif body is not None:
            extra["json"] = body
        reply = self._answered(path, method, extra, passed)
        return int(reply.status_code), _decoded(reply)

    @contextlib.contextmanager
    def stream(self, path: str, query: Query | None = None, headers: Mapping[str, str] | None = None,
               silence_max_s: float = STREAM_SILENCE_MAX_S) -> Iterator[Iterator[bytes]]:
        """GET a streamed response: its pieces as they arrive. CliError when no piece arrives for ``silence_max_s``."""
        extra: dict[str, Any] = {"params": query} if query else {}
        reply = self._answered(path, "GET", {
            **extra, "stream": True, "timeout": (CONNECT_TIMEOUT_S, silence_max_s), "headers": dict(headers or {})})
        try:
            yield self._pieces(reply)
        finally:
            reply.close()

    def _pieces(self, reply: Any) -> Iterator[bytes]:
        try:
            # chunk_size=None yields data as soon as it arrives.
            yield from reply.iter_content(chunk_size=None)
        except OSError as problem:
            raise self._explained(problem) from problem

    def _call(self, method: str, path: str, body: Any = None, query: Query | None = None) -> Any:
        extra: dict[str, Any] = {"params": query} if query else {}
        if body is not None:
            extra["json"] = body
        return _decoded(self._answered(path, method, extra))

    def _answered(self, path: str, method: str, extra: dict[str, Any], passed: Collection[int] = ()) -> Any:
        """The response if its status is below 400 or in ``passed``; else raises a CliError."""
        try:
            reply = self._request(path, method, extra)
        except (ksa.ClientException, OSError) as problem:
            raise self._explained(problem) from problem
        if reply.status_code >= 400 and reply.status_code not in passed:
            raise _api_error(reply)
        return reply

    def _request(self, path: str, method: str, extra: dict[str, Any]) -> Any:
        asked = {**extra, "headers": {"Accept": "application/json", **extra.get("headers", {})}}

        def ask() -> Any:
            return self._adapter.request(self._url(path), method, raise_exc=False, **asked)
        try:
            return ask()
        except ksa.ConnectFailure as problem:
            # The server may have closed an idle connection, so repeat a GET once; other methods are not idempotent.
            if method != "GET" or "Connection aborted" not in str(problem):
                raise
            return ask()

    def _url(self, path: str) -> str:
        if self._base is None:
            endpoint = self._adapter.endpoint_override or self._adapter.get_endpoint()
            if not endpoint:
                raise self._no_endpoint()
            self._base = _without_version(endpoint)
        return self._base + path

    def _no_endpoint(self) -> CliError:
        return CliError(
            f"The Keystone catalogue has no {self._adapter.service_type!r} endpoint for interface "
            f"{self._adapter.interface!r} in region {self._adapter.region_name or 'any'!r}. "
            f"Give one with {self._url_option}.")

    def _explained(self, problem: Exception) -> CliError:
        if isinstance(problem, ksa.EndpointNotFound):
            return self._no_endpoint()
        if isinstance(problem, ksa.Unauthorized):
            return ApiError(401, INVALID_CREDENTIALS, getattr(problem, "request_id", None))
        if isinstance(problem, ksa.HttpError):
            text = problem.message or f"HTTP {problem.http_status}"
            return ApiError(problem.http_status or 500, text, problem.request_id)
        where = self._base or self._adapter.endpoint_override or _auth_url(self._adapter) or "Keystone"
        advice = f"Check that the service is running and that the URL ({self._url_option} or the catalogue) is right."
        if self._base is None and not self._adapter.endpoint_override:
            advice = "Check that Keystone is running and that --os-auth-url (OS_AUTH_URL) is right."
        if isinstance(problem, ksa.SSLError) and UNVERIFIED in str(problem):
            return ApiUnreachable(f"Cannot trust {where}: {_cause(problem)}. Give its CA with --os-cacert (OS_CACERT).")
        _forget_login(self._adapter)
        if isinstance(problem, ksa.ConnectTimeout) or "timed out" in str(problem):
            return ApiUnreachable(f"No response from {where} in time. {advice}")
        if isinstance(problem, (ksa.ConnectionError, OSError)):
            return ApiUnreachable(f"Cannot connect to {where}: {_cause(problem)}. {advice}")
        return CliError(" ".join(str(problem).split()))


def _without_version(endpoint: str) -> str:
    base = endpoint.rstrip("/")
    return base[:-3] if base.endswith("/v1") else base


def _auth_url(adapter: Adapter) -> str | None:
    return getattr(adapter.session.auth, "auth_url", None)


def _forget_login(adapter: Adapter) -> None:
    """Drop the cached login, so that the next command gets the endpoint from the catalogue again."""
    auth = getattr(getattr(adapter, "session", None), "auth", None)
    if isinstance(auth, CachedPassword):
        auth.forget()


def _cause(problem: Exception) -> str:
    """A short reason from the long texts of requests and urllib3."""
    text = str(problem)
    for sign, words in (
        ("Connection refused", "connection refused"), ("Name or service not known", "unknown host name"),
        ("Temporary failure in name resolution", "host name cannot be resolved"),
        ("No route to host", "no route to host"), ("Network is unreachable", "network is unreachable"),
        (UNVERIFIED, "its certificate cannot be verified"),
        ("Connection aborted", "connection closed by the server"),
        ("EOF", "connection closed by the server before TLS was agreed"),
        ("WRONG_VERSION_NUMBER", "it does not speak TLS"), ("HANDSHAKE_FAILURE", "it refuses the TLS handshake"),
    ):
        if sign in text:
            return words
    return " ".join(text.split())[:200]


def _api_error(reply: Any) -> ApiError:
    request_id = reply.headers.get("X-Openstack-Request-Id") or reply.headers.get("X-Request-Id")
    if reply.status_code == 401:
        return ApiError(401, INVALID_CREDENTIALS, request_id)
    sentence = server_sentence(reply.content)
    return ApiError(reply.status_code, sentence or status_sentence(reply.status_code, reply.reason or ""), request_id,
                    from_server=bool(sentence))


def _decoded(reply: Any) -> Any:
    if not reply.content:
        return None
    try:
        return parse_json(reply.content)
    except ValueError:
        raise ApiError(502, f"The response from {reply.url} is not JSON.") from None


def segment(text: str) -> str:
    """``text`` as one path segment of a URL; UsageError for "", "." and "..", which would name another resource."""
    if text in ("", ".", ".."):
        raise UsageError(f"{text!r} is no name and no id.")
    return quote(text, safe="")
