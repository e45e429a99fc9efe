# SPDX-License-Identifier: Apache-2.0
"""The token check against a stub of Keystone on the loopback; the real one is used by the functional tests."""
from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import webob
from keystoneauth1 import loading
from keystonemiddleware import auth_token
from oslo_config import cfg

from flock import conf as flock_conf
from flock.api import ANYONE, READER, Call, Dialect, Rule, build_app, slice_of
from flock.auth.context import IDENTITY_HEADERS, from_environ
from flock.auth.tokens import REMEMBERED_MAX, TokenMemory


class StubKeystone(ThreadingHTTPServer):
    """Knows tokens by name; counts validations."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.tokens: dict[str, dict[str, Any]] = {}
        self.validated: list[str] = []
        self.broken = False
        self.login = 201
        self.asked, self.go = threading.Semaphore(0), threading.Event()
        self.go.set()

    def add(self, name: str, *roles: str, project: str = "admin", domain: str = "Default", life_s: int = 3600) -> None:
        """Make a token valid."""
        now = datetime.now(UTC)
        self.tokens[name] = {"token": {
            "methods": ["password"], "audit_ids": ["x"], "is_domain": False,
            "expires_at": (now + timedelta(seconds=life_s)).strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
            "issued_at": now.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
            "user": {"id": f"id-{name}", "name": name, "domain": {"id": "default", "name": "Default"}},
            "project": {"id": "p", "name": project, "domain": {"id": domain.lower(), "name": domain}},
            "roles": [{"id": role, "name": role} for role in roles]}}


class _Answers(BaseHTTPRequestHandler):
    server: StubKeystone

    def _send(self, status: int, document: Any, **headers: str) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path.rstrip("/") in ("", "/v3"):
            entry = {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": self.server.url + "/v3/"}]}
            self._send(300 if self.path == "/" else 200,
                       {"versions": {"values": [entry]}} if self.path == "/" else {"version": entry})
            return
        subject = self.headers.get("X-Subject-Token", "")
        self.server.validated.append(subject)
        self.server.asked.release()
        assert self.server.go.wait(20)
        if self.server.broken:
            self._send(503, {})
        elif subject in self.server.tokens:
            self._send(200, self.server.tokens[subject])
        else:
            self._send(404, {"error": {"code": 404}})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.login != 201:
            if self.server.login:
                self._send(self.server.login, {"error": {"code": self.server.login}})
            return
        own = {"token": {**self.server.tokens["service"]["token"], "catalog": [
            {"type": "identity", "name": "keystone", "id": "k", "endpoints": [
                {"interface": name, "url": self.server.url, "region": "R", "region_id": "R", "id": name}
                for name in ("admin", "internal", "public")]}]}}
        self._send(201, own, X_Subject_Token="service")

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def keystone() -> Iterator[StubKeystone]:
    server = StubKeystone()
    server.add("service", "service", project="services")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


class Who:
    def get(self, call: Call) -> dict[str, Any]:
        return {"user": call.ctx.user_name, "roles": sorted(call.ctx.roles), "service": call.ctx.is_service}


class Whole:
    def get(self, call: Call) -> dict[str, Any]:
        return {**asdict(call.ctx), "roles": sorted(call.ctx.roles)}


@pytest.fixture
def app(keystone: StubKeystone) -> Any:
    conf = cfg.ConfigOpts()
    flock_conf.setup("t-api", "t", [], conf=conf, logging_too=False)
    api = build_options(conf, keystone.url)
    routes = {"/v1/who": Who, "/v1/whole": Whole, "/v1/public": Whole}
    rules = [Rule("t:who", READER, "GET", "/v1/who"), Rule("t:who", READER, "GET", "/v1/whole"),
             Rule("t:public", ANYONE, "GET", "/v1/public")]
    return build_app(api, "t", [slice_of(routes, rules)], dialect=Dialect())


def build_options(conf: Any, url: str) -> Any:
    for group, opts in auth_token.list_opts():
        conf.register_opts(opts, group=group)
    conf.register_opts(loading.get_auth_plugin_conf_options("password"), group="keystone_authtoken")
    for name, value in {"auth_type": "password", "auth_url": url, "username": "fm", "password": "x", "project_name":
                        "services", "user_domain_name": "Default", "project_domain_name": "Default",
                        "www_authenticate_uri": url, "http_request_max_retries": 0}.items():
        conf.set_override(name, value, group="keystone_authtoken")
    return conf


def ask(app: Any, path: str = "/v1/who", **headers: str) -> webob.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return webob.Request.blank(path, headers=sent).get_response(app)


def test_a_valid_token_brings_its_roles_and_forged_headers_nothing(app: Any, keystone: StubKeystone) -> None:
    keystone.add("tom", "reader", "Member")
    response = ask(app, X_Auth_Token="tom", X_Roles="admin", X_User_Name="root", X_Service_Roles="service")
    assert response.json == {"user": "tom", "roles": ["member", "reader"], "service": False}


@pytest.mark.parametrize("header", IDENTITY_HEADERS)
def test_no_identity_header_of_a_client_reaches_the_context(app: Any, keystone: StubKeystone, header: str) -> None:
    def told(path: str, **sent: str) -> dict[str, Any]:
        answer = ask(app, path, X_Auth_Token="tom", **sent)
        assert answer.status_int == 200
        return {**answer.json, "request_id": ""}

    keystone.add("tom", "reader")
    forged = {header.removeprefix("HTTP_"): "admin,service"}
    for path in ("/v1/whole", "/v1/public"):
        assert told(path, **forged) == told(path)
    assert told("/v1/public", **forged)["user_name"] is None
    assert ask(app, "/v1/whole", **forged).status_int == 401


def test_the_names_removed_are_all_the_context_reads(app: Any) -> None:
    read: set[str] = set()

    class Recording(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            read.add(key)
            return super().get(key, default)

    from_environ(Recording(), "req-1")
    assert {name for name in read if name.startswith("HTTP_")} == set(IDENTITY_HEADERS)


def test_no_configuration_switches_the_check_off(app: Any, keystone: StubKeystone) -> None:
    conf = cfg.ConfigOpts()
    flock_conf.setup("t-api", "t", [], conf=conf, logging_too=False)
    conf.register_opt(cfg.StrOpt("auth_strategy", default="noauth"), group="api")
    conf = build_options(conf, keystone.url)
    conf.set_override("delay_auth_decision", True, group="keystone_authtoken")
    routes, rules = {"/v1/who": Who}, [Rule("t:who", READER, "GET", "/v1/who")]
    loose = build_app(conf, "t", [slice_of(routes, rules)], dialect=Dialect())
    assert ask(loose, X_Roles="admin", X_Project_Name="admin").status_int == 401


@pytest.mark.parametrize("headers", [{}, {"X_Auth_Token": "unknown"}, {"X_Auth_Token": ""},
                                     {"X_Roles": "admin", "X_Project_Name": "admin", "X_Identity_Status": "Confirmed"}])
def test_without_a_valid_token_401(app: Any, headers: dict[str, str]) -> None:
    for path in ("/v1/who", "/v1/unknown"):
        response = ask(app, path, **headers)
        assert response.status_int == 401
        assert response.headers["WWW-Authenticate"].startswith("Keystone uri=")
        assert response.headers["X-Openstack-Request-Id"].startswith("req-")


def test_invented_tokens_leave_threads_for_those_that_were_valid(app: Any, keystone: StubKeystone,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    keystone.add("tom", "reader")
    assert ask(app).status_int == 401
    assert ask(app, X_Auth_Token="tom").status_int == 200
    monkeypatch.setattr(TokenMemory, "get", lambda self, token: None)
    while keystone.asked.acquire(blocking=False):
        pass
    keystone.go.clear()
    told: list[int] = []

    def go(token: str) -> threading.Thread:
        thread = threading.Thread(target=lambda: told.append(ask(app, X_Auth_Token=token).status_int))
        thread.start()
        assert keystone.asked.acquire(timeout=20)
        return thread

    # Half of the threads of an API process, which are eight.
    threads = [go(f"invented-{number}") for number in range(4)]
    refused = ask(app, X_Auth_Token="invented-9")
    assert (refused.status_int, refused.headers["Retry-After"]) == (503, "5")
    threads.append(go("tom"))
    keystone.go.set()
    for thread in threads:
        thread.join(20)
    assert sorted(told) == [200, 401, 401, 401, 401]
    assert ask(app, X_Auth_Token="invented-9").status_int == 401


def test_a_token_that_was_revoked_is_a_strangers() -> None:
    memory = TokenMemory(10)
    memory.put("tom", 1)
    assert memory.knows("tom") and not memory.knows("eve")
    memory.forget("tom")
    assert not memory.knows("tom")
    for number in range(REMEMBERED_MAX + 1):
        memory.put(str(number), 1)
    assert not memory.knows("0") and memory.knows("1")


def test_public_paths_do_not_ask_keystone(app: Any, keystone: StubKeystone) -> None:
    assert ask(app, "/", X_Auth_Token="unknown").status_int == 200
    assert keystone.validated == []


def test_wrong_project_or_domain_is_403(app: Any, keystone: StubKeystone) -> None:
    keystone.add("tenant", "admin", project="tenant")
    keystone.add("foreign", "admin", project="admin", domain="Elsewhere")
    assert ask(app, X_Auth_Token="tenant").status_int == 403
    assert ask(app, X_Auth_Token="foreign").status_int == 403


def test_a_validated_token_is_remembered_and_a_refused_one_is_not(app: Any, keystone: StubKeystone) -> None:
    keystone.add("tom", "reader")
    for _ in range(5):
        assert ask(app, X_Auth_Token="tom").status_int == 200
    assert keystone.validated.count("tom") == 1
    assert ask(app, X_Auth_Token="late").status_int == 401
    keystone.add("late", "reader")
    assert ask(app, X_Auth_Token="late").status_int == 200


def test_an_expired_token_is_refused_although_remembered(app: Any, keystone: StubKeystone) -> None:
    keystone.add("old", "reader", life_s=-10)
    assert ask(app, X_Auth_Token="old").status_int == 401


def test_a_service_token_must_carry_the_role(app: Any, keystone: StubKeystone) -> None:
    keystone.add("tom", "reader")
    keystone.add("mate", "reader")
    assert ask(app, X_Auth_Token="tom", X_Service_Token="service").json["service"] is True
    assert ask(app, X_Auth_Token="tom", X_Service_Token="mate").status_int == 401


def test_keystone_away_is_503_in_the_wire_shape(app: Any, keystone: StubKeystone) -> None:
    keystone.broken = True
    response = ask(app, X_Auth_Token="tom")
    assert response.status_int == 503
    assert "Keystone is not available" in json.loads(response.json["error_message"])["faultstring"]


@pytest.mark.parametrize("login", [500, 429, 401, 0], ids=["fails", "too many", "refused", "no answer"])
def test_a_service_that_cannot_log_in_itself_answers_503(app: Any, keystone: StubKeystone, login: int) -> None:
    """As just after a failover, when all services log in at the same time."""
    keystone.add("tom", "reader")
    keystone.login = login
    response = ask(app, X_Auth_Token="tom")
    assert response.status_int == 503
    assert "Keystone is not available" in json.loads(response.json["error_message"])["faultstring"]
    keystone.login = 201
    assert ask(app, X_Auth_Token="tom").status_int == 200


def test_memory_forgets_by_age_and_by_number() -> None:
    now = [0.0]
    memory = TokenMemory(10, lambda: now[0])
    memory.put("a", {"x": 1})
    assert memory.get("a") == {"x": 1}
    assert memory.get("b") is None
    now[0] = 10
    assert memory.get("a") is None
    for number in range(REMEMBERED_MAX + 1):
        memory.put(str(number), number)
    assert memory.get("0") is None
    assert memory.get(str(REMEMBERED_MAX)) == REMEMBERED_MAX


def test_a_memory_of_no_time_remembers_nothing() -> None:
    memory = TokenMemory(0)
    memory.put("a", 1)
    assert memory.get("a") is None
