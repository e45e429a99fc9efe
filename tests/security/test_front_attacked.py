# SPDX-License-Identifier: Apache-2.0
"""Attacks on the front with real nginx, API and Keystone: hundreds of slow clients cost others no time."""
from __future__ import annotations

import contextlib
import json
import socket
import statistics
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from flock.testing.services.keystone import PASSWORD, KeystoneServer
from tests.security.served import Front

SOCKETS = 400
SAMPLES = 40


def _opened(port: int, count: int, first: bytes) -> list[socket.socket]:
    made = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        connection.sendall(first)
        made.append(connection)
    return made


@contextlib.contextmanager
def _held(port: int, count: int, first: bytes) -> Iterator[list[socket.socket]]:
    connections = _opened(port, count, first)
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


def _median_s(act: Callable[[], object]) -> float:
    times = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        act()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _not_slowed(ask: Callable[[], object], port: int, count: int, first: bytes) -> None:
    """``ask`` takes at most half longer while ``count`` connections hold what they sent.

    What the attack costs shows in every round, what the rest of the machine costs does not.
    """
    rounds = []
    for _ in range(5):
        before_s = _median_s(ask)
        with _held(port, count, first):
            during_s = _median_s(ask)
        rounds.append((before_s, during_s))
        if during_s <= 1.5 * before_s + 0.002:
            return
    pytest.fail("medians before and during: " + ", ".join(f"{a * 1000:.1f} and {b * 1000:.1f} ms" for a, b in rounds))


def _read(front: Front, session: requests.Session, token: str) -> None:
    answer = session.get(f"{front.url}/v1/things", headers={"X-Auth-Token": token}, timeout=10)
    assert answer.status_code == 200, answer.text


ATTACKS = {
    "one letter": b"G",
    "a header that does not end": b"GET /v1/things HTTP/1.1\r\nHost: a\r\nX-A: ",
    "a body at a byte now and then": b"POST /v1/open/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{",
    "a body without a token": b"POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n{",
    "an idle connection": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_slow_clients_slow_no_authenticated_request(front: Front, keystone: KeystoneServer, attack: str) -> None:
    token = keystone.token("reader")
    with _held(front.api, SOCKETS, ATTACKS[attack]), _from_elsewhere() as source:
        # Some of the slow requests pass the limit per address.
        assert requests.get(f"{front.url}/healthz", timeout=5).status_code in (200, 429)
        assert source.get(f"{front.url}/healthz", timeout=5).status_code == 200
    with _from_elsewhere() as source:
        _not_slowed(lambda: _read(front, source, token), front.api, SOCKETS, ATTACKS[attack])


def _from_elsewhere() -> requests.Session:
    """A session whose connections come from another address of this machine."""

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: object, **kwargs: object) -> None:
            super().init_poolmanager(*args, **kwargs, source_address=("127.0.0.2", 0))  # type: ignore[arg-type]

    session = requests.Session()
    session.mount("http://", Adapter())
    return session


@pytest.mark.parametrize("attack", ["one letter", "a body at a byte now and then"])
def test_slow_clients_do_not_hold_keystone(front: Front, keystone: KeystoneServer, attack: str) -> None:
    first = ATTACKS[attack].replace(b"/v1/open/a", b"/v3/auth/tokens")
    headers = {"X-Auth-Token": keystone.token("reader")}
    with _from_elsewhere() as session:
        def ask() -> None:
            assert session.get(f"http://127.0.0.1:{front.keystone}/v3/auth/tokens", timeout=10, headers={
                **headers, "X-Subject-Token": headers["X-Auth-Token"]}).status_code == 200

        _not_slowed(ask, front.keystone, SOCKETS, first)


