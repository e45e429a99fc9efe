# SPDX-License-Identifier: Apache-2.0
"""What stands at the other end in these tests: an HTTP server that can hang, and a client of the event stream."""
from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit


class HttpReceiver:
    """Keeps the JSON bodies that are POSTed to it; while ``hanging`` it answers nothing."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.attempts = 0
        self.hanging = threading.Event()
        self.released = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.attempts += 1
                if receiver.hanging.is_set():
                    receiver.released.wait(60)
                    self.close_connection = True
                    return
                receiver.bodies.append(body)
                receiver.headers.append(dict(self.headers))
                receiver.times.append(time.monotonic())
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def hang(self) -> None:
        """Take connections and answer nothing."""
        self.released.clear()
        self.hanging.set()

    def recover(self) -> None:
        """Answer again."""
        self.hanging.clear()
        self.released.set()

    def forget(self) -> None:
        """As if nothing had come yet."""
        for seen in (self.bodies, self.headers, self.times):
            seen.clear()

    def stop(self) -> None:
        """End."""
        self.recover()
        self._server.shutdown()
        self._server.server_close()


class StreamClient:
    """A client of ``/v1/event_stream`` on a bare socket, read in a thread of its own; ``ids`` and ``text`` grow."""

    def __init__(self, base: str, token: str, query: str = "", last_id: int | None = None) -> None:
        parts = urlsplit(base)
        self.text = ""
        self.status = 0
        self.head = ""
        self.ended = threading.Event()
        self.arrived: dict[int, float] = {}
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), 10)
        resume = "" if last_id is None else f"Last-Event-ID: {last_id}\r\n"
        self._socket.sendall(f"GET /v1/event_stream{query} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\n{resume}"
                             "\r\n".encode())
        self._socket.settimeout(60)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.wait(lambda: self.head or self.ended.is_set(), "the head of the answer")

    @property
    def ids(self) -> list[int]:
        """Numbers of the events received, in order."""
        return [int(block.split("\n")[0][4:]) for block in self._blocks() if "\ndata: " in block]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events received, in order."""
        return [json.loads(block.split("\ndata: ")[1]) for block in self._blocks() if "\ndata: " in block]

    def wait(self, condition: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
        """Until ``condition`` holds."""
        ends_at = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < ends_at, f"no {what} within {timeout_s} s: {self.head} {self.text[-300:]}"
            time.sleep(0.01)

    def vanish(self) -> None:
        """Close the connection."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        self._thread.join(5)

    def _blocks(self) -> list[str]:
        complete, _, _ = self.text.rpartition("\n\n")
        return [block for block in complete.split("\n\n") if block.startswith("id: ")]

    def _read(self) -> None:
        raw = b""
        decoded = b""
        try:
            while piece := self._socket.recv(65536):
                raw += piece
                if not self.head and b"\r\n\r\n" in raw:
                    head, _, raw = raw.partition(b"\r\n\r\n")
                    self.status = int(head.split()[1])
                    self.head = head.decode()
                while self.head and b"\r\n" in raw:
                    size, _, rest = raw.partition(b"\r\n")
                    if "chunked" not in self.head or len(rest) < int(size, 16) + 2:
                        break
                    decoded += rest[:int(size, 16)]
                    raw = rest[int(size, 16) + 2:]
                    self.text = decoded.decode()
        except (OSError, ValueError):
            pass
        finally:
            self.ended.set()
