# SPDX-License-Identifier: Apache-2.0
"""The state that all layers share about one HTTP request, and the errors of the web layer."""
from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flock.api.absent import Absent
from flock.api.routes import Route
from flock.auth.context import RequestContext, anonymous

KEY = "flock.exchange"
_REQUEST_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HOST = re.compile(r"[A-Za-z0-9.\-_]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


@dataclass(slots=True)
class Exchange:
    """One request.

    ``body`` is None until it was read completely; ``pieces`` yields it as it arrives. ``route`` is None for an unknown
    path, and ``absent`` is the entry that covers it, if any. ``streamed``: the response continues after the
    application has returned. ``asks_only``: the front asks whether a request may pass.
    """

    request_id: str
    method: str
    path: str
    started_s: float
    route: Route | None = None
    absent: Absent | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    ctx: RequestContext = field(default_factory=lambda: anonymous(""))
    body: bytes | None = None
    pieces: Iterable[bytes] = ()
    status: int = 0
    length: int = 0
    streamed: bool = False
    asks_only: bool = False


class WebError(Exception):
    """An error of routing, policy or transport: status, title, a sentence, extra headers."""

    def __init__(self, status: int, title: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.title, self.text, self.headers = status, title, text, dict(headers or {})


def request_id(environ: Mapping[str, Any]) -> str:
    """The caller's request id if it is well formed, else a new one."""
    inbound = str(environ.get("HTTP_X_OPENSTACK_REQUEST_ID", ""))
    if _REQUEST_ID.fullmatch(inbound):
        return inbound
    return f"req-{uuid.UUID(bytes=secrets.token_bytes(16), version=4)}"


def request_path(environ: Mapping[str, Any]) -> str:
    """The decoded path without trailing slashes; ``WebError`` 400 when it is not UTF-8 or contains NUL."""
    try:
        path = str(environ.get("PATH_INFO", "")).encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise WebError(400, "Bad Request", "The path is not valid UTF-8.") from None
    if "\x00" in path:
        raise WebError(400, "Bad Request", "The path must not contain NUL characters.")
    return path.rstrip("/") or "/"


def base_url(environ: Mapping[str, Any], public_endpoint: str | None) -> str:
    """Scheme and host for links: the configured endpoint, or the client's Host header if it is well formed."""
    if public_endpoint:
        return public_endpoint.rstrip("/")
    host = str(environ.get("HTTP_HOST", ""))
    if _HOST.fullmatch(host) is None:
        host = f"{environ.get('SERVER_NAME', 'localhost')}:{environ.get('SERVER_PORT', '80')}"
    return f"{environ.get('wsgi.url_scheme', 'http')}://{host}"
