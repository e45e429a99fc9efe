# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 of a management controller by the standard library's server; the answers come from the lab's event loop."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from devstack.virtualcloud.redfish.requests import Rejection, Request, Response, error_body

LOG = logging.getLogger(__name__)
BODY_BYTES_MAX = 64 * 1024
CONNECTIONS_MAX = 32
IDLE_S = 75.0
ANSWER_S_MAX = 120.0

Answer = Callable[[Request], Awaitable[Response]]


class Handler(BaseHTTPRequestHandler):
    """Serves one connection in a separate thread."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # gives a head to the refusal of data that is not HTTP
    timeout = IDLE_S
    server: Listener

    def _serve(self) -> None:
        try:
            body = self.rfile.read(self._length())
        except Rejection as exc:
            self.close_connection = True
            self._send(Response(exc.status, error_body(exc.text)))
            return
        path = self.path.partition("?")[0].rstrip("/") or "/"
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.ask(Request(self.command, path, headers, body)))

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - the names the standard library looks for

    def _length(self) -> int:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            raise Rejection(400, "Content-Length must tell the size of the body.")
        if len(length) > 9 or int(length) > BODY_BYTES_MAX:
            raise Rejection(413, f"The body is larger than {BODY_BYTES_MAX} bytes.")
        return int(length)

    def _send(self, response: Response) -> None:
        body = response.body()
        self.send_response(response.status)
        headers = {
            "Content-Type": "application/json", "OData-Version": "4.0", "Content-Length": str(len(body)),
            **({"Connection": "close"} if self.close_connection else {}), **response.headers,
        }  # fmt: skip
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send in Redfish's form an error that the standard library found (no HTTP, too long, unknown method)."""
        self.close_connection = True
        self._send(Response(code, error_body(message or HTTPStatus(code).phrase)))

    def version_string(self) -> str:
        """Return no name, because management controllers do not name their implementation."""
        return "flock-bmc"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Log nothing for single requests."""
        LOG.debug(format, *args)


class Listener(ThreadingHTTPServer):
    """Serves a listening socket; the event loop accepts, threads read and write."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, answer: Answer) -> None:
        super().__init__(listener.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._loop.add_reader(listener.fileno(), self.handle_request)

    def close(self) -> None:
        """Stop accepting and end all connections."""
        self._loop.remove_reader(self.socket.fileno())
        self.server_close()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def ask(self, request: Request) -> Response:
        """Wait in a connection's thread for the lab's reply and return it."""
        try:
            return asyncio.run_coroutine_threadsafe(self._answered(request), self._loop).result(ANSWER_S_MAX)
        except (TimeoutError, RuntimeError):
            return Response(503, error_body("The management controller is going away."))

    async def _answered(self, request: Request) -> Response:
        return await self._answer(request)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Refuse more than CONNECTIONS_MAX connections at a time."""
        with self._lock:
            if len(self._open) >= CONNECTIONS_MAX:
                return False
            self._open.add(request)
            return True

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that has ended."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of a client that disconnected."""
        LOG.debug("connection of %s", client_address, exc_info=True)
