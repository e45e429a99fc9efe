# SPDX-License-Identifier: Apache-2.0
"""A whole API in one process, without network: routing, errors, policy, bodies, last resort."""
from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import webob
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oslo_config import cfg

from flock import conf as flock_conf
from flock.api import (
    ADMIN,
    ANYONE,
    CONFIGURATOR,
    READER,
    SERVICE,
    Call,
    Dialect,
    RawJson,
    Reply,
    Rule,
    build_app,
    root_document,
    slice_of,
    version_document,
)
from flock.api.edge import Edge
from flock.api.intake import CHUNK_BYTES, CHUNK_BYTES_MAX
from flock.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from flock.core.health import Health
from flock.testing.identity import trusting
from flock.wire.resource import Resource, attr

READ = {"X-Roles": "reader", "X-Project-Name": "admin", "X-User-Id": "u1", "X-User-Name": "ruth"}
WRITE = {**READ, "X-Roles": "configurator,reader"}


class Thing(Resource):
    name = attr(str, mandatory=True, max_length=20)
    size = attr(int, min=1)


class Greeter:
    """A service object for ``Call.deps``."""

    word = "hello"


class Things:
    def get(self, call: Call) -> Any:
        call.query.only("limit", "marker", "sort_key", "sort_dir", "q.value", "flag")
        page = call.query.page()
        return {"things": [], "limit": page.limit, "values": call.query.all("q.value"),
                "flag": call.query.bool("flag")}

    def post(self, call: Call) -> Any:
        thing = call.body_as(Thing)
        return Reply({"name": thing.name}, headers={"X-Thing": "new"})

    def patch(self, call: Call) -> Any:
        return [operation.path for operation in call.patch()]


class OneThing:
    def get(self, call: Call) -> Any:
        name = call.args["name"]
        if name == "crash":
            raise ZeroDivisionError("secret inner detail")
        if name == "away":
            raise Unavailable(service="fm-manager", reason="no answer")
        if name == "raw":
            return RawJson(b'{"raw": true}')
        if name == "greet":
            return {"word": call.deps(Greeter).word}
        raise NotFound(resource="Thing", id=name)

    def put(self, call: Call) -> Any:
        raise Conflict(detail="It is in use")

    def delete(self, call: Call) -> None:
        return None

    def post(self, call: Call) -> Any:
        return {"got": call.json(default=None), "user": call.ctx.user_name, "roles": sorted(call.ctx.roles)}


class Static:
    def get(self, call: Call) -> Any:
        return {"static": True, "user": call.ctx.user_id, "url": call.base_url}


class Upload:
    max_body_bytes = 3 * 1024 * 1024
    streams_body = True

    def post(self, call: Call) -> Any:
        if call.environ["CONTENT_TYPE"] != "application/octet-stream":
            raise InvalidInput(field="Content-Type", rule="must be application/octet-stream")
        pieces = list(call.pieces)
        return {"bytes": sum(map(len, pieces)), "longest": max(map(len, pieces), default=0), "body": len(call.body)}


ROUTES = {"/v1/things": Things, "/v1/things/{name}": OneThing, "/v1/things/static": Static, "/v1/public": Static,
          "/v1/internal": Static, "/v1/admin_only": Static, "/v1/upload": Upload}
POLICY = (
    Rule("t:get", READER, "GET", "/v1/things"), Rule("t:get", READER, "GET", "/v1/things/{name}"),
    Rule("t:get", READER, "GET", "/v1/things/static"), Rule("t:create", CONFIGURATOR, "POST", "/v1/things"),
    Rule("t:modify", CONFIGURATOR, "PATCH", "/v1/things"), Rule("t:modify", CONFIGURATOR, "PUT", "/v1/things/{name}"),
    Rule("t:delete", CONFIGURATOR, "DELETE", "/v1/things/{name}"),
    Rule("t:act", CONFIGURATOR, "POST", "/v1/things/{name}"),
    Rule("t:public", ANYONE, "GET", "/v1/public"), Rule("t:internal", SERVICE, "GET", "/v1/internal"),
    Rule("t:admin", ADMIN, "GET", "/v1/admin_only"), Rule("t:upload", CONFIGURATOR, "POST", "/v1/upload"),
)
DIALECT = Dialect(
    default_version="v1", root=root_document("Thing API", "Things."),
    version=version_document("application/vnd.things.v1+json", ("things",), slash=True))

