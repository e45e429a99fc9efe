# SPDX-License-Identifier: Apache-2.0
"""Keystone that refuses for the moment (429) has done nothing: the command line sends its login again."""
from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flock.cli import credentials
from flock.cli.client import client_for
from flock.cli.credentials import Credentials
from flock.cli.errors import ApiError

TOKEN = {"token": {"methods": ["password"], "expires_at": "2999-01-01T00:00:00.000000Z", "user": {
    "id": "u", "name": "n", "domain": {"id": "default", "name": "Default"}},
    "issued_at": "2026-01-01T00:00:00.000000Z"}}


class Busy(ThreadingHTTPServer):
    """Keystone and an API; refuses the first ``refusals`` logins, and every request to the API if ``api_too``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.refusals, self.api_too, self.seen = 0, False, list[str]()


class Answers(BaseHTTPRequestHandler):
    server: Busy

    def log_message(self, *_words: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer("GET", {"things": []}, self.server.api_too)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer("POST", TOKEN, self.server.seen.count("POST") < self.server.refusals)

    def _answer(self, kind: str, body: dict[str, object], refused: bool) -> None:
        self.server.seen.append(kind)
        text = json.dumps({"error": {"message": "Too many requests are in progress."}} if refused else body).encode()
        self.send_response(429 if refused else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Subject-Token", "t")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Busy]:
    monkeypatch.setattr(credentials, "REPEAT_REFUSED", credentials.REPEAT_REFUSED.new(backoff_factor=0.001))
    with Busy() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def things(server: Busy) -> object:
    url = f"http://127.0.0.1:{server.server_port}"
    given = Credentials(auth_url=f"{url}/v3", username="n", password="p", project_name="admin",
                        user_domain_name="Default", project_domain_name="Default", region_name="RegionOne",
                        endpoint=url)
    return client_for(given, "things", "--os-endpoint").get("/v1/things")


@pytest.mark.parametrize("refusals", [0, 1, 4])
def test_a_refused_login_is_sent_again(busy: Busy, refusals: int) -> None:
    busy.refusals = refusals
    assert things(busy) == {"things": []}
    assert busy.seen == ["POST"] * (refusals + 1) + ["GET"]


def test_logins_that_go_on_being_refused_are_an_error_with_the_reason(busy: Busy) -> None:
    busy.refusals = 99
    with pytest.raises(ApiError, match="Too many requests"):
        things(busy)
    assert busy.seen == ["POST"] * 5


def test_requests_to_an_api_are_sent_once(busy: Busy) -> None:
    """Their bodies may be streams, of which the second sending would be empty."""
    busy.api_too = True
    with pytest.raises(ApiError, match="Too many requests"):
        things(busy)
    assert busy.seen == ["POST", "GET"]
