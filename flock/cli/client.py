# SPDX-License-Identifier: Apache-2.0
"""The HTTP client of the command lines and of client packages: a keystoneauth adapter with our errors."""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from keystoneauth1 import exceptions as ksa
from keystoneauth1 import token_endpoint
from keystoneauth1.adapter import Adapter
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from flock.cli.errors import ApiError, ApiUnreachable, CliError, fault_text

INVALID_CREDENTIALS = "Invalid Identity credentials."
TIMEOUT_DEFAULT_S = 600


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who is asking and where Keystone is; ``token`` replaces user and password, ``endpoint`` the catalogue."""

    auth_url: str = ""
    username: str = ""
    password: str = ""
    user_id: str = ""
    token: str = ""
    project_id: str = ""
    project_name: str = ""
    user_domain_id: str = ""
    user_domain_name: str = ""
    project_domain_id: str = ""
    project_domain_name: str = ""
    region_name: str = ""
    interface: str = "public"
    endpoint: str = ""
    cacert: str = ""
    cert: str = ""
    key: str = ""
    insecure: bool = False
    timeout_s: float = TIMEOUT_DEFAULT_S

    def __repr__(self) -> str:
        return f"Credentials(auth_url={self.auth_url!r}, username={self.username!r})"


def missing_credential(given: Credentials) -> str | None:
    """The first thing without which Keystone cannot be asked, as a sentence, or None."""
    if given.token and given.endpoint:
        return None
    needed = [("an auth url", "--os-auth-url", "OS_AUTH_URL", given.auth_url)]
    if not given.token:
        needed = [
            ("a username", "--os-username", "OS_USERNAME", given.username or given.user_id),
            ("a password", "--os-password", "OS_PASSWORD", given.password),
            ("a project name", "--os-project-name", "OS_PROJECT_NAME", given.project_name or given.project_id),
            *needed,
        ]
    for noun, option, env, value in needed:
        if not value:
            return f"You must provide {noun} via either {option} or via env[{env}]"
    return None


def session_for(given: Credentials) -> Session:
    """A keystoneauth session; no request is sent yet. Raises CliError when something is missing."""
    if (missing := missing_credential(given)) is not None:
        raise CliError(missing)
    auth: Any
    if given.token and given.endpoint:
        auth = token_endpoint.Token(given.endpoint, given.token)
    else:
        scope: dict[str, Any] = {
            "project_id": given.project_id or None,
            "project_name": given.project_name or None,
            "project_domain_id": given.project_domain_id or _default_domain(given.project_domain_name),
            "project_domain_name": given.project_domain_name or None,
        }
        if given.token:
            auth = v3.Token(given.auth_url, given.token, **scope)
        else:
            user_domain_id = given.user_domain_id or (
                None if given.user_id else _default_domain(given.user_domain_name))
            auth = v3.Password(
                given.auth_url, password=given.password, username=given.username or None, user_id=given.user_id or None,
                user_domain_id=user_domain_id, user_domain_name=given.user_domain_name or None, **scope)
    verify: Any = False if given.insecure else (given.cacert or True)
    cert = (given.cert, given.key) if given.cert and given.key else given.cert or None
    return Session(auth=auth, verify=verify, cert=cert, timeout=given.timeout_s)


def _default_domain(name: str) -> str | None:
    return None if name else "default"


def client_for(given: Credentials, service_type: str, url_option: str) -> ApiClient:
    """The client of one service; ``url_option`` is named in the error when the API does not answer."""
    adapter = Adapter(
        session_for(given), service_type=service_type, interface=given.interface or "public",
        region_name=given.region_name or None, endpoint_override=given.endpoint or None)
    return ApiClient(adapter, url_option)


class ApiClient:
    """JSON calls to one service. Paths are absolute and carry the version: ``/v1/ihosts``.

    The catalogue's URL may or may not end in the version; both work. Every failure is a CliError.
    """

    def __init__(self, adapter: Adapter, url_option: str = "--os-endpoint") -> None:
        self._adapter = adapter
        self._url_option = url_option
        self._base: str | None = None

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return self._call("GET", path, query=query)

    def post(self, path: str, body: Any) -> Any:
        return self._call("POST", path, body=body)

    def put(self, path: str, body: Any) -> Any:
        return self._call("PUT", path, body=body)

    def patch(self, path: str, body: Any) -> Any:
        return self._call("PATCH", path, body=body)

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def upload(self, path: str, name: str, content: bytes) -> Any:
        """POST one file as multipart form data, part ``file``."""
        return self._call("POST", path, files={"file": (name, content)})

    def _call(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None,
              files: Any = None) -> Any:
        extra: dict[str, Any] = {"params": query} if query else {}
        if files is not None:
            extra["files"] = files
        elif body is not None:
            extra["json"] = body
        try:
            reply = self._request(path, method, extra)
        except (ksa.ClientException, OSError) as problem:
            raise self._explained(problem) from problem
        if reply.status_code >= 400:
            raise _api_error(reply)
        return _decoded(reply)

    def _request(self, path: str, method: str, extra: dict[str, Any]) -> Any:
        def ask() -> Any:
            return self._adapter.request(
                self._url(path), method, raise_exc=False, headers={"Accept": "application/json"}, **extra)
        try:
            return ask()
        except ksa.ConnectFailure as problem:
            # The server has closed a kept connection: one more try, where asking twice does no harm.
            if method != "GET" or "Connection aborted" not in str(problem):
                raise
            return ask()

    def _url(self, path: str) -> str:
        if self._base is None:
            endpoint = self._adapter.endpoint_override or self._adapter.get_endpoint()
            if not endpoint:
                raise CliError(
                    f"The Keystone catalogue has no {self._adapter.service_type!r} endpoint for interface "
                    f"{self._adapter.interface!r} in region {self._adapter.region_name or 'any'!r}. "
                    f"Give one with {self._url_option}.")
            self._base = _without_version(endpoint)
        return self._base + path

    def _explained(self, problem: Exception) -> CliError:
        if isinstance(problem, ksa.Unauthorized):
            return ApiError(401, INVALID_CREDENTIALS, getattr(problem, "request_id", None))
        if isinstance(problem, ksa.HttpError):
            text = problem.message or f"HTTP {problem.http_status}"
            return ApiError(problem.http_status or 500, text, problem.request_id)
        where = self._base or self._adapter.endpoint_override or _auth_url(self._adapter) or "Keystone"
        advice = f"Check that the service is running and that the URL ({self._url_option} or the catalogue) is right."
        if self._base is None and not self._adapter.endpoint_override:
            advice = "Check that Keystone is running and that --os-auth-url (OS_AUTH_URL) is right."
        if isinstance(problem, ksa.SSLError):
            return ApiUnreachable(f"Cannot trust {where}: {_cause(problem)}. Give its CA with --os-cacert (OS_CACERT).")
        if isinstance(problem, ksa.ConnectTimeout):
            return ApiUnreachable(f"No answer from {where} in time. {advice}")
        if isinstance(problem, (ksa.ConnectionError, OSError)):
            return ApiUnreachable(f"Cannot connect to {where}: {_cause(problem)}. {advice}")
        return CliError(" ".join(str(problem).split()))


def _without_version(endpoint: str) -> str:
    base = endpoint.rstrip("/")
    return base[:-3] if base.endswith("/v1") else base


def _auth_url(adapter: Adapter) -> str | None:
    return getattr(adapter.session.auth, "auth_url", None)


def _cause(problem: Exception) -> str:
    """The short reason inside the long texts of requests and urllib3."""
    text = str(problem)
    for sign, words in (
        ("Connection refused", "connection refused"), ("Name or service not known", "unknown host name"),
        ("Temporary failure in name resolution", "host name cannot be resolved"),
        ("No route to host", "no route to host"), ("Network is unreachable", "network is unreachable"),
        ("CERTIFICATE_VERIFY_FAILED", "its certificate cannot be verified"),
        ("Connection aborted", "connection closed by the server"), ("timed out", "no answer in time"),
    ):
        if sign in text:
            return words
    return " ".join(text.split())[:200]


def _api_error(reply: Any) -> ApiError:
    request_id = reply.headers.get("X-Openstack-Request-Id") or reply.headers.get("X-Request-Id")
    if reply.status_code == 401:
        return ApiError(401, INVALID_CREDENTIALS, request_id)
    return ApiError(reply.status_code, fault_text(reply.content, reply.status_code, reply.reason or ""), request_id)


def _decoded(reply: Any) -> Any:
    if not reply.content:
        return None
    try:
        return json.loads(reply.content)
    except ValueError:
        raise ApiError(502, f"The answer of {reply.url} is not JSON.") from None


def segment(text: str) -> str:
    """``text`` as one path segment of a URL."""
    return quote(text, safe="")
