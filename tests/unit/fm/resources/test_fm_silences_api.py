# SPDX-License-Identifier: Apache-2.0
"""Silences over REST: what they hide everywhere, their limits and errors, and the fields of ``full=True``."""
from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import webob

from flock.api import build_app
from flock.auth.policy import Rule
from flock.db import Database, utcnow
from flock.testing.fixtures import private_conf
from flock.testing.identity import trusting
from fm.contract.rpc import FmManager
from fm.core.retention import Limits
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.resources.alarm.reading import AlarmReads, host_of
from fm.resources.silence.api import POLICY

Ask = Callable[..., webob.Response]
BODY = {"alarm_id": "100.101", "alarm_state": "set", "severity": "major", "alarm_type": "other",
        "probable_cause": "unknown"}


@pytest.fixture
def ask(database: Database) -> Ask:
    METADATA.create_all(database.engine)
    synchronise(database)
    manager = Manager(database, Writer(database, lambda: Settings(Limits(1000))))
    reads = AlarmReads(database, lambda: {"100.102": 1000})
    app = build_app(private_conf(), "fm", deps=[database, reads, (FmManager, manager)], authenticate=trusting)

    def send(method: str, path: str, body: Any = None, roles: str = "admin,reader") -> webob.Response:
        request = webob.Request.blank(path, method=method, headers={
            "X-Roles": roles, "X-Project-Name": "admin", "X-User-Name": "u", "X-User-Id": "1", "X-Project-Id": "2"})
        if body is not None:
            request.body = json.dumps(body).encode()
            request.content_type = "application/json"
        return request.get_response(app)

    return send


def put(ask: Ask, entity: str, **changes: Any) -> str:
    reply = ask("POST", "/v1/alarms", {**BODY, "entity_instance_id": entity, **changes})
    assert reply.status_int == 200, reply.text
    return str(json.loads(json.loads(reply.text))["uuid"])


def silenced(ask: Ask, **values: Any) -> dict[str, Any]:
    reply = ask("POST", "/v1/silences", values)
    assert reply.status_int == 200, reply.text
    return dict(reply.json)


def entities(ask: Ask, query: str = "") -> list[str]:
    return [row["entity_instance_id"] for row in ask("GET", f"/v1/alarms{query}").json["alarms"]]


@pytest.mark.parametrize(("match", "hidden"), [
    ({"entity_instance_id": "host=a"}, {"host=a", "host=a.port=p"}), ({"alarm_id": "100.101"}, {"host=a", "host=ab"}),
    ({"alarm_id": "100.101", "entity_instance_id": "host=a"}, {"host=a"}), ({"alarm_id": "100.103"}, set()),
    ({"entity_instance_id": "host=a.port"}, set())])
def test_what_a_silence_hides(ask: Ask, match: dict[str, str], hidden: set[str]) -> None:
    everything = {"host=a", "host=ab", "host=a.port=p"}
    for entity in everything:
        put(ask, entity, **({"alarm_id": "300.001"} if "port" in entity else {}))
    silence = silenced(ask, **match, comment="works")
    assert set(entities(ask)) == everything - hidden
    shown = ask("GET", "/v1/alarms?include_suppress=True").json["alarms"]
    assert {row["entity_instance_id"] for row in shown} == everything
    assert {row["entity_instance_id"] for row in shown if row["suppression_status"] == "suppressed"} == hidden
    assert ask("GET", "/v1/alarms/summary").json["major"] == 3 - len(hidden)
    assert ask("GET", "/v1/alarms/summary?include_suppress=True").json["major"] == 3
    events = ask("GET", "/v1/event_log").json["event_log"]
    assert {row["entity_instance_id"] for row in events} == everything - hidden
    told = ask("GET", "/v1/event_log?include_suppress=True&with_count=True").json
    assert told["count"] == 3 and {row["entity_instance_id"] for row in told["event_log"]
                                   if row["suppression_status"] == "suppressed"} == hidden
    assert ask("DELETE", f"/v1/silences/{silence['uuid']}").status_int == 204
    assert set(entities(ask)) == everything and ask("GET", "/v1/alarms/summary").json["major"] == 3


