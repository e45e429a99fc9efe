# SPDX-License-Identifier: Apache-2.0
"""Every field of every body: refused with its name, or stored and returned as it was sent."""
from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import webob

from flock.api import build_app
from flock.db import Database
from flock.testing.fixtures import private_conf
from flock.testing.identity import trusting
from fm.contract.rpc import FmManager
from fm.core.retention import Limits
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.resources.alarm.reading import AlarmReads

Send = Callable[..., webob.Response]
HEADERS = {"X-Roles": "configurator", "X-Project-Name": "services", "X-User-Name": "u", "X-User-Id": "1"}
ALARM = {"alarm_id": "100.101", "alarm_state": "set", "severity": "minor", "alarm_type": "equipment",
         "probable_cause": "unknown"}
TEXTS = {"entity_instance_id": 255, "entity_type_id": 255, "reason_text": 2048, "proposed_repair_action": 2048}
CHOICES = ("alarm_state", "severity", "alarm_type", "probable_cause")
FLAGS = ("service_affecting", "suppression", "inhibit_alarms", "keep_existing_alarm")
HOSTILE = ("it's", '"quoted"', "100%", "a_b", "'; DELETE FROM alarm; --", "Grüße, 漢字 🚨 \u200fعربي", "back\\slash/",
           "<b>&amp;</b>", "two\nlines\tand a tab", " blanks around ", "%s {0} ${x}", "=cmd()", "\u2028", "\ufffe")
NO_TEXT: tuple[Any, ...] = (5, 1.5, True, [], {}, ["a"], 10**40)
CONTROL = ("a\x00b", "bell\x07", "\x1b[31m", "del\x7f")
numbers = itertools.count()


@pytest.fixture(scope="module")
def send(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Send]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('fm')}/bad.sqlite", sqlite_synchronous=False)
    METADATA.create_all(database.engine)
    synchronise(database)
    manager = Manager(database, Writer(database, lambda: Settings(Limits(10000))))
    deps = [database, AlarmReads(database), (FmManager, manager)]
    app = build_app(private_conf(), "fm", deps=deps, authenticate=trusting)

    def ask(method: str, path: str, body: Any = None, raw: bytes | None = None,
            content_type: str = "application/json") -> webob.Response:
        content = json.dumps(body).encode() if raw is None else raw
        request = webob.Request.blank(path, method=method, headers=HEADERS)
        if body is not None or raw is not None:
            request.body = content
            request.headers["Content-Type"] = content_type
        return request.get_response(app)

    yield ask
    database.dispose()


def alarm(**changes: Any) -> dict[str, Any]:
    return {**ALARM, "entity_instance_id": f"host=h{next(numbers)}", **changes}


def made(response: webob.Response) -> str:
    assert response.status_int == 200, response.text
    return str(json.loads(json.loads(response.text))["uuid"])


def refusal(response: webob.Response, status: int = 400) -> str:
    assert response.status_int == status, response.text
    assert response.headers["X-Openstack-Request-Id"].startswith("req-")
    inner = json.loads(response.json["error_message"])
    return str(inner.get("faultstring") or inner.get("description") or inner["title"])


def named(response: webob.Response, field: str) -> None:
    assert field in refusal(response)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("field", TEXTS)
def test_texts_are_returned_as_they_were_sent(send: Send, field: str, text: str) -> None:
    text = f"{text}{next(numbers)}" if field == "entity_instance_id" else text
    uuid = made(send("POST", "/v1/alarms", alarm(**{field: text})))
    assert send("GET", f"/v1/alarms/{uuid}").json[field] == text
    assert send("GET", f"/v1/event_log/{uuid}").json[field] == text
    if field not in ("entity_instance_id", "entity_type_id"):
        uuid = made(send("POST", "/v1/alarms", alarm()))
        made(send("PUT", f"/v1/alarms/{uuid}", {field: text}))
        assert send("GET", f"/v1/alarms/{uuid}").json[field] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_an_entity_is_found_and_cleared_by_its_own_text_only(send: Send, text: str) -> None:
    entity, other = f"host={text}", f"host={text}".replace("%", "x").replace("_", "x") + "y"
    mine, theirs = (made(send("POST", "/v1/alarms", alarm(entity_instance_id=one))) for one in (entity, other))
    query = webob.compat.url_quote(entity, safe="")
    found = send("GET", f"/v1/alarms?q.field=entity_instance_id&q.op=eq&q.value={query}").json["alarms"]
    assert mine in {row["uuid"] for row in found}
    assert all(entity in row["entity_instance_id"] for row in found)
    assert made(send("POST", "/v1/alarms", alarm(alarm_state="clear", entity_instance_id=entity))) == mine
    assert send("GET", f"/v1/alarms/{mine}").status_int == 404
    assert send("GET", f"/v1/alarms/{theirs}").status_int == 200


