# SPDX-License-Identifier: Apache-2.0
"""Guessing passwords at a real Keystone behind the product's login checks locks out only the one who guesses."""
from __future__ import annotations

import http.client
import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.service import standby
from flock.testing.services.keystone import PASSWORD, KeystoneServer
from flock.testing.services.process import Process, wait_for
from sysinv.bootstrap import render
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.logins import ADDRESS_ATTEMPTS_MAX, ATTEMPTS_MAX, REFUSAL_S
from sysinv.bootstrap.secrets import generate

STRANGER, OPERATOR = "10.10.10.66", "10.10.10.9"
Login = Callable[..., int]


class UnixConnection(http.client.HTTPConnection):
    """As the front connects to Keystone."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(self._path))


@pytest.fixture(scope="module")
def login(tmp_path_factory: pytest.TempPathFactory, keystone: KeystoneServer) -> Iterator[Login]:
    """``login(address, user, password)``: the status of a login that the front passes on for ``address``."""
    folder = tmp_path_factory.mktemp("logins")
    path = folder / "api.sock"
    for file in render.keystone_files(parse({"admin_password": "correct-horse"}), generate()):
        if file.path.endswith(".py"):
            (folder / Path(file.path).name).write_text(file.content)
    argv = [str(keystone.venv() / "bin/gunicorn"), "-b", f"unix:{path}", "--preload", "-w", "1", "--threads", "64",
            "-k", "gthread", "--no-control-socket", "flock_keystone_wsgi:application"]
    mark, told = folder / "standby", socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    mark.touch()
    told.bind(str(folder / "notify"))
    told.settimeout(60)
    server = Process("keystone-logins", argv, folder, env={
        "OS_KEYSTONE_CONFIG_FILES": str(keystone.folder / "keystone.conf"), "PYTHONWARNINGS": "ignore",
        "HOME": str(folder), "PATH": os.environ["PATH"], standby.MARK: str(mark),
        "NOTIFY_SOCKET": str(folder / "notify")})

    def send(address: str, user: str, password: str) -> int:
        connection = UnixConnection(path)
        body: dict[str, Any] = {"auth": {"identity": {"methods": ["password"], "password": {"user": {
            "name": user, "domain": {"id": "default"}, "password": password}}}}}
        try:
            connection.request("POST", "/v3/auth/tokens", json.dumps(body), {
                "Content-Type": "application/json", "X-Forwarded-For": address})
            return connection.getresponse().status
        finally:
            connection.close()

    def is_there() -> bool:
        try:
            return send("127.0.0.1", "nobody", "x") == 401
        except OSError:
            return False

    try:
        # As on a standby controller, and then made active.
        assert told.recv(1000) == b"READY=1\nSTATUS=standby"
        assert not path.exists()
        mark.unlink()
        os.kill(server.pid, standby.WAKE_UP)
        while b"STATUS=Gunicorn arbiter booted" not in told.recv(1000):
            pass
        wait_for(is_there, 60, "Keystone with the login checks")
        yield send
    finally:
        server.kill()
        told.close()


def test_a_stranger_who_guesses_locks_out_only_himself(login: Login, keystone: KeystoneServer) -> None:
    keystone.ensure_user("operator", "admin")
    for number in range(3 * ATTEMPTS_MAX):
        assert login(STRANGER, "operator-admin", f"guess-{number}") == 401
    assert login(STRANGER, "operator-admin", PASSWORD) == 401, "the stranger does not even get in with the password"
    for _ in range(3):
        assert login(OPERATOR, "operator-admin", PASSWORD) == 201


def test_a_refusal_takes_equally_long_until_the_address_is_locked_and_then_no_time(login: Login) -> None:
    address, times = "10.10.10.67", []
    for number in range(ADDRESS_ATTEMPTS_MAX // 4 + 1):
        began = time.monotonic()
        assert login(address, "operator-admin" if number % 2 else "nobody-here", f"guess-{number}") == 401
        times.append(time.monotonic() - began)
    assert min(times) >= REFUSAL_S - 0.01 and max(times) < REFUSAL_S + 1
    for _ in range(2 * ATTEMPTS_MAX):
        login(address, "operator-admin", "wrong")
    began = time.monotonic()
    assert login(address, "operator-admin", "wrong") == 401
    assert time.monotonic() - began < REFUSAL_S / 2


def test_guessing_from_many_addresses_stops_no_login_of_this_machine(login: Login, keystone: KeystoneServer) -> None:
    """Keystone stores each wrong password; guesses all at once held its threads and its database for minutes."""
    keystone.ensure_user("operator", "admin")
    stop, guessed, seen = threading.Event(), Counter(), []

    def guess(number: int) -> None:
        for address in (f"10.{number}.{network}.{host}" for network in range(250) for host in range(1, 250)):
            if stop.is_set():
                return
            guessed[login(address, "operator-admin", "guess")] += 1

    guessers = [threading.Thread(target=guess, args=(number,)) for number in range(24)]
    for guesser in guessers:
        guesser.start()
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            began = time.monotonic()
            assert login("127.0.0.1", "operator-admin", PASSWORD) == 201
            seen.append(time.monotonic() - began)
    finally:
        stop.set()
        for guesser in guessers:
            guesser.join(30)
    assert guessed.keys() <= {401, 429}
    assert guessed[401] > 10
    assert sorted(seen)[len(seen) // 2] < 2 and max(seen) < 5, seen
    assert login(OPERATOR, "operator-admin", PASSWORD) == 201


def test_an_operator_who_logs_in_some_times_at_once_is_let_in(login: Login) -> None:
    """A script runs commands beside each other, and StarlingX's clients do not try again after 429."""
    answers: list[int] = []
    clients = [threading.Thread(target=lambda: answers.append(login(OPERATOR, "operator-admin", PASSWORD)))
               for _ in range(10)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(60)
    assert answers == [201] * 10