def test_logs_are_never_silenced(ask: Ask) -> None:
    silenced(ask, entity_instance_id="host=a")
    put(ask, "host=a", alarm_id="200.021", alarm_state="msg", severity="clear")
    (event,) = ask("GET", "/v1/event_log").json["event_log"]
    assert (event["state"], event["suppression_status"]) == ("log", "None")


def test_a_silence_ends_by_itself_and_can_be_extended(ask: Ask, database: Database) -> None:
    put(ask, "host=a")
    soon = (utcnow() + timedelta(hours=1)).replace(tzinfo=None)
    silence = silenced(ask, alarm_id="100.101", expires_at=soon.isoformat())
    assert datetime.fromisoformat(silence["expires_at"]) == soon and silence["created_by"] == "u"
    uuid = silence["uuid"]
    later = (soon + timedelta(days=1)).isoformat(timespec="seconds")
    patched = ask("PATCH", f"/v1/silences/{uuid}", [{"op": "replace", "path": "/expires_at", "value": later},
                                                    {"op": "add", "path": "/comment", "value": "longer"}]).json
    assert (patched["expires_at"], patched["comment"]) == (later, "longer")
    (row,) = ask("GET", "/v1/alarms?full=True&include_suppress=True").json["alarms"]
    assert (row["silenced_by"], row["silenced_until"]) == (uuid, later)
    patched = ask("PATCH", f"/v1/silences/{uuid}", [{"op": "remove", "path": "/expires_at"}]).json
    assert (patched["expires_at"], patched["comment"]) == (None, "longer")
    with database.writer() as conn:
        conn.exec_driver_sql("UPDATE silence SET expires_at = '2020-01-01 00:00:00.000000'")
    assert entities(ask) == ["host=a"] and ask("GET", "/v1/silences").json == {"silences": []}
    for method, body in (("GET", None), ("PATCH", [{"op": "add", "path": "/comment", "value": "x"}]), ("DELETE", None)):
        assert ask(method, f"/v1/silences/{uuid}", body).status_int == 404


@pytest.mark.parametrize(("body", "text"), [
    ({}, "alarm_id or entity_instance_id is required"),
    ({"alarm_id": "1"}, "alarm_id. Value: '1'. Value must have the form"),
    ({"entity_instance_id": ""}, "entity_instance_id. Value: ''. Value must be at least 1"),
    ({"alarm_id": "100.101", "expires_at": "2020-01-01"}, "expires_at must be in the future"),
    ({"alarm_id": "100.101", "expires_at": "soon"}, "expires_at must be a date"),
    ({"alarm_id": "100.101", "comment": "c" * 2049}, "comment"), ({"alarm_id": "100.101", "colour": "red"}, "colour"),
    ({"entity_instance_id": "x" * 256}, "entity_instance_id"), ({"alarm_id": 100.101}, "alarm_id")])
def test_what_a_silence_may_not_say(ask: Ask, body: dict[str, Any], text: str) -> None:
    reply = ask("POST", "/v1/silences", body)
    assert reply.status_int == 400
    assert text in json.loads(reply.json["error_message"])["faultstring"]


@pytest.mark.parametrize("patch", [
    [{"op": "replace", "path": "/alarm_id", "value": "100.102"}], [{"op": "replace", "path": "/uuid", "value": "x"}],
    [{"op": "replace", "path": "/expires_at", "value": "2020-01-01"}], [],
    [{"op": "replace", "path": "/expires_at", "value": 5}], [{"op": "add", "path": "/comment/x", "value": "y"}]])