Ask = Callable[..., webob.Response]


def make_conf(**api: Any) -> Any:
    conf = cfg.ConfigOpts()
    flock_conf.setup("thing-api", "thing", [], conf=conf, logging_too=False)
    for name, value in api.items():
        conf.set_override(name, value, group="api")
    return conf


def make_app(dialect: Dialect = DIALECT, **api: Any) -> Edge:
    return build_app(make_conf(**api), "thing", [slice_of(ROUTES, POLICY)], [Greeter()], dialect=dialect,
                     authenticate=trusting)


@pytest.fixture(scope="module")
def app() -> Edge:
    return make_app()


@pytest.fixture
def ask(app: Edge) -> Iterator[Ask]:
    yield asker(app)


def asker(app: Edge) -> Ask:
    def ask(path: str, method: str = "GET", headers: dict[str, str] | None = None, **kwargs: Any) -> webob.Response:
        request = webob.Request.blank(path, method=method, headers=READ if headers is None else headers, **kwargs)
        return request.get_response(app)

    return ask


def inner(response: webob.Response) -> dict[str, Any]:
    assert list(response.json) == ["error_message"]
    found: dict[str, Any] = json.loads(response.json["error_message"])
    return found


@pytest.mark.parametrize("path", ["/v1/things", "/v1/things/", "/things", "/things/"])
def test_version_and_trailing_slash_are_optional(ask: Ask, path: str) -> None:
    response = ask(path)
    assert response.status_int == 200
    assert response.content_type == "application/json"
    assert response.json["limit"] == 2000


def test_a_literal_segment_wins_over_a_parameter(ask: Ask) -> None:
    assert ask("/v1/things/static").json["static"] is True
    assert ask("/v1/things/raw").body == b'{"raw": true}'


def test_head_is_get_without_body(ask: Ask) -> None:
    full, head = ask("/v1/things"), ask("/v1/things", "HEAD")
    assert head.status_int == 200
    assert head.body == b""
    assert head.headers["Content-Length"] == str(len(full.body))


def test_unknown_path_and_method(ask: Ask) -> None:
    missing = ask("/v1/nothing")
    assert missing.status_int == 404
    assert inner(missing) == {"faultstring": "The resource could not be found."}
    for path in ("/v1/things//static", "/v1/things/a/b", "/v2/things"):
        assert ask(path).status_int == 404
    wrong = ask("/v1/things", "DELETE")
    assert wrong.status_int == 405
    assert wrong.headers["Allow"] == "GET, HEAD, PATCH, POST"
    assert ask("/v1/things", "OPTIONS").status_int == 405
    assert ask("/v1/things", "BREW").status_int == 405


def test_domain_errors_in_the_wire_shape(ask: Ask) -> None:
    response = ask("/v1/things/7")
    assert response.status_int == 404
    assert inner(response) == {"debuginfo": None, "faultcode": "Client", "faultstring": "Thing 7 could not be found."}
    assert list(inner(response)) == ["debuginfo", "faultcode", "faultstring"]
    assert ask("/v1/things/7", "PUT", WRITE).status_int == 409


def test_unavailable_is_503_and_says_when_to_come_back(ask: Ask) -> None:
    response = ask("/v1/things/away")
    assert response.status_int == 503
    assert response.headers["Retry-After"] == "5"
    assert inner(response)["faultcode"] == "Server"
    assert "fm-manager" in inner(response)["faultstring"]