def test_answers_that_nobody_reads_hold_no_thread(front: Front, keystone: KeystoneServer) -> None:
    token, other_token = keystone.token("reader"), keystone.token("operator")
    request = f"GET /v1/large HTTP/1.1\r\nHost: a\r\nX-Auth-Token: {token}\r\n\r\n".encode()
    with _from_elsewhere() as other:
        _not_slowed(lambda: _read(front, other, other_token), front.api, 30, request)


def test_a_slow_header_ends_in_time(front: Front) -> None:
    with _held(front.api, 1, b"GET /v1/things HTTP/1.1\r\n") as (connection,):
        began = time.monotonic()
        connection.settimeout(1.0)
        while time.monotonic() - began < 30:
            try:
                # A byte every second keeps no connection open.
                connection.sendall(b"X")
                if not connection.recv(1000):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - began < 15


@pytest.mark.parametrize("token", [None, "gAAAAABl" + "A" * 200])
def test_a_body_without_a_valid_token_is_not_read(front: Front, token: str | None) -> None:
    head = "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n"
    head += f"X-Auth-Token: {token}\r\n" if token else ""
    with _held(front.api, 1, head.encode() + b"\r\n") as (connection,):
        assert connection.recv(1000).startswith(b"HTTP/1.1 401")


def test_a_body_with_a_token_arrives(front: Front, keystone: KeystoneServer) -> None:
    answer = requests.post(f"{front.url}/v1/things", data=b"x" * 900_000, timeout=30,
                           headers={"X-Auth-Token": keystone.token("configurator")})
    assert (answer.status_code, answer.json()) == (200, {"bytes": 900_000})
    assert requests.post(f"{front.url}/v1/open/a", data=b"x" * 10, timeout=30).json() == {"bytes": 10}


def test_a_client_cannot_choose_its_address_or_ask_as_the_front(front: Front, keystone: KeystoneServer) -> None:
    headers = {"X-Auth-Token": keystone.token("reader"), "X-Forwarded-For": "10.9.9.9", "X-Forwarded-Proto": "https"}
    seen = requests.get(f"{front.url}/v1/things", headers=headers, timeout=30).json()
    assert (seen["address"], seen["base"]) == ("127.0.0.1", front.url)
    assert requests.get(f"{front.url}/.front/token", headers=headers, timeout=30).status_code == 404


@pytest.mark.parametrize("length", [9_000, 16_384, 20_000])
def test_an_overlong_token_is_401(front: Front, length: int) -> None:
    headers = {"X-Auth-Token": "x" * length}
    assert requests.get(f"{front.url}/v1/things", headers=headers, timeout=30).status_code == 401


def test_a_refusal_of_the_front_is_an_error_that_clients_can_read(front: Front) -> None:
    answer = requests.post(f"{front.url}/v1/open/a", data=b"x" * 2_000_000, timeout=30)
    assert answer.status_code == 413
    assert json.loads(answer.json()["error_message"]) == {"faultstring": "The request body is too long."}


def test_installing_hosts_reach_only_what_needs_no_token(front: Front, keystone: KeystoneServer) -> None:
    base = f"http://127.0.0.3:{front.installs}"
    assert requests.post(f"{base}/v1/open/a", data=b"x", timeout=30).status_code == 200
    for path in ("/v1/things", "/", "/metrics", "/healthz"):
        answer = requests.get(base + path, headers={"X-Auth-Token": keystone.token("admin")}, timeout=30)
        assert answer.status_code == 404, path


def test_many_logins_of_one_address_wait_or_are_refused(front: Front) -> None:
    login = {"auth": {"identity": {"methods": ["password"], "password": {"user": {
        "name": "nobody-here", "domain": {"id": "default"}, "password": PASSWORD}}}}}
    body = json.dumps(login).encode()
    first = (b"POST /v3/auth/tokens HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
             + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    with _held(front.keystone, 60, first) as connections:
        statuses = []
        for connection in connections:
            connection.settimeout(30)
            statuses.append(connection.recv(12)[9:])
    assert statuses.count(b"429") >= 5
    assert set(statuses) == {b"429", b"401"}
