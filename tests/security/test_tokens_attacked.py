# SPDX-License-Identifier: Apache-2.0
"""Attacks on the token check of an API with a real Keystone: revoked, forged and overlong tokens."""
from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from flock.testing.services.keystone import PASSWORD, KeystoneServer
from flock.testing.services.process import free_port, wait_for

PROGRAM = """
from flock.service.web import run_api
from flock.api import *

class Things:
    def get(self, call):
        return {'user': call.ctx.user_name}
    def post(self, call):
        return call.json()

POLICY = (Rule('t:get', READER, 'GET', '/v1/things'), Rule('t:post', CONFIGURATOR, 'POST', '/v1/things'))
run_api('t-api', lambda conf: build_app(conf, 't', [slice_of({'/v1/things': Things}, POLICY)], dialect=Dialect()),
        default_port=1)
"""


class Cache:
    """Where a local user could write tokens: counts who asks it."""

    def __init__(self) -> None:
        self.asked = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            self.asked += 1
            connection.close()


@pytest.fixture(scope="module")
def cache() -> Cache:
    return Cache()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, keystone: KeystoneServer, cache: Cache) -> Iterator[str]:
    """The URL of an API with the default token cache, whose administrator still names a memcached."""
    folder = tmp_path_factory.mktemp("api")
    port = free_port()
    options = {**keystone.authtoken_options(), "token_cache_time": "300",
               "memcached_servers": f"127.0.0.1:{cache.port}"}
    (folder / "flock.conf").write_text("\n".join([
        "[api]", "bind_host = 127.0.0.1", f"bind_port = {port}", "[keystone_authtoken]",
        *(f"{name} = {value}" for name, value in options.items())]))
    (folder / "api.py").write_text(PROGRAM)
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen([sys.executable, "-W", "ignore", str(folder / "api.py")], stdout=log, stderr=log,
                                 env={**os.environ, "FLOCK_CONF_DIR": str(folder)})
    try:
        wait_for(lambda: _answers(url), 30, (folder / "log").read_text())
        yield url
    finally:
        child.terminate()
        child.wait(20)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


def _login(keystone: KeystoneServer, role: str) -> str:
    keystone.ensure_user(role, "admin")
    body: dict[str, Any] = {"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": f"{role}-admin", "domain": {"id": "default"}, "password": PASSWORD}}},
        "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}
    return str(requests.post(f"{keystone.auth_url}/auth/tokens", json=body, timeout=30).headers["X-Subject-Token"])


def test_a_revoked_token_writes_for_ten_seconds_at_most(api: str, keystone: KeystoneServer) -> None:
    token = _login(keystone, "configurator")

    def write() -> int:
        return requests.post(f"{api}/v1/things", json={"a": 1}, headers={"X-Auth-Token": token}, timeout=30).status_code

    assert write() == 200
    revoked = requests.delete(f"{keystone.auth_url}/auth/tokens", timeout=30,
                              headers={"X-Auth-Token": token, "X-Subject-Token": token})
    assert revoked.status_code == 204
    ended = time.monotonic()
    wait_for(lambda: write() == 401, 30, "the end of the revoked token")
    assert time.monotonic() - ended <= 11


def test_no_token_comes_from_a_cache_that_others_can_write(api: str, keystone: KeystoneServer, cache: Cache) -> None:
    for role in ("reader", "operator"):
        headers = {"X-Auth-Token": keystone.token(role)}
        assert requests.get(f"{api}/v1/things", headers=headers, timeout=30).status_code == 200
    assert cache.asked == 0


@pytest.mark.parametrize("length", [5_000, 9_000, 16_000, 16_384, 20_000])
@pytest.mark.parametrize("header", ["X-Auth-Token", "X-Service-Token"])
def test_an_overlong_token_is_401(api: str, keystone: KeystoneServer, header: str, length: int) -> None:
    headers = {"X-Auth-Token": keystone.token("reader"), header: "x" * length}
    assert requests.get(f"{api}/v1/things", headers=headers, timeout=30).status_code == 401