def test_the_last_resort_tells_nothing_but_the_request_id(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    response = ask("/v1/things/crash")
    assert response.status_int == 500
    assert b"secret inner detail" not in response.body
    assert b"Traceback" not in response.body
    assert response.headers["X-Openstack-Request-Id"] in inner(response)["faultstring"]
    assert any("ZeroDivisionError" in (record.exc_text or "") or record.exc_info for record in caplog.records)


def test_xml_errors_only_when_xml_is_asked_for(ask: Ask) -> None:
    response = ask("/v1/things/a%3Cb", headers={**READ, "Accept": "application/xml"})
    assert response.content_type == "application/xml"
    assert response.body.startswith(b"<error_message>")
    assert b"a&lt;b" in response.body
    assert ask("/v1/things/7", headers={**READ, "Accept": "application/xml, */*"}).content_type == "application/json"


REQUEST_ID = "req-0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77"


@pytest.mark.parametrize(("sent", "kept"), [
    (REQUEST_ID, True), ("req-1", False), (REQUEST_ID + "x", False), (REQUEST_ID.upper(), False), ("a\tb", False)])
def test_request_ids(ask: Ask, sent: str, kept: bool) -> None:
    for path in ("/v1/things", "/v1/nothing", "/healthz", "/v1/things/crash"):
        answered = ask(path, headers={**READ, "X-Openstack-Request-Id": sent}).headers.getall("X-Openstack-Request-Id")
        assert len(answered) == 1
        assert (answered[0] == sent) is kept
        assert answered[0].startswith("req-") and len(answered[0]) == 40


@pytest.mark.parametrize(("roles", "project", "path", "method", "status"), [
    ("reader", "admin", "/v1/things", "GET", 200), ("reader", "services", "/v1/things", "GET", 200),
    ("reader", "other", "/v1/things", "GET", 403), ("member", "admin", "/v1/things", "GET", 403),
    ("operator", "admin", "/v1/things", "GET", 200), ("service", "services", "/v1/things", "GET", 200),
    ("reader", "admin", "/v1/things/x", "DELETE", 403), ("operator", "admin", "/v1/things/x", "DELETE", 403),
    ("configurator", "admin", "/v1/things/x", "DELETE", 204), ("admin", "services", "/v1/things/x", "DELETE", 204),
    ("configurator", "other", "/v1/things/x", "DELETE", 403), ("Configurator", "admin", "/v1/things/x", "DELETE", 204),
    ("configurator", "admin", "/v1/admin_only", "GET", 403), ("admin", "admin", "/v1/admin_only", "GET", 200),
    ("service", "services", "/v1/internal", "GET", 200), ("service", "admin", "/v1/internal", "GET", 403),
    ("configurator", "admin", "/v1/internal", "GET", 403), ("admin", "admin", "/v1/internal", "GET", 200),
    ("", "admin", "/v1/things", "GET", 403), ("member", "other", "/v1/public", "GET", 200),
])
def test_roles(ask: Ask, roles: str, project: str, path: str, method: str, status: int) -> None:
    response = ask(path, method, {"X-Roles": roles, "X-Project-Name": project})
    assert response.status_int == status
    if status == 403:
        assert inner(response) == {"faultstring": "The requested action is not authorized"}


def test_a_project_of_that_name_in_a_foreign_domain_gives_no_rights(ask: Ask) -> None:
    headers = {"X-Roles": "admin", "X-Project-Name": "admin", "X-Project-Domain-Name": "tenants"}
    assert ask("/v1/things", headers=headers).status_int == 403
    assert ask("/v1/things", headers={**headers, "X-Project-Domain-Name": "Default"}).status_int == 200


def test_public_operations_know_nobody(ask: Ask) -> None:
    assert ask("/v1/public").json["user"] is None


def test_version_documents_are_public(ask: Ask) -> None:
    root = ask("/", headers={"Host": "10.10.10.1:18002"}).json
    assert root["name"] == "Thing API"
    assert root["default_version"] == root["versions"][0]
    assert root["versions"][0]["links"] == [{"href": "http://10.10.10.1:18002/v1/", "rel": "self"}]
    version = ask("/v1/", headers={"Host": "h"}).json
    assert version["id"] == "v1"
    assert version["things"] == [{"href": "http://h/v1/things/", "rel": "self"},
                                 {"href": "http://h/things/", "rel": "bookmark"}]


@pytest.mark.parametrize("host", ["evil.example/<script>", "a b", "h:123456", "x" * 300, "h\\@b"])
def test_a_malformed_host_does_not_get_into_links(ask: Ask, host: str) -> None:
    assert ask("/v1/public", headers={"Host": host}).json["url"] == "http://localhost:80"


def test_links_use_the_public_endpoint_when_configured() -> None:
    configured = asker(make_app(public_endpoint="https://oam:6385/"))
    assert configured("/v1/public").json["url"] == "https://oam:6385"


def post(ask: Ask, body: bytes, content_type: str = "application/json", path: str = "/v1/things") -> webob.Response:
    return ask(path, "POST", {**WRITE, "Content-Type": content_type}, body=body)


@pytest.mark.parametrize(("body", "text"), [
    (b"", "Request is not in valid JSON format: the body is empty"), (b"{", "Request is not in valid JSON format"),
    (b'{"name": "\xff"}', "not UTF-8"), (b'{"name": "\\u0000"}', "must not contain NUL"),
    (b'{"name": "\\ud800"}', "lone surrogates"), (b'{"\\u0000": 1}', "must not contain NUL"),
    (b'{"name": NaN}', "not in valid JSON"), (b'{"size": 1e999, "name": "x"}', "must be an integer"),
    (b"[" * 100000, "nested deeper than 64"), (b'{"name":' + b"[" * 70 + b"]" * 70 + b"}", "nested deeper than 64"),
    (b'{"name": "x", "size": ' + b"9" * 5000 + b"}", "not in valid JSON"), (b"[]", "Request must be a JSON dict"),
    (b'{"name": "x", "color": 1}', "Unknown attribute color. A request may have: "),
    (b'{"size": 1}', "Invalid input for field/attribute name. Value: 'None'. Mandatory field missing."),
    (b'{"name": "' + b"x" * 1000000 + b'"}', "at most 20 characters"), (b"null", "JSON dict"),
    (b"\x00", "not in valid JSON"), (b'{"name": "a", "name": "b"}', "the key name is given twice"),
    (b'{"name": {"x": 1, "y": 2, "x": 1}}', "the key x is given twice"),
])
def test_bad_bodies_are_400_with_a_reason(ask: Ask, body: bytes, text: str) -> None:
    response = post(ask, body)
    assert response.status_int == 400
    assert text in inner(response)["faultstring"]
    assert len(response.body) < 1000


def test_good_bodies(ask: Ask) -> None:
    response = post(ask, b'\xef\xbb\xbf{"name": "b"}')
    assert response.json == {"name": "b"}
    assert response.headers["X-Thing"] == "new"
    assert post(ask, b'{"name": "\\u00e4\\ud83d\\ude00"}').json == {"name": "\u00e4\U0001f600"}
    assert post(ask, b"", path="/v1/things/x").json["got"] is None
    assert ask("/v1/things", "PATCH", WRITE, body=b'[{"op":"replace","path":"/a","value":"1"}]').json == [["a"]]


def test_a_long_body_is_413_in_the_wire_shape(ask: Ask) -> None:
    response = post(ask, b"x" * (1024 * 1024 + 1))
    assert response.status_int == 413
    assert "1048576 bytes" in inner(response)["faultstring"]


def test_a_body_without_length_is_limited_as_well(app: Edge) -> None:
    environ = webob.Request.blank("/v1/things", method="POST", headers=WRITE).environ
    environ.pop("CONTENT_LENGTH", None)
    environ.update({"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": io.BytesIO(b"x" * 3_000_000)})
    assert webob.Request(environ).get_response(app).status_int == 413


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "\u0661"])
def test_a_strange_content_length_is_400(app: Edge, length: str) -> None:
    environ = webob.Request.blank("/v1/things", method="POST", headers=WRITE).environ
    environ["CONTENT_LENGTH"] = length
    assert webob.Request(environ).get_response(app).status_int == 400


