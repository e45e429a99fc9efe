# SPDX-License-Identifier: Apache-2.0
"""The API kernel with a real Keystone and gunicorn: tokens, roles, revocation, neighbours away."""
from __future__ import annotations

import contextlib
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
from typing import Any

import pytest
import requests

from flock.auth.context import IDENTITY_HEADERS
from flock.testing.services.keystone import KeystoneServer

PROGRAM = """
from flock.service.web import run_api
from flock.api import *

class Things:
    def get(self, call):
        return {'user': call.ctx.user_name, 'project': call.ctx.project_name, 'roles': sorted(call.ctx.roles),
                'service': call.ctx.is_service}
    def post(self, call):
        return call.json()

ROUTES = {'/v1/things': Things, '/v1/hosts': Things, '/v1/internal': Things}
POLICY = (Rule('t:get', READER, 'GET', '/v1/things'), Rule('t:post', CONFIGURATOR, 'POST', '/v1/things'),
          Rule('h:get', READER, 'GET', '/v1/hosts'), Rule('h:post', OPERATOR, 'POST', '/v1/hosts'),
          Rule('i:get', SERVICE, 'GET', '/v1/internal'), Rule('i:post', ADMIN, 'POST', '/v1/internal'))
run_api('t-api', lambda conf: build_app(conf, 't', [slice_of(ROUTES, POLICY)], dialect=Dialect()), default_port=1)
"""


class Api:
    """The API as a process."""

    def __init__(self, folder: Path, keystone: KeystoneServer, **overrides: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        options = {**keystone.authtoken_options(), **overrides}
        lines = ["[api]", "bind_host = 127.0.0.1", f"bind_port = {port}", "token_cache_local_s = 1",
                 "[keystone_authtoken]", *(f"{name} = {value}" for name, value in options.items())]
        (folder / "flock.conf").write_text("\n".join(lines))
        (folder / "api.py").write_text(PROGRAM)
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.child = subprocess.Popen([sys.executable, "-W", "ignore", str(folder / "api.py")], stdout=log,
                                          stderr=log, env={**os.environ, "FLOCK_CONF_DIR": str(folder),
                                                           "PYTHONPATH": os.getcwd()})
        self.until(lambda: requests.get(f"{self.url}/healthz", timeout=5).ok)

    def until(self, condition: Any, within_s: float = 20) -> None:
        deadline = time.monotonic() + within_s
        while True:
            with contextlib.suppress(OSError):
                if condition():
                    return
            assert time.monotonic() < deadline, self.log.read_text()
            threading.Event().wait(0.05)

    def ask(self, token: str | None, method: str = "GET", path: str = "/v1/things",
            **headers: str) -> requests.Response:
        if token is not None:
            headers["X-Auth-Token"] = token
        body = {"a": 1} if method == "POST" else None
        return requests.request(method, self.url + path, headers=headers, json=body, timeout=30)

    def stop(self) -> None:
        self.child.send_signal(signal.SIGTERM)
        assert self.child.wait(20) == 0


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, keystone: KeystoneServer) -> Iterator[Api]:
    running = Api(tmp_path_factory.mktemp("api"), keystone)
    yield running
    running.stop()


# role, then the status of GET, POST things; POST hosts; GET, POST internal - in project admin
# (Keystone's bootstrap makes member imply reader)
TABLE = [("member", 200, 403, 403, 403, 403), ("reader", 200, 403, 403, 403, 403),
         ("operator", 200, 403, 200, 403, 403), ("configurator", 200, 200, 200, 403, 403),
         ("admin", 200, 200, 200, 200, 200)]
OPERATIONS = [("GET", "/v1/things"), ("POST", "/v1/things"), ("POST", "/v1/hosts"), ("GET", "/v1/internal"),
              ("POST", "/v1/internal")]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_roles_in_project_admin_and_elsewhere(api: Api, keystone: KeystoneServer, row: tuple[Any, ...]) -> None:
    role, expected = row[0], row[1:]
    for project in ("admin", "other"):
        token = keystone.token(role, project)
        got = [api.ask(token, method, path).status_code for method, path in OPERATIONS]
        assert got == (list(expected) if project == "admin" else [403] * 5)


def test_the_context_is_what_keystone_says(api: Api, keystone: KeystoneServer) -> None:
    answer = api.ask(keystone.token("reader"), **{"X-Roles": "admin", "X-User-Name": "root", "X_Roles": "admin"})
    assert answer.json() == {"user": "reader-admin", "project": "admin", "roles": ["reader"], "service": False}
    assert answer.headers["X-Openstack-Request-Id"].startswith("req-")


@pytest.mark.parametrize("spelling", ["{}", "{_}", "{lower}"])
def test_a_client_cannot_send_an_identity(api: Api, keystone: KeystoneServer, spelling: str) -> None:
    names = [name.removeprefix("HTTP_").replace("_", "-") for name in IDENTITY_HEADERS]
    forged = {spelling.format(name, _=name.replace("-", "_"), lower=name.lower()): "admin,service" for name in names}
    forged |= {"X-Identity-Status": "Confirmed", "X-Service-Identity-Status": "Confirmed", "X-Is-Admin-Project": "True"}
    token = keystone.token("reader")
    assert api.ask(token, **forged).json() == api.ask(token).json()
    assert api.ask(token, "POST", "/v1/internal", **forged).status_code == 403
    assert api.ask(None, "GET", "/v1/internal", **forged).status_code == 401