def bad_fields() -> Iterator[tuple[str, Any]]:
    for field, length in TEXTS.items():
        yield from ((field, value) for value in (*NO_TEXT, *CONTROL, "x" * (length + 1)))
    for field in CHOICES:
        yield from ((field, value) for value in (*NO_TEXT, *CONTROL, "", "bogus", "MINOR", "minor ", "x" * 300))
    for field in FLAGS:
        yield from ((field, value) for value in (2, -1, 1.5, "", "maybe", "truee", [], {}, "x" * 300))
    yield from (("alarm_id", value) for value in (*NO_TEXT, *CONTROL, "", "100", "100.1010", "abc.def", "100.101\n",
                                                  "١٠٠.١٠١", "100,101"))
    yield from (("timestamp", value) for value in (*NO_TEXT, *CONTROL, "yesterday", "2026-13-01", "2026-02-30",
                                                   "0001-01-01T00:00:00+14:00", "x" * 300))
    yield from (("uuid", value) for value in (*NO_TEXT, *CONTROL, "x" * 256))
    yield from (("entity_instance_id", value) for value in ("", None))
    yield from ((field, None) for field in ("alarm_id", *CHOICES))


BAD_FIELDS = list(bad_fields())


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=[f"{f}-{str(v)[:20]!a}" for f, v in BAD_FIELDS])
def test_bad_fields_are_refused_by_name(send: Send, field: str, value: Any) -> None:
    named(send("POST", "/v1/alarms", alarm(**{field: value})), field)
    if value is None or field in ("uuid", "timestamp"):
        return
    uuid = made(send("POST", "/v1/alarms", alarm()))
    before = send("GET", f"/v1/alarms/{uuid}").json
    named(send("PUT", f"/v1/alarms/{uuid}", {field: value}), field)
    assert send("GET", f"/v1/alarms/{uuid}").json == before


@pytest.mark.parametrize(("sent", "shown"), [
    (True, True), ("true", True), ("False", False), (0, False), (1, True), ("yes", True), ("No", False)])
@pytest.mark.parametrize("field", ["service_affecting", "suppression"])
def test_flags_take_the_usual_words(send: Send, field: str, sent: Any, shown: bool) -> None:
    uuid = made(send("POST", "/v1/alarms", alarm(**{field: sent})))
    assert send("GET", f"/v1/alarms/{uuid}").json[field] is shown


@pytest.mark.parametrize(("sent", "shown"), [
    ("2026-02-01 10:20:30.5", "2026-02-01T10:20:30.500000"), ("2026-02-01T10:20:30Z", "2026-02-01T10:20:30"),
    ("2026-02-01T10:20:30+02:00", "2026-02-01T08:20:30"), ("20260201T102030", "2026-02-01T10:20:30"),
    ("2026-02-01", "2026-02-01T00:00:00"), (" 2026-02-01T10:20:30.000456 ", "2026-02-01T10:20:30.000456")])
def test_timestamps_in_their_forms(send: Send, sent: str, shown: str) -> None:
    uuid = made(send("POST", "/v1/alarms", alarm(timestamp=sent)))
    assert send("GET", f"/v1/alarms/{uuid}").json["timestamp"] == shown


@pytest.mark.parametrize("field", [*TEXTS, "uuid", "timestamp", *FLAGS])
def test_null_counts_as_absent(send: Send, field: str) -> None:
    if field == "entity_instance_id":
        named(send("POST", "/v1/alarms", alarm(**{field: None})), field)
    else:
        made(send("POST", "/v1/alarms", alarm(**{field: None})))


