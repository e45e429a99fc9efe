# SPDX-License-Identifier: Apache-2.0
"""The HTTP side of a virtual management controller: a small HTTP/1.1 server, credentials, sessions."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.redfish import tree
from devstack.virtualcloud.redfish.requests import Command, Rejection, error_body, read_command
from devstack.virtualcloud.redfish.view import ServerView

LOG = logging.getLogger(__name__)
BODY_BYTES_MAX = 64 * 1024
HEADERS_MAX = 64
CONNECTIONS_MAX = 32
SESSIONS_MAX = 16
IDLE_S = 75.0
REASONS = {
    200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
    405: "Method Not Allowed", 409: "Conflict", 413: "Payload Too Large", 500: "Internal Server Error",
}  # fmt: skip
PUBLIC = frozenset({"/redfish", tree.ROOT})


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are lower case, the path has no query and no trailing slash."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer; `data` None gives an empty body."""

    status: int
    data: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


class RedfishServer:
    """Serves one server's Redfish on a socket that listens already."""

    def __init__(
        self,
        view: Callable[[], ServerView],
        perform: Callable[[Command], Awaitable[None]],
        user: str,
        password: str,
    ) -> None:
        self._view = view
        self._perform = perform
        self._user = user
        self._password = password
        self._sessions: dict[str, str] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Begin to serve."""
        self._server = await asyncio.start_server(self._serve, sock=listener)

    async def stop(self) -> None:
        """Close the socket and all connections."""
        if self._server is not None:
            self._server.close()
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= CONNECTIONS_MAX:
            writer.close()
            return
        self._connections.add(task)
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    request = await read_request(reader)
                if request is None:
                    break
                response = await self.answer(request)
                keep = request.headers.get("connection", "").lower() != "close"
                writer.write(render_response(response, keep))
                await writer.drain()
                if not keep:
                    break
        except Rejection as exc:
            writer.write(render_response(Response(exc.status, error_body(exc.text)), False))
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def answer(self, request: Request) -> Response:
        """The answer to one request."""
        try:
            return await self._answer(request)
        except Rejection as exc:
            headers = {"WWW-Authenticate": 'Basic realm="Redfish"'} if exc.status == 401 else {}
            return Response(exc.status, error_body(exc.text), headers)
        except LabError as exc:
            return Response(409, error_body(exc.text))
        except OSError as exc:
            LOG.exception("%s %s", request.method, request.path)
            return Response(500, error_body(str(exc)))

    async def _answer(self, request: Request) -> Response:
        method, path = request.method, request.path
        if method == "POST" and path == tree.SESSIONS:
            return self._open_session(_json(request))
        if not (method in ("GET", "HEAD") and path in PUBLIC):
            self._check_credentials(request)
        if path == tree.SESSIONS or path.startswith(f"{tree.SESSIONS}/"):
            return self._session(method, path)
        view = self._view()
        if method in ("GET", "HEAD"):
            found = tree.resources(view).get(path)
            if found is None:
                raise Rejection(404, f"There is no resource {path}.")
            return Response(200, found)
        await self._perform(read_command(method, path, _json(request), view))
        return Response(204)

    def _check_credentials(self, request: Request) -> None:
        token = request.headers.get("x-auth-token")
        if token is not None:
            if token in self._sessions:
                return
            raise Rejection(401, "The session has ended.")
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise Rejection(400, "The Authorization header is malformed.") from None
            if self._known(user, password):
                return
        raise Rejection(401, "Credentials are needed.")

    def _known(self, user: str, password: str) -> bool:
        same_user = hmac.compare_digest(user.encode(), self._user.encode())
        return hmac.compare_digest(password.encode(), self._password.encode()) and same_user

    def _open_session(self, body: Any) -> Response:
        user, password = (body.get("UserName"), body.get("Password")) if isinstance(body, dict) else (None, None)
        if not isinstance(user, str) or not isinstance(password, str):
            raise Rejection(400, "UserName and Password are needed.")
        if not self._known(user, password):
            raise Rejection(401, "The credentials are wrong.")
        while len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        token, ident = secrets.token_hex(16), secrets.token_hex(4)
        self._sessions[token] = ident
        location = f"{tree.SESSIONS}/{ident}"
        return Response(201, self._session_body(ident), {"X-Auth-Token": token, "Location": location})

    def _session(self, method: str, path: str) -> Response:
        ident = path.removeprefix(tree.SESSIONS).strip("/")
        if not ident and method == "GET":
            members = [tree.link(f"{tree.SESSIONS}/{item}") for item in self._sessions.values()]
            return Response(200, {
                "@odata.id": tree.SESSIONS, "@odata.type": "#SessionCollection.SessionCollection", "Name": "Sessions",
                "Members": members, "Members@odata.count": len(members),
            })  # fmt: skip
        token = next((key for key, value in self._sessions.items() if value == ident), None)
        if token is None:
            raise Rejection(404, f"There is no resource {path}.")
        if method == "DELETE":
            del self._sessions[token]
            return Response(204)
        if method == "GET":
            return Response(200, self._session_body(ident))
        raise Rejection(405, f"{method} is not allowed here.")

    def _session_body(self, ident: str) -> dict[str, Any]:
        return {
            "@odata.id": f"{tree.SESSIONS}/{ident}", "@odata.type": "#Session.v1_1_0.Session", "Id": ident,
            "Name": "User session", "UserName": self._user,
        }  # fmt: skip


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection, or None at its end; raises Rejection for what is no HTTP or too large."""
    try:
        line = await reader.readline()
        if not line:
            return None
        words = line.decode("latin-1").split()
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise Rejection(400, "This is not an HTTP/1 request.")
        headers: dict[str, str] = {}
        while (line := await reader.readline()).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
            if len(headers) > HEADERS_MAX:
                raise Rejection(400, f"At most {HEADERS_MAX} headers.")
    except ValueError:
        raise Rejection(400, "A line of the request is too long.") from None
    length = headers.get("content-length", "0")
    if not length.isdigit() or "transfer-encoding" in headers:
        raise Rejection(400, "Content-Length must tell the size of the body.")
    if int(length) > BODY_BYTES_MAX:
        raise Rejection(413, f"The body is larger than {BODY_BYTES_MAX} bytes.")
    body = await reader.readexactly(int(length))
    path = words[1].partition("?")[0].rstrip("/") or "/"
    return Request(words[0], path, headers, body)


def render_response(response: Response, keep: bool) -> bytes:
    """The bytes of an answer."""
    body = b"" if response.data is None else json.dumps(response.data).encode()
    headers = {
        "Content-Type": "application/json", "OData-Version": "4.0", "Content-Length": str(len(body)),
        "Connection": "keep-alive" if keep else "close", **response.headers,
    }  # fmt: skip
    lines = [
        f"HTTP/1.1 {response.status} {REASONS[response.status]}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _json(request: Request) -> Any:
    if not request.body:
        return {}
    try:
        return json.loads(request.body)
    except ValueError:
        raise Rejection(400, "The body is not JSON.") from None
