# SPDX-License-Identifier: Apache-2.0
"""The front is stopped by its unit's signal while a request is in progress: a swact does so with its own order."""
from __future__ import annotations

import configparser
import os
import signal
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests

from flock.testing.services.process import Process, find_program, free_port, port_open, wait_for
from sysinv.bootstrap.front import Listen, Published, nginx_conf

UNIT = Path(__file__).resolve().parents[3] / "etc/systemd/flock-front.service"


class Slow(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An API that answers when it is told to."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        super().__init__(str(path), Answer)
        path.chmod(0o666)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    server: Slow

    def do_GET(self) -> None:
        self.server.begun.set()
        self.server.go_on.wait(20)
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"done")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[Slow, Process, int]]:
    nginx = find_program("nginx")
    if nginx is None:
        if os.environ.get("FLOCK_REQUIRE_SERVICES"):
            pytest.fail("nginx is not installed")
        pytest.skip("nginx is not installed")
    tmp_path.chmod(0o755)
    api, port = Slow(tmp_path / "api.sock"), free_port()
    (tmp_path / "nginx.conf").write_text(nginx_conf(
        [Listen("127.0.0.1", tls=False)], [Published("slow", port, str(tmp_path / "api.sock"), checks_tokens=False)],
        user="root" if os.geteuid() == 0 else "nobody", run_dir=str(tmp_path), cache_dir=str(tmp_path)))
    command = [nginx, "-e", "stderr", "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    server = Process("nginx", command, tmp_path)
    try:
        wait_for(lambda: port_open(port), 20, "nginx")
        yield api, server, port
    finally:
        api.go_on.set()
        server.kill()
        api.shutdown()


def test_a_request_in_progress_is_answered_and_nobody_else_is_let_in(slow: tuple[Slow, Process, int]) -> None:
    api, server, port = slow
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    told: list[requests.Response] = []
    asking = threading.Thread(target=lambda: told.append(requests.get(f"http://127.0.0.1:{port}/", timeout=20)))
    asking.start()
    assert api.begun.wait(10)
    server.send_signal(signal.Signals[unit["Service"].get("KillSignal", "SIGTERM")])
    wait_for(lambda: not port_open(port), 10, "the front takes no more connections")
    api.go_on.set()
    asking.join(20)
    assert [reply.text for reply in told] == ["done"]
    wait_for(lambda: not server.running, 10, "the front has ended")