def test_what_is_no_field_is_refused_and_what_is_not_used_is_taken(send: Send) -> None:
    for key in ("bogus", "id", "", "masked", "Alarm_Id", "__class__"):
        assert "Unknown attribute" in refusal(send("POST", "/v1/alarms", alarm(**{key: 1})))
    made(send("POST", "/v1/alarms", alarm(
        suppression_status={"x": 1}, mgmt_affecting=[1], degrade_affecting=7, links="nothing")))
    for field in ("alarm_id", "entity_instance_id", *CHOICES):
        body = alarm()
        del body[field]
        assert refusal(send("POST", "/v1/alarms", body)).endswith("Mandatory field missing.")


WHOLE = json.dumps({**ALARM, "entity_instance_id": "host=raw"}).encode()
MALFORMED = [
    b"", b" ", b"{", b"[", b"nul", b"{'alarm_id': 1}", b'{"alarm_id": }', b'{"a": 1,}', b'{"a": NaN}',
    b'{"a": Infinity}', b'{"a": 01}', b"\xff\xfe{", b'{"a": "\xc3"}', b'{"a": "\xed\xa0\x80"}', WHOLE + b"x",
    WHOLE + WHOLE, b'{"a": "raw\nbreak"}', b'{"a": 1' + b"0" * 5000 + b"}", b"[" * 100000,
    b'{"a":' * 70 + b"1" + b"}" * 70,
    b'{"a": "\\ud800"}', b'{"a": "\\u0000"}', b'{"\\udfff": 1}', b'{"alarm_id": "100.101", "alarm_id": "100.102"}']


@pytest.mark.parametrize("raw", MALFORMED, ids=[repr(raw[:24]) for raw in MALFORMED])
@pytest.mark.parametrize(("method", "path"), [
    ("POST", "/v1/alarms"), ("PUT", "/v1/alarms/{uuid}"), ("PUT", "/v1/alarms/{uuid}/acknowledgement"),
    ("PATCH", "/v1/event_suppression/{entry}"), ("POST", "/v1/silences"), ("DELETE", "/v1/alarms")])
def test_malformed_json(send: Send, method: str, path: str, raw: bytes) -> None:
    response = send(method, path.format(uuid="0" * 36, entry=entry(send)), raw=raw)
    text = refusal(response)
    if raw.strip():
        assert text.startswith(("Request is not in valid JSON format", "Invalid input for"))
    assert len(text) < 500


@pytest.mark.parametrize("body", [[], [1], "text", 5, True, None, [ALARM], {}])
def test_bodies_of_another_kind(send: Send, body: Any) -> None:
    for method, path in (("POST", "/v1/alarms"), ("POST", "/v1/silences"), ("DELETE", "/v1/alarms")):
        refusal(send(method, path, raw=json.dumps(body).encode()))
    for path in (f"/v1/event_suppression/{entry(send)}", f"/v1/silences/{'0' * 36}"):
        refusal(send("PATCH", path, raw=json.dumps(body).encode()))


def test_sizes_and_content_types(send: Send) -> None:
    long = json.dumps(alarm(reason_text="x" * (1024 * 1024))).encode()
    assert "1048576" in refusal(send("POST", "/v1/alarms", raw=long), 413)
    for content_type in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "json", "text/json"):
        refusal(send("POST", "/v1/alarms", alarm(), content_type=content_type), 415)
    for content_type in ("application/json", "application/json; charset=utf-8", "APPLICATION/JSON", ""):
        made(send("POST", "/v1/alarms", alarm(), content_type=content_type))
    made(send("POST", "/v1/alarms", raw=b"\xef\xbb\xbf" + json.dumps(alarm()).encode()))
    assert "UTF-8" in refusal(send("POST", "/v1/alarms", raw=json.dumps(alarm()).encode("utf-16")))


def entry(send: Send) -> str:
    return str(send("GET", "/v1/event_suppression?limit=1").json["event_suppression"][0]["uuid"])


