# SPDX-License-Identifier: Apache-2.0
"""The API server as real processes: requests, reload, stop, odd clients."""
from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.api.intake import CHUNK_BYTES_MAX

PROGRAM = """
import os, resource, sys, threading
from flock.service.web import run_api
from flock.api import *

class Slow:
    def get(self, call):
        threading.Event().wait(call.query.int('ms', 0, max=5000) / 1000)
        return {'pid': os.getpid(), 'limit': call.query.page().limit, 'argv': sys.argv}
    def post(self, call):
        return call.json()

class Upload:
    streams_body = True
    max_body_bytes = 256 * 1024 * 1024
    def post(self, call):
        sizes = [len(piece) for piece in call.pieces]
        kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {'bytes': sum(sizes), 'longest': max(sizes), 'peak_mib': kib // 1024}

def factory(conf):
    app = build_app(conf, 't', [slice_of({'/v1/slow': Slow, '/v1/upload': Upload}, [
        Rule('t:slow', ANYONE, 'GET', '/v1/slow'), Rule('t:post', ANYONE, 'POST', '/v1/slow'),
        Rule('t:upload', ANYONE, 'POST', '/v1/upload')])], dialect=Dialect())
    app.close = lambda: print('closed', os.getpid(), flush=True)
    return app

run_api('t-api', factory, default_port=1)
"""


class Server:
    """A running API and a way to talk to it."""

    def __init__(self, folder: Path, conf: str, **environ: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.file = folder / "flock.conf"
        self.configure(conf)
        (folder / "api.py").write_text(PROGRAM)
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-W", "ignore", str(folder / "api.py"), "--debug"], stdout=log, stderr=log,
                env={**os.environ, "FLOCK_CONF_DIR": str(folder), "PYTHONPATH": os.getcwd(), **environ})
        if not environ:
            self.until(lambda: self.get("/healthz")[0] == 200)

    def configure(self, extra: str) -> None:
        self.file.write_text(f"[api]\nbind_host = 127.0.0.1\nbind_port = {self.port}\n{extra}")

    def until(self, condition: object) -> None:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                if condition():  # type: ignore[operator]
                    return
            assert time.monotonic() < deadline, self.log.read_text()
            threading.Event().wait(0.05)

    def get(self, path: str) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


@contextlib.contextmanager
def serving(folder: Path, conf: str = "") -> Iterator[Server]:
    server = Server(folder, conf)
    try:
        yield server
    finally:
        if server.child.poll() is None:
            server.child.send_signal(signal.SIGTERM)
            try:
                server.child.wait(15)
            except subprocess.TimeoutExpired:
                server.child.kill()
                raise


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("api"), "request_read_timeout_s = 1\n") as running:
        yield running


def test_threads_answer_side_by_side(server: Server) -> None:
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: server.get("/v1/slow?ms=800"), range(4)))
    assert [status for status, _ in answers] == [200] * 4
    assert time.monotonic() - began < 2.4


def test_the_command_line_is_hidden_from_libraries(server: Server) -> None:
    assert server.get("/v1/slow")[1]["argv"] == ["t-api"]