def test_bad_patches_of_a_silence(ask: Ask, patch: Any) -> None:
    uuid = silenced(ask, alarm_id="100.101")["uuid"]
    assert ask("PATCH", f"/v1/silences/{uuid}", patch).status_int == 400


@pytest.mark.parametrize("rule", POLICY, ids=lambda rule: f"{rule.method} {rule.path}")
def test_readers_read_and_configurators_write(ask: Ask, rule: Rule) -> None:
    uuid = silenced(ask, alarm_id="100.101")["uuid"]
    body = {"POST": {"alarm_id": "100.101"}, "PATCH": [{"op": "add", "path": "/comment", "value": "x"}]}
    path = rule.path.replace("{uuid}", uuid)
    for roles, allowed in (("member", False), ("reader", rule.method == "GET"), ("operator", rule.method == "GET"),
                           ("configurator", True)):
        assert (ask(rule.method, path, body.get(rule.method), roles=roles).status_int == 403) is not allowed


def test_paging_of_silences(ask: Ask) -> None:
    made = [silenced(ask, alarm_id=f"100.10{number}")["uuid"] for number in range(1, 6)]
    found: list[str] = []
    page = ask("GET", "/v1/silences?limit=2", roles="reader").json
    while True:
        found += [row["uuid"] for row in page["silences"]]
        if "next" not in page:
            break
        page = ask("GET", page["next"].removeprefix("http://localhost"), roles="reader").json
    assert found == made
    assert [row["uuid"] for row in ask("GET", "/v1/silences?sort_dir=desc&limit=1").json["silences"]] == made[-1:]
    (one,) = ask("GET", "/v1/silences?q.field=alarm_id&q.op=eq&q.value=100.103").json["silences"]
    assert one["uuid"] == made[2]


def test_more_silences_than_are_named_hide_the_same(ask: Ask) -> None:
    for number in range(105):
        silenced(ask, alarm_id="100.101", entity_instance_id=f"host=h{number}")
    put(ask, "host=h7.port=p")
    put(ask, "host=h77x")
    assert entities(ask) == ["host=h77x"]
    (event,) = ask("GET", "/v1/event_log").json["event_log"]
    assert event["entity_instance_id"] == "host=h77x"
    (hidden,) = [row for row in ask("GET", "/v1/alarms?full=True&include_suppress=True").json["alarms"]
                 if row["suppression_status"] == "suppressed"]
    assert hidden["entity_instance_id"] == "host=h7.port=p" and hidden["silenced_by"]


def test_a_time_to_live_over_rest_lives_through_a_change(ask: Ask, database: Database) -> None:
    uuid = put(ask, "host=a", time_to_live_s=100)
    assert ask("PUT", f"/v1/alarms/{uuid}", {"reason_text": "new"}).status_int == 200
    with database.writer() as conn:
        conn.exec_driver_sql("UPDATE alarm SET last_refreshed = '2020-01-01 00:00:00.000000'")
    assert ask("GET", f"/v1/alarms/{uuid}?full=True").json["stale"] is True
    body = {**BODY, "entity_instance_id": "host=b"}
    for ttl_s in (-1, "soon", 10**9):
        assert ask("POST", "/v1/alarms", {**body, "time_to_live_s": ttl_s}).status_int == 400


FULL = ["last_refreshed", "stale", "flapping", "silenced_by", "silenced_until", "acknowledged_by",
        "acknowledge_comment", "acknowledged_at"]


