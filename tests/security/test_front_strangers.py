# SPDX-License-Identifier: Apache-2.0
"""What somebody without a token can ask of an API through the front: few requests at a time, and a health page that the
front keeps. 1,150 questions a second from four addresses made an operator wait for 26 s."""
from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests

from flock.testing.privileges import need_root
from flock.testing.services.process import Process, find_program, free_port, port_open, wait_for
from sysinv.bootstrap.front import STRANGERS_SHARE, Listen, Published, nginx_conf


class Api:
    """Counts its requests. ``/v1/held`` answers when ``go_on`` is set."""

    def __init__(self, folder: Path) -> None:
        self.paths: list[str] = []
        self.held, self.go_on = 0, threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api.paths.append(self.path)
                if self.path == "/v1/held":
                    api.held += 1
                    api.go_on.wait(60)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(b"{}")

            def address_string(self) -> str:
                return "front"

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads, request_queue_size = True, 200

        self.server = Server(str(folder / "api.sock"), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Api, str]]:
    """The API, and its address behind the front."""
    need_root("nginx")
    tmp_path.chmod(0o755)
    api, port = Api(tmp_path), free_port()
    (tmp_path / "nginx.conf").write_text(nginx_conf(
        [Listen("127.0.0.1", tls=False)], [Published("api", port, str(tmp_path / "api.sock"))], user="root",
        run_dir=str(tmp_path), cache_dir=str(tmp_path)))
    nginx = Process("nginx", [str(find_program("nginx")), "-e", "stderr", "-c", str(tmp_path / "nginx.conf"), "-g",
                              "daemon off;"], tmp_path)
    try:
        nginx.wait_until(lambda: port_open(port), 20, "nginx")
        yield api, f"http://127.0.0.1:{port}"
    finally:
        api.go_on.set()
        nginx.kill()
        api.server.shutdown()


def test_the_health_page_is_kept_for_a_second(served: tuple[Api, str]) -> None:
    api, base = served
    begun = time.monotonic()
    with requests.Session() as session:
        statuses = {session.get(f"{base}/healthz?{number}", timeout=20).status_code for number in range(500)}
    assert statuses == {200}
    assert 1 <= len(api.paths) <= 2 + (time.monotonic() - begun)
    # It is a new one afterwards.
    before = len(api.paths)

    def asked_again() -> bool:
        requests.get(f"{base}/healthz", timeout=20)
        return len(api.paths) > before

    wait_for(asked_again, 20, "a new page")


def test_strangers_together_hold_a_few_threads_and_a_token_passes(served: tuple[Api, str]) -> None:
    api, base = served
    count = 3 * STRANGERS_SHARE
    with ThreadPoolExecutor(count) as pool:
        asked = [pool.submit(requests.get, f"{base}/v1/held", timeout=60) for _ in range(count)]
        wait_for(lambda: sum(one.done() for one in asked) == count - STRANGERS_SHARE, 20, "the others to be refused")
        assert api.held == STRANGERS_SHARE
        assert requests.get(f"{base}/v1/hosts", headers={"X-Auth-Token": "t"}, timeout=20).status_code == 200
        assert requests.get(f"{base}/healthz", timeout=20).status_code == 200
        api.go_on.set()
        statuses = [one.result().status_code for one in asked]
    assert sorted(statuses) == [200] * STRANGERS_SHARE + [429] * (count - STRANGERS_SHARE)
