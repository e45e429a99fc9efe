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
SAMPLES = 100


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


# What a user does who has a token: reads from an API, and asks Keystone whether the token is valid.
Ask = Callable[[], object]
Attack = Callable[[], contextlib.AbstractContextManager[object]]


@pytest.fixture
def asks(front: Front, keystone: KeystoneServer) -> Iterator[dict[str, Ask]]:
    """By server; from another address than that of the attacks, which pass the limits of theirs."""
    token = keystone.token("reader")
    with _from_elsewhere() as session:
        def ask_keystone() -> None:
            answer = session.get(f"http://127.0.0.1:{front.keystone}/v3/auth/tokens", timeout=10, headers={
                "X-Auth-Token": token, "X-Subject-Token": token})
            assert answer.status_code == 200, answer.text

        yield {"API": lambda: _read(front, session, token), "Keystone": ask_keystone}


def _slowed(asks: dict[str, Ask], attack: Attack, slack_s: float) -> list[str]:
    """The servers whose median during ``attack`` is above 1.5 times that before or after it, whichever is longer: on a
    machine that others use too, the median without an attack differs from one moment to the next."""
    before = {name: _median_s(ask) for name, ask in asks.items()}
    with attack():
        during = {name: _median_s(ask) for name, ask in asks.items()}
    after = {name: _median_s(ask) for name, ask in asks.items()}
    print({name: [f"{times[name] * 1000:.2f} ms" for times in (before, during, after)] for name in asks})
    return [name for name in asks if during[name] > 1.5 * max(before[name], after[name]) + slack_s]


def _check(asks: dict[str, Ask], attack: Attack, slack_s: float = 0.0) -> None:
    """What the attack costs shows in every round, what the rest of the machine costs does not."""
    for _ in range(5):
        if not (slowed := _slowed(asks, attack, slack_s)):
            return
    pytest.fail(f"slowed: {slowed}")


@contextlib.contextmanager
def _held_everywhere(front: Front, firsts: list[bytes], count: int) -> Iterator[None]:
    """``count`` connections of each kind to the API and to Keystone, all at once; the health page answers."""
    with contextlib.ExitStack() as stack:
        for first in firsts:
            stack.enter_context(_held(front.api, count, first))
            stack.enter_context(_held(front.keystone, count, first.replace(b"/v1/open/a", b"/v3/auth/tokens")))
        with _from_elsewhere() as session:
            for path in ("/healthz", "/healthcheck"):
                assert session.get(f"{front.url}{path}", timeout=5).status_code == 200
        yield


@pytest.mark.parametrize("attack", ATTACKS)
def test_hundreds_of_slow_clients_slow_nobody_else(front: Front, asks: dict[str, Ask], attack: str) -> None:
    _check(asks, lambda: _held_everywhere(front, [ATTACKS[attack]], SOCKETS))


def test_all_kinds_of_slow_clients_at_once(front: Front, asks: dict[str, Ask]) -> None:
    _check(asks, lambda: _held_everywhere(front, list(ATTACKS.values()), SOCKETS // 2))


def test_eight_thousand_headers_that_do_not_end(front: Front, asks: dict[str, Ask]) -> None:
    """More than nftables lets through of one address."""
    _check(asks, lambda: _held_everywhere(front, [ATTACKS["a header that does not end"]], 4000))


def _from_elsewhere() -> requests.Session:
    """A session whose connections come from another address of this machine."""

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: object, **kwargs: object) -> None:
            super().init_poolmanager(*args, **kwargs, source_address=("127.0.0.2", 0))  # type: ignore[arg-type]

    session = requests.Session()
    session.mount("http://", Adapter())
    return session


def test_answers_that_nobody_reads_hold_no_thread(front: Front, keystone: KeystoneServer) -> None:
    token, other_token = keystone.token("reader"), keystone.token("operator")
    request = f"GET /v1/large HTTP/1.1\r\nHost: a\r\nX-Auth-Token: {token}\r\n\r\n".encode()
    with _from_elsewhere() as other:
        _check({"API": lambda: _read(front, other, other_token)}, lambda: _held(front.api, 30, request), 0.002)


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


@pytest.mark.parametrize("path", ["/v3/auth/tokens", "/v3/auth/tokens/", "/v3/auth/tokens//", "/v3/auth/tokens%2f",
                                  "/v3/auth/tokens/?x"])
def test_many_logins_of_one_address_wait_or_are_refused(front: Front, path: str) -> None:
    login = {"auth": {"identity": {"methods": ["password"], "password": {"user": {
        "name": "nobody-here", "domain": {"id": "default"}, "password": PASSWORD}}}}}
    body = json.dumps(login).encode()
    first = (f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
             f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    with _held(front.keystone, 60, first) as connections:
        statuses = []
        for connection in connections:
            connection.settimeout(30)
            statuses.append(connection.recv(12)[9:])
    assert statuses.count(b"429") >= 5
    assert set(statuses) == {b"429", b"401"}