SUPPRESS = {"op": "replace", "path": "/suppression_status", "value": "suppressed"}
BAD_PATCHES: list[tuple[Any, str]] = [
    ([{**SUPPRESS, "op": "bogus"}], "op"), ([{**SUPPRESS, "op": 5}], "op"),
    ([{**SUPPRESS, "op": "remove"}], "event_suppression"),
    ([{**SUPPRESS, "path": "suppression_status"}], "path"), ([{**SUPPRESS, "path": 5}], "path"),
    ([{**SUPPRESS, "path": "/suppression_status/x"}], "invalid parameter"), ([{**SUPPRESS, "path": "/x'y"}], "path"),
    ([{**SUPPRESS, "path": "/alarm_id"}], "alarm_id"), ([{**SUPPRESS, "path": "/description"}], "description"),
    ([{**SUPPRESS, "path": "/uuid"}], "uuid"), ([{"op": "replace", "path": "/suppression_status"}], "non-empty value"),
    *(([{**SUPPRESS, "value": value}], "value") for value in (
        "hidden", "", "SUPPRESSED", "suppressed ", 5, True, [], {}, None, "x" * 5000, "a\x07", ["suppressed"])),
    ([SUPPRESS] * 501, "500"), ([SUPPRESS, "x"], "operation"), ([[]], "operation"), ({**SUPPRESS}, "list")]


@pytest.mark.parametrize(("patch", "word"), BAD_PATCHES, ids=[str(patch)[:60] for patch, _ in BAD_PATCHES])
def test_bad_patches_of_a_suppression_entry(send: Send, patch: Any, word: str) -> None:
    path = f"/v1/event_suppression/{entry(send)}"
    assert word in refusal(send("PATCH", path, patch))
    assert send("GET", path).json["suppression_status"] == "unsuppressed"


@pytest.mark.parametrize("text", HOSTILE)
def test_comments_are_returned_as_they_were_sent(send: Send, text: str) -> None:
    uuid = made(send("POST", "/v1/alarms", alarm()))
    assert send("PUT", f"/v1/alarms/{uuid}/acknowledgement", {"comment": text}).json["comment"] == text
    silence = send("POST", "/v1/silences", {"entity_instance_id": f"host={text}", "comment": text}).json
    shown = send("GET", f"/v1/silences/{silence['uuid']}").json
    assert (shown["comment"], shown["entity_instance_id"]) == (text, f"host={text}")
    patch = [{"op": "replace", "path": "/comment", "value": text * 2}]
    assert send("PATCH", f"/v1/silences/{silence['uuid']}", patch).json["comment"] == text * 2
    assert send("DELETE", f"/v1/silences/{silence['uuid']}").status_int == 204


BAD_SILENCES: list[tuple[str, Any]] = [
    *(("alarm_id", value) for value in (*NO_TEXT, *CONTROL, "", "100", "abc.def", "x" * 300)),
    *(("entity_instance_id", value) for value in (*NO_TEXT, *CONTROL, "", "x" * 256)),
    *(("expires_at", value) for value in (*NO_TEXT, *CONTROL, "", "tomorrow", "2020-01-01", "2026-02-30", "x" * 300)),
    *(("comment", value) for value in (*NO_TEXT, *CONTROL, "x" * 2049))]


@pytest.mark.parametrize(("field", "value"), BAD_SILENCES, ids=[f"{f}-{str(v)[:20]!a}" for f, v in BAD_SILENCES])
def test_bad_fields_of_silences_and_comments(send: Send, field: str, value: Any) -> None:
    named(send("POST", "/v1/silences", {"alarm_id": "100.101", "entity_instance_id": "host=s", field: value}), field)
    assert send("GET", "/v1/silences").json == {"silences": []}
    if field in ("expires_at", "comment"):
        silence = send("POST", "/v1/silences", {"entity_instance_id": "host=s"}).json
        path = f"/v1/silences/{silence['uuid']}"
        if value != "":
            # NUL is refused before anybody knows what the patch means.
            word = "value" if isinstance(value, str) and "\x00" in value else field
            named(send("PATCH", path, [{"op": "replace", "path": f"/{field}", "value": value}]), word)
            assert send("GET", path).json == silence
        assert send("DELETE", path).status_int == 204
    if field == "comment":
        uuid = made(send("POST", "/v1/alarms", alarm()))
        named(send("PUT", f"/v1/alarms/{uuid}/acknowledgement", {"comment": value}), field)
        assert send("GET", f"/v1/alarms/{uuid}/acknowledgement").json["user"] is None


LISTS = ("/v1/alarms", "/v1/alarms/detail", "/v1/event_log", "/v1/event_log/detail", "/v1/event_suppression",
         "/v1/silences")