def test_a_cut_off_body_is_400(app: Edge) -> None:
    environ = webob.Request.blank("/v1/things", method="POST", headers=WRITE, body=b'{"name"').environ
    environ["CONTENT_LENGTH"] = "100"
    response = webob.Request(environ).get_response(app)
    assert response.status_int == 400
    assert "shorter" in inner(response)["faultstring"]


def test_a_streamed_body_comes_in_pieces_and_may_be_longer_than_others(ask: Ask) -> None:
    content = bytes(range(256)) * 8192
    response = post(ask, content, "application/octet-stream", "/v1/upload")
    assert (response.json["bytes"], response.json["body"]) == (len(content), 0)
    assert CHUNK_BYTES <= response.json["longest"] <= CHUNK_BYTES_MAX
    assert post(ask, b"", "application/octet-stream", "/v1/upload").json == {"bytes": 0, "longest": 0, "body": 0}
    assert post(ask, b"x" * 4_000_000, "application/octet-stream", "/v1/upload").status_int == 413
    assert post(ask, b"x", "text/plain", "/v1/upload").status_int == 400


def test_a_streamed_body_that_is_cut_off_is_400(app: Edge) -> None:
    headers = {**WRITE, "Content-Type": "application/octet-stream"}
    environ = webob.Request.blank("/v1/upload", method="POST", headers=headers, body=b"some").environ
    environ["CONTENT_LENGTH"] = "100"
    response = webob.Request(environ).get_response(app)
    assert response.status_int == 400
    assert "shorter" in inner(response)["faultstring"]