def test_the_connection_lives_after_a_refused_body(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", "/v1/slow", body=b"x" * 2_000_000)
    response = connection.getresponse()
    assert response.status == 413
    assert "error_message" in json.loads(response.read())
    before = connection.sock
    connection.request("GET", "/v1/slow")
    assert connection.getresponse().status == 200
    assert connection.sock is before
    connection.close()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_streamed_without_being_held_in_memory(server: Server, chunked: bool) -> None:
    length = 200 * 1024 * 1024
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    pieces = (b"x" * 1024 * 1024 for _ in range(200))
    connection.request("POST", "/v1/upload", body=pieces, encode_chunked=chunked,
                       headers={"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(length)})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert answer["bytes"] == length
    assert answer["longest"] <= CHUNK_BYTES_MAX
    assert answer["peak_mib"] < 150


def test_the_connection_lives_after_a_streamed_body_that_nobody_wants(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for _ in range(2):
        connection.request("POST", "/v1/upload", body=b"x" * 3_000_000, headers={"Content-Length": "300000000"})
        assert connection.getresponse().status == 413
        connection.close()
    assert server.get("/v1/slow")[0] == 200


def test_an_endless_body_is_cut_off(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(b"POST /v1/slow HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000000\r\n\r\n")
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 200_000_000:
                client.sendall(b"x" * 65536)
                sent += 65536
        assert sent < 100_000_000
    assert server.get("/v1/slow")[0] == 200


def test_a_body_that_stops_coming_is_408(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(b"POST /v1/slow HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
        assert client.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_a_streamed_body_that_trickles_is_408(server: Server) -> None:
    """Each byte comes within the time for a pause, and all of them would take hours."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.3) as client:
        client.sendall(b"POST /v1/upload HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n")
        began, said = time.monotonic(), b""
        while not said and time.monotonic() - began < 20:
            client.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                said = client.recv(1000)
        assert said.startswith(b"HTTP/1.1 408 ") and time.monotonic() - began < 10


def test_a_streamed_body_may_take_as_long_as_its_bytes(server: Server) -> None:
    """Longer than any pause may be, at a rate that is just enough."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(b"POST /v1/upload HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n")
        for _ in range(10):
            client.sendall(b"x" * 200_000)
            threading.Event().wait(0.35)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_chunked_bodies(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", "/v1/slow", body=iter([b'{"a":', b" 1}"]), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked", "Content-Type": "application/json"})
    assert json.loads(connection.getresponse().read()) == {"a": 1}
    connection.request("POST", "/v1/slow", body=iter([b"x" * 700_000] * 3), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})
    response = connection.getresponse()
    assert response.status == 413
    response.read()
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize("line", [b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", b"\xff\xfe\r\n\r\n",
                                  b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 40000 + b"\r\n\r\n",
                                  b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n"])
def test_malformed_requests_are_refused_and_do_no_harm(server: Server, line: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(line)
        assert b" 4" in client.recv(1000).split(b"\r\n", 1)[0]
    assert server.get("/healthz")[0] == 200


def test_reload_takes_new_settings_and_loses_no_request(tmp_path: Path) -> None:
    with serving(tmp_path, "workers = 2\n") as server:
        assert server.get("/v1/slow")[1]["limit"] == 2000
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            running = pool.submit(server.get, "/v1/slow?ms=2000")
            server.until(lambda: server.get("/healthz")[0] == 200)
            server.configure("limit_max = 17\n")
            server.child.send_signal(signal.SIGHUP)
            assert running.result()[0] == 200
        server.until(lambda: server.get("/v1/slow")[1]["limit"] == 17)


def test_sigterm_lets_requests_finish_and_closes_the_application(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            running = pool.submit(server.get, "/v1/slow?ms=1500")
            threading.Event().wait(0.5)
            server.child.send_signal(signal.SIGTERM)
            assert running.result()[0] == 200
        assert server.child.wait(20) == 0
        assert "closed" in server.log.read_text()


def test_an_api_that_stands_by_listens_only_when_it_is_made_active(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.touch()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(20)
        server = Server(tmp_path, "", FLOCK_STANDBY=str(mark), NOTIFY_SOCKET=str(tmp_path / "notify"))
        try:
            assert told.recv(1000) == b"READY=1\nSTATUS=standby"
            with pytest.raises(ConnectionRefusedError):
                server.get("/healthz")
            mark.unlink()
            server.child.send_signal(signal.SIGCONT)
            while b"STATUS=Gunicorn arbiter booted" not in told.recv(1000):
                pass
            assert server.get("/healthz")[0] == 200, "what comes before its worker has loaded waits"
        finally:
            server.child.terminate()
            server.child.wait(20)