FILTER = "q.field=uuid&q.op=eq&q.type=&q.value=x"
BAD_QUERIES = [
    ("limit=-1", "Limit must be positive"), ("limit=x", "limit"), ("limit=1.5", "limit"), ("limit=1e3", "limit"),
    ("limit=" + "9" * 40, "limit"), ("limit=1_0", "limit"), ("limit=%D9%A1", "limit"), ("limit=true", "limit"),
    ("marker=x", "uuid"), ("marker=00000000-0000-4000-8000-000000000000", "marker"), ("marker=%27%20OR%201", "uuid"),
    ("sort_key=bogus", "sort key"), ("sort_key=id,", "sort key"), ("sort_key=id;drop", "sort key"),
    ("sort_dir=up", "sort direction"), ("sort_dir=ASC", "sort direction"),
    ("include_suppress=maybe", "include_suppress"), ("expand=2", "expand"), ("with_count=x", "with_count"),
    ("q.field=bogus&q.op=eq&q.value=1", "bogus"), ("q.field=uuid&q.op=like&q.value=1", "uuid"),
    ("q.field=uuid&q.op=EQ&q.value=1", "uuid"), ("q.field=&q.op=eq&q.value=1", "field"),
    ("q.field=uuid", "equally often"), ("q.value=1", "equally often"), ("q.op=eq", "equally often"),
    ("q.field=uuid&q.op=eq&q.op=eq&q.value=1", "equally often"), ("&".join([FILTER] * 51), "at most 50"),
    ("q.field=uuid&q.op=eq&q.value=" + "x" * 2049, "2048"), ("bogus=1", "bogus"), ("Limit=1", "Limit"),
    ("=1", "argument"),
    ("limit=%00", "NUL"), ("q.value=a%00b", "NUL"), ("limit=%FF", "UTF-8"), ("&".join(["limit=1"] * 1001), "1000")]


@pytest.mark.parametrize(("query", "word"), BAD_QUERIES, ids=[query[:40] for query, _ in BAD_QUERIES])
def test_bad_queries_are_refused_by_name(send: Send, query: str, word: str) -> None:
    for path in LISTS:
        assert word in refusal(send("GET", f"{path}?{query}")), path


@pytest.mark.parametrize("query", [
    "limit=0", "limit=", "limit=99999999999", "limit=%2B5", "marker=", "sort_key=", "sort_dir=", "include_suppress=",
    "include_suppress=FALSE", "expand=yes", "&".join([FILTER] * 50), "q.field=uuid&q.value=%25", "limit=1&limit=2",
    "q.field=uuid&q.op=&q.value=_", "sort_key=id&sort_dir=desc"])
def test_unusual_queries_that_are_fine(send: Send, query: str) -> None:
    for path in LISTS:
        assert send("GET", f"{path}?{query}").status_int == 200, path


def test_paths_and_methods(send: Send) -> None:
    for path in ("/v1/alarms/%00", "/v1/alarms/%FF", "/v1/event_log/%00"):
        refusal(send("GET", path), 400)
    for path in ("/v1/nothing", "/v2/alarms", "/v1/alarms/a%2Fb", "/v1/alarms/a/b", "/v1//alarms", "/v1/alarms/..",
                 "/v1/alarms/" + "x" * 10000, "/v1/alarms/%27%20OR%201=1", "/v1/event_log/%25", "/v1/silences/x"):
        refusal(send("GET", path), 404)
    for method, path in (("PATCH", "/v1/alarms"), ("POST", "/v1/event_log"), ("DELETE", "/v1/event_log/x"),
                         ("POST", "/v1/alarms/summary"), ("PUT", "/v1/event_suppression"), ("OPTIONS", "/v1/alarms"),
                         ("TRACE", "/v1/alarms"), ("BREW", "/v1/alarms"), ("PUT", "/v1/silences")):
        response = send(method, path)
        refusal(response, 405)
        assert "GET" in response.headers["Allow"]


def test_nothing_of_all_this_broke_the_lists(send: Send) -> None:
    made(send("POST", "/v1/alarms", alarm()))
    for path in LISTS:
        assert send("GET", f"{path}?limit=2000").status_int == 200
    export = send("GET", "/v1/event_log?format=csv")
    assert export.status_int == 200 and export.text.startswith("uuid,event_log_id")