def test_a_user_with_a_service_token_is_known_as_such(api: Api, keystone: KeystoneServer) -> None:
    service = keystone.token("service", "services")
    answer = api.ask(keystone.token("reader"), **{"X-Service-Token": service})
    assert answer.json()["service"] is True
    assert answer.json()["user"] == "reader-admin"
    assert api.ask(keystone.token("reader"), **{"X-Service-Token": keystone.token("reader")}).status_code == 401
    assert api.ask(service, path="/v1/internal").status_code == 200


@pytest.mark.parametrize("token", [None, "", "garbage", "x" * 5000, "gAAAAABl" + "A" * 200])
def test_no_or_bad_token_is_401_on_known_and_unknown_paths(api: Api, token: str | None) -> None:
    for path in ("/v1/things", "/v1/nothing", "/v2"):
        answer = api.ask(token, path=path)
        assert answer.status_code == 401
        assert "Keystone uri" in answer.headers["WWW-Authenticate"]
    assert api.ask(token, path="/").status_code == 200


def test_unscoped_and_system_scoped_tokens_have_no_rights(api: Api, keystone: KeystoneServer) -> None:
    keystone.ensure_user("admin", "admin")
    for scope in ("unscoped", {"system": {"all": True}}, {"domain": {"id": "default"}}):
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": {
            "name": "admin", "domain": {"id": "default"}, "password": "secret"}}}, "scope": scope}}
        login = requests.post(f"{keystone.auth_url}/auth/tokens", json=body, timeout=30)
        if login.status_code == 201:
            assert api.ask(login.headers["X-Subject-Token"]).status_code == 403
        else:
            assert login.status_code == 401


def test_a_foreign_project_called_admin_gives_nothing(api: Api, keystone: KeystoneServer) -> None:
    boss = {"X-Auth-Token": keystone.token("admin")}

    def create(collection: str, **fields: Any) -> str:
        noun = collection[:-1]
        answer = requests.post(f"{keystone.auth_url}/{collection}", json={noun: fields}, headers=boss, timeout=30)
        assert answer.status_code == 201, answer.text
        return str(answer.json()[noun]["id"])

    domain = create("domains", name="tenants")
    project = create("projects", name="admin", domain_id=domain)
    user = create("users", name="mallory", domain_id=domain, password="secret")
    roles = requests.get(f"{keystone.auth_url}/roles?name=admin", headers=boss, timeout=30).json()["roles"]
    grant = f"{keystone.auth_url}/projects/{project}/users/{user}/roles/{roles[0]['id']}"
    assert requests.put(grant, headers=boss, timeout=30).status_code == 204
    login = requests.post(f"{keystone.auth_url}/auth/tokens", timeout=30, json={"auth": {
        "identity": {"methods": ["password"], "password": {"user": {"id": user, "password": "secret"}}},
        "scope": {"project": {"id": project}}}})
    assert login.status_code == 201
    assert api.ask(login.headers["X-Subject-Token"]).status_code == 403


def test_a_revoked_token_dies(api: Api, keystone: KeystoneServer, tmp_path: Path) -> None:
    login = requests.post(f"{keystone.auth_url}/auth/tokens", timeout=30, json={"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": "reader-admin", "domain": {"id": "default"}, "password": "secret"}}},
        "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}})
    token = login.headers["X-Subject-Token"]
    uncached = Api(tmp_path, keystone)
    try:
        assert uncached.ask(token).status_code == 200
        revoked = requests.delete(f"{keystone.auth_url}/auth/tokens", timeout=30, headers={
            "X-Auth-Token": token, "X-Subject-Token": token})
        assert revoked.status_code == 204
        uncached.until(lambda: uncached.ask(token).status_code == 401, within_s=5)
    finally:
        uncached.stop()


def test_keystone_away_is_503_soon_and_public_paths_go_on(keystone: KeystoneServer, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9/v3"
    lonely = Api(tmp_path, keystone, auth_url=nowhere, www_authenticate_uri=nowhere)
    try:
        began = time.monotonic()
        answer = lonely.ask("gAAAAABl" + "B" * 200)
        assert time.monotonic() - began < 20
        assert answer.status_code == 503
        assert "Keystone" in json.loads(answer.json()["error_message"])["faultstring"]
        assert lonely.ask(None, path="/").status_code == 200
        assert lonely.ask(None).status_code == 401
    finally:
        lonely.stop()


def test_the_audit_log_names_the_user_and_hides_secrets(api: Api, keystone: KeystoneServer) -> None:
    token = keystone.token("configurator")
    requests.post(f"{api.url}/v1/things", headers={"X-Auth-Token": token}, timeout=30,
                  json={"bm_password": "geheim-1", "list": [{"community": "geheim-2"}], "name": "visible"})
    api.until(lambda: "visible" in api.log.read_text(), within_s=5)
    line = next(line for line in api.log.read_text().splitlines() if "visible" in line)
    assert "configurator-admin" in line and "POST /v1/things status: 200" in line
    assert "geheim" not in api.log.read_text()
    assert token not in api.log.read_text()