def test_delete_as_the_old_clients_send_it(ask: Ask) -> None:
    response = ask("/v1/things/x", "DELETE", {**WRITE, "Content-Type": "application/octet-stream"})
    assert response.status_int == 204
    assert response.body == b""


def test_get_with_a_body_is_tolerated(ask: Ask) -> None:
    assert ask("/v1/things", body=b"{}", headers={**READ, "Content-Type": "application/json"}).status_int == 200


def test_content_types_where_they_are_strict() -> None:
    strict = asker(make_app(Dialect(default_version="v1", strict_content_type=True, web_errors="title")))
    response = post(strict, b'{"name": "a"}', "text/plain")
    assert response.status_int == 415
    assert inner(response)["code"] == 415
    assert post(strict, b'{"name": "a"}', "application/json; charset=utf-8").status_int == 200
    assert strict("/v1/things/x", "DELETE", {**WRITE, "Content-Type": "application/octet-stream"}).status_int == 204


def test_the_other_error_dialect() -> None:
    other = asker(make_app(Dialect(default_version="v1", web_errors="title", domain_prefix="[HTTP {http}] ",
                                   fault_keys=("faultcode", "faultstring", "debuginfo"), read_from_any_project=True)))
    assert inner(other("/nope")) == {"code": 404, "title": "Not Found", "description": None}
    assert inner(other("/things", headers={})) == {"code": 403, "title": "Forbidden", "description": None}
    refusal = inner(other("/things/7"))
    assert list(refusal) == ["faultcode", "faultstring", "debuginfo"]
    assert refusal["faultstring"] == "[HTTP 404] Thing 7 could not be found."
    assert inner(other("/things?x=1"))["faultstring"] == 'Unknown argument: "x"'
    assert other("/things", headers={"X-Roles": "reader", "X-Project-Name": "tenant"}).status_int == 200
    assert other("/things/x", "DELETE", {"X-Roles": "admin", "X-Project-Name": "tenant"}).status_int == 403


def test_a_dialect_with_error_bodies_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    own = asker(make_app(Dialect(default_version="v1", fault_body=lambda status, title, text, code: {
        "code": code or status, "title": title, "error": text})))
    assert own("/nope").json == {"code": 404, "title": "Not Found", "error": "The resource could not be found."}
    assert own("/things/7").json["code"] == "flock.not_found"
    first, again = (own("/things/crash").json["error"] for _ in range(2))
    assert re.fullmatch(r"Internal error occurred\. Error signature \[[0-9a-f]{8}\]", first) and first == again
    assert own("/nope", headers={**READ, "Accept": "application/xml"}).content_type == "application/xml"


@pytest.mark.parametrize(("query", "status", "text"), [
    ("limit=3&q.value=a&q.value=b&flag=yes", 200, ""), ("limit=-1", 400, "Limit must be positive"),
    ("flag=maybe", 400, "flag"), ("nope=1", 400, "Unknown argument"), ("q.value=%ff", 400, "not valid UTF-8"),
    ("q.value=%00", 400, "NUL"), ("&".join("q.value=1" for _ in range(1001)), 400, "more than 1000 arguments"),
    ("marker=%00", 400, "NUL"), ("limit=" + "9" * 5000, 400, "limit"),
])
def test_queries(ask: Ask, query: str, status: int, text: str) -> None:
    response = ask(f"/v1/things?{query}")
    assert response.status_int == status
    if status == 200:
        assert response.json == {"things": [], "limit": 3, "values": ["a", "b"], "flag": True}
    else:
        assert text in inner(response)["faultstring"]