def test_full_adds_fields_behind_the_expanded_ones(ask: Ask, database: Database) -> None:
    uuid = put(ask, "host=a", alarm_id="100.102")
    ask("PUT", f"/v1/alarms/{uuid}/acknowledgement", {"comment": "on it"})
    (expanded,) = ask("GET", "/v1/alarms?expand=True").json["alarms"]
    (full,) = ask("GET", "/v1/alarms?full=True").json["alarms"]
    assert list(full) == [*expanded, *FULL] and len(expanded) == 16
    assert ask("GET", f"/v1/alarms/{uuid}?full=True").json == full
    assert (full["stale"], full["flapping"], full["silenced_by"]) == (False, False, None)
    assert (full["acknowledged_by"], full["acknowledge_comment"]) == ("u", "on it")
    assert list(ask("GET", f"/v1/alarms/{uuid}").json) == list(expanded)
    with database.writer() as conn:
        conn.exec_driver_sql("UPDATE alarm SET last_refreshed = '2020-01-01 00:00:00.000000'")
    assert ask("GET", f"/v1/alarms/{uuid}?full=True").json["stale"] is True
    assert put(ask, "host=a", alarm_id="100.102") == uuid
    assert ask("GET", f"/v1/alarms/{uuid}?full=True").json["stale"] is False


def test_a_full_post_answers_the_alarm_itself(ask: Ask) -> None:
    made = ask("POST", "/v1/alarms?full=True", {**BODY, "entity_instance_id": "host=a"}).json
    assert (made["alarm_id"], made["entity_instance_id"], made["flapping"]) == ("100.101", "host=a", False)
    cleared = ask("POST", "/v1/alarms?full=True", {**BODY, "entity_instance_id": "host=a", "alarm_state": "clear"}).json
    assert cleared == {"uuid": made["uuid"]}


def test_summary_by_part(ask: Ask) -> None:
    for entity, severity in (("host=b", "minor"), ("host=a", "critical"), ("host=a.port=p", "major"),
                             ("cluster=x", "warning"), ("service_domain=d.service_group=g.host=b", "major")):
        put(ask, entity, severity=severity, alarm_id="300.001" if "port" in entity else "100.101")
    found = ask("GET", "/v1/alarms/summary?by=host").json
    assert found["status"] == "critical" and found["parts"] == [
        {"host": "a", "critical": 1, "major": 1, "minor": 0, "warnings": 0, "status": "critical"},
        {"host": "b", "critical": 0, "major": 1, "minor": 1, "warnings": 0, "status": "degraded"},
        {"host": None, "critical": 0, "major": 0, "minor": 0, "warnings": 1, "status": "OK"}]
    groups = ask("GET", "/v1/alarms/summary?by=group").json["parts"]
    assert [(row["group"], row["critical"], row["major"]) for row in groups] == [("100", 1, 1), ("300", 0, 1)]
    assert "parts" not in ask("GET", "/v1/alarms/summary").json
    assert ask("GET", "/v1/alarms/summary?by=rack").status_int == 400


def test_a_kept_summary_is_dropped_at_any_change(ask: Ask) -> None:
    def major() -> int:
        return int(ask("GET", "/v1/alarms/summary").json["major"])

    assert major() == 0
    uuid = put(ask, "host=a")
    assert (major(), major()) == (1, 1)
    put(ask, "host=a", severity="minor")
    assert major() == 0
    put(ask, "host=a")
    assert major() == 1
    entry = ask("GET", "/v1/event_suppression?q.field=alarm_id&q.value=100.101").json["event_suppression"][0]["uuid"]
    for status, number in (("suppressed", 0), ("unsuppressed", 1)):
        patch = [{"op": "replace", "path": "/suppression_status", "value": status}]
        ask("PATCH", f"/v1/event_suppression/{entry}", patch)
        assert major() == number
    silence = silenced(ask, alarm_id="100.101")["uuid"]
    assert major() == 0
    ask("DELETE", f"/v1/silences/{silence}")
    assert major() == 1
    ask("DELETE", f"/v1/alarms/{uuid}")
    assert major() == 0


@pytest.mark.parametrize(("entity", "host"), [
    ("host=c0", "c0"), ("host=c0.ntp=10.0.0.1", "c0"), ("a=b.host=c0,x=y", "c0"), ("subcloud=s", None),
    ("notahost=x", None), ("host=c0.ntp", "c0")])
def test_host_of(entity: str, host: str | None) -> None:
    assert host_of(entity) == host
