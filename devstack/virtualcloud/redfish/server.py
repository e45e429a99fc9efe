# SPDX-License-Identifier: Apache-2.0
"""Replies of a virtual management controller to requests: credentials, sessions, resources, commands."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.redfish import tree
from devstack.virtualcloud.redfish.listener import Listener
from devstack.virtualcloud.redfish.requests import Command, Rejection, Request, Response, error_body, read_command
from devstack.virtualcloud.redfish.view import ServerView

LOG = logging.getLogger(__name__)
SESSIONS_MAX = 16
PUBLIC = frozenset({"/redfish", tree.ROOT})


class RedfishServer:
    """Serves Redfish of one server on a listening socket."""

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
        self._listener: Listener | None = None

    async def start(self, listener: socket.socket) -> None:
        """Start serving."""
        self._listener = Listener(listener, self.answer)

    async def stop(self) -> None:
        """Close the socket and all connections."""
        if self._listener is not None:
            self._listener.close()

    async def answer(self, request: Request) -> Response:
        """Return the reply to one request."""
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


def _json(request: Request) -> Any:
    if not request.body:
        return {}
    try:
        return json.loads(request.body)
    except ValueError:
        raise Rejection(400, "The body is not JSON.") from None
