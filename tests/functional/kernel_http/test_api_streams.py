# SPDX-License-Identifier: Apache-2.0
"""Long answers of a real API server, in clear and over TLS. Costs about 8 s."""
from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flock.testing.services.process import free_port, wait_for

PROGRAM = """
import os, threading, time
from flock.service.web import run_api
from flock.api import *
from flock.api.stream import Peer

class Ticks:
    content_type = 'text/event-stream'
    def __init__(self, peer):
        self.peer, self.wake = peer, os.eventfd(0, os.EFD_NONBLOCK)
    def __iter__(self):
        number = 0
        while not self.peer.gone and not APP.is_ending():
            number += 1
            yield b'tick %d\\n' % number
            self.peer.wait(self.wake, 0.2)
        if not self.peer.gone:
            yield b'end\\n'
    def close(self):
        self.peer.end()
        print('closed', 'gone' if self.peer.gone else 'ended', time.monotonic(), flush=True)

class Streams:
    def get(self, call):
        return Reply(Ticks(Peer(call.environ, 5)))

class Quick:
    def get(self, call):
        return {}

def factory(conf):
    global APP
    APP = build_app(conf, 't', [slice_of({'/v1/streams': Streams, '/v1/quick': Quick}, [
        Rule('t:s', ANYONE, 'GET', '/v1/streams'), Rule('t:q', ANYONE, 'GET', '/v1/quick')])], dialect=Dialect())
    return APP

run_api('t-api', factory, default_port=1)
"""


class Server:
    """A running API."""

    def __init__(self, folder: Path, certificate: tuple[Path, Path] | None) -> None:
        self.port = free_port()
        lines = ["[api]", "bind_host = 127.0.0.1", f"bind_port = {self.port}", "threads = 2"]
        self.tls: ssl.SSLContext | None = None
        if certificate is not None:
            lines += [f"tls_certificate = {certificate[0]}", f"tls_key = {certificate[1]}"]
            self.tls = ssl.create_default_context(cafile=str(certificate[0]))
        (folder / "flock.conf").write_text("\n".join(lines))
        (folder / "api.py").write_text(PROGRAM)
        self.log_path = folder / "log"
        with self.log_path.open("wb") as log:
            self.child = subprocess.Popen([sys.executable, "-W", "ignore", str(folder / "api.py")], stdout=log,
                                          stderr=log, env={**os.environ, "FLOCK_CONF_DIR": str(folder),
                                                           "PYTHONPATH": os.getcwd()})
        wait_for(self._serves, 20, "the API to serve")

    def connect(self) -> socket.socket:
        """A connection."""
        plain = socket.create_connection(("127.0.0.1", self.port), 10)
        return plain if self.tls is None else self.tls.wrap_socket(plain, server_hostname="127.0.0.1")

    def stream(self) -> socket.socket:
        """A stream whose first tick has come."""
        connection = self.connect()
        connection.sendall(b"GET /v1/streams HTTP/1.1\r\nHost: x\r\n\r\n")
        read_until(connection, b"tick 2\n")
        return connection

    def closed(self) -> list[list[str]]:
        """What streams said at their end: how, and when."""
        return [line.split()[1:] for line in self.log_path.read_text().splitlines() if line.startswith("closed ")]

    def _serves(self) -> bool:
        try:
            with self.connect() as connection:
                connection.sendall(b"GET /v1/quick HTTP/1.0\r\nHost: x\r\n\r\n")
                return connection.recv(12).endswith(b"200")
        except OSError:
            return False


def read_until(connection: socket.socket, mark: bytes, timeout_s: float = 10.0) -> bytes:
    connection.settimeout(timeout_s)
    got = b""
    while mark not in got:
        piece = connection.recv(65536)
        assert piece, got
        got += piece
    return got


@pytest.fixture(scope="module", params=["clear", "tls"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp(f"streams-{request.param}")
    certificate = None
    if request.param == "tls":
        certificate = (folder / "cert.pem", folder / "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "1", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", str(certificate[1]), "-out", str(certificate[0])], check=True, capture_output=True,
                       timeout=30)
    running = Server(folder, certificate)
    yield running
    if running.child.poll() is None:
        running.child.kill()
    running.child.wait(10)


def until_closed(server: Server, count: int) -> list[str]:
    wait_for(lambda: len(server.closed()) == count, 5, "the end of a stream")
    return server.closed()[-1]


@pytest.mark.parametrize("leave", [
    lambda connection: connection.shutdown(socket.SHUT_RDWR), lambda connection: connection.close()],
    ids=["shut down", "closed"])
def test_a_client_that_leaves_frees_its_thread(server: Server, leave: Callable[[socket.socket], None]) -> None:
    before = len(server.closed())
    connection = server.stream()
    left_at = time.monotonic()
    with contextlib.suppress(OSError):
        leave(connection)
    how, when = until_closed(server, before + 1)
    assert how == "gone" and float(when) - left_at < 1.5


def test_what_follows_on_the_connection_is_not_served(server: Server) -> None:
    before = len(server.closed())
    with server.stream() as connection:
        connection.sendall(b"GET /v1/quick HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP/1.1" not in read_until(connection, b"tick 9\n")
    until_closed(server, before + 1)


def test_others_are_answered_meanwhile_and_the_stop_is_quick(server: Server) -> None:
    before = len(server.closed())
    with server.stream() as connection:
        assert server._serves()
        timer = threading.Timer(0.2, server.child.send_signal, (signal.SIGTERM,))
        timer.start()
        started = time.monotonic()
        assert read_until(connection, b"0\r\n\r\n").endswith(b"4\r\nend\n\r\n0\r\n\r\n")
        server.child.wait(10)
        assert server.child.returncode == 0 and time.monotonic() - started < 6
    assert until_closed(server, before + 1)[0] == "ended"
    assert "Traceback" not in server.log_path.read_text()
