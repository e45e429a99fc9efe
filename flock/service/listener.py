# SPDX-License-Identifier: Apache-2.0
"""The small HTTP listener of a daemon that is no API: /metrics and /healthz, one request at a time."""
from __future__ import annotations

import json
import logging
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import prometheus_client

from flock.core.health import Health

LOG = logging.getLogger(__name__)
REQUEST_TIMEOUT_S = 5


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_TIMEOUT_S
    server_version = "flock"
    sys_version = ""
    server: _Server

    def do_GET(self) -> None:
        """Serve the two known paths; 404 for any other."""
        path = self.path.split("?", 1)[0].rstrip("/")
        if path == "/metrics":
            self._send(200, prometheus_client.generate_latest(), "text/plain; version=0.0.4; charset=utf-8")
        elif path in ("/healthz", "/healthcheck"):
            well, report = self.server.health.report()
            self._send(200 if well else 503, json.dumps(report).encode(), "application/json")
        else:
            self._send(404, b"", "text/plain")

    def _send(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing, because scrapes are frequent."""


class _Server(HTTPServer):
    def __init__(self, address: tuple[str, int], health: Health) -> None:
        self.health = health
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log a failed request at debug level, because clients may disconnect at any time."""
        LOG.debug("metrics request of %s failed", client_address, exc_info=True)


class Listener:
    """Serves in one thread from construction until ``stop``; ``port`` is the bound port."""

    def __init__(self, host: str, port: int, health: Health) -> None:
        self._server = _Server((host, port), health)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the socket; returns within the request timeout."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(REQUEST_TIMEOUT_S + 1)