@pytest.mark.parametrize("path", ["/v1/things/%ff", "/v1/things/a%00b", "/%c3%28"])
def test_bad_paths_are_400(ask: Ask, path: str) -> None:
    assert ask(path).status_int == 400


def test_health_and_metrics_need_no_token(app: Edge, ask: Ask) -> None:
    assert ask("/healthz", headers={}).json == {"status": "ok", "checks": {}}
    assert ask("/healthcheck", headers={}).json == {"status": "ok", "checks": {}}
    assert ask("/metrics", "HEAD", {}, environ={"REMOTE_ADDR": "127.0.0.1"}).body == b""
    ask("/v1/things/7")
    text = ask("/metrics", headers={}, environ={"REMOTE_ADDR": "::1"}).text
    assert 'flock_api_requests_total{method="GET",route="/v1/things/{name}",status="404",subsystem="thing"}' in text
    assert "things/7" not in text


@pytest.mark.parametrize("address", ["10.10.10.9", "", "unix:", "controller"])
def test_metrics_are_shown_on_this_machine_only(ask: Ask, address: str) -> None:
    assert ask("/metrics", environ={"REMOTE_ADDR": address}).status_int == 404


def test_failed_health_is_503() -> None:
    health = Health()
    health.add("bus", lambda: "broker away")
    app = build_app(make_conf(), "thing", [slice_of(ROUTES, POLICY)], dialect=DIALECT, health=health,
                    authenticate=trusting)
    response = asker(app)("/healthz", headers={})
    assert response.status_int == 503
    assert response.json["checks"] == {"bus": "broker away"}
    assert asker(app)("/healthz", "POST", {}).status_int == 405


def test_changes_are_audited_without_secrets(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flock.audit")
    ask("/v1/things/x?a=1", "POST", {**WRITE, "User-Agent": "cli\x85line"},
        body=b'[{"op": "replace", "path": "/bm_password", "value": "geheim"}]', content_type="application/json")
    ask("/v1/things", "GET")
    ask("/v1/things", "POST", READ, body=b'{"name": "n", "token": "geheim"}', content_type="application/json")
    lines = [record.getMessage() for record in caplog.records if record.name == "flock.audit"]
    assert len(lines) == 2
    assert lines[0].startswith("POST /v1/things/x status: 200 len: ")
    assert "user: u1/ruth tenant: -/admin" in lines[0]
    assert "bm_password" in lines[0]
    assert "status: 403" in lines[1]
    assert not any("geheim" in line or "\x85" in line for line in lines)


def test_every_operation_needs_a_rule_and_every_rule_an_operation() -> None:
    conf = make_conf()
    with pytest.raises(ValueError, match="without a policy rule: POST /v1/upload"):
        build_app(conf, "thing", [slice_of(ROUTES, POLICY[:-1])], dialect=DIALECT)
    with pytest.raises(ValueError, match="without a route: GET /v1/ghost"):
        build_app(conf, "thing", [slice_of(ROUTES, (*POLICY, Rule("g", READER, "GET", "/v1/ghost")))], dialect=DIALECT)
    with pytest.raises(ValueError, match="two checks"):
        build_app(conf, "thing", [slice_of({"/v1/a": Static, "/v1/b": Static}, [
            Rule("x", READER, "GET", "/v1/a"), Rule("x", ADMIN, "GET", "/v1/b")])], dialect=DIALECT)
    with pytest.raises(ValueError, match="declared twice"):
        build_app(conf, "thing", [slice_of({"/v1/a/{x}": Static, "/v1/a/{y}": Static}, [])], dialect=DIALECT)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]),
       path=st.sampled_from(["/v1/things", "/v1/things/abc", "/v1/upload", "/v1/nothing"]),
       query=st.binary(max_size=40), body=st.binary(max_size=200),
       content_type=st.sampled_from(["application/json", "multipart/form-data; boundary=x", "text/plain", "", "\xff"]))
def test_random_requests_never_give_500(app: Edge, method: str, path: str, query: bytes, body: bytes,
                                        content_type: str) -> None:
    environ = webob.Request.blank(path, method=method, headers=WRITE, body=body).environ
    environ.update({"QUERY_STRING": query.decode("latin-1"), "CONTENT_TYPE": content_type})
    assert webob.Request(environ).get_response(app).status_int < 500
