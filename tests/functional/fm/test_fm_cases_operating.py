# SPDX-License-Identifier: Apache-2.0
"""Acceptance cases 13 to 24: suppression, masking, filters, pages, REST writes, roles. About 15 s per engine."""
from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.functional.fm.cases import Seen, fault

NOTHING = {"critical": 0, "major": 0, "minor": 0, "warnings": 0, "status": "OK"}


def text_of(reply: requests.Response) -> str:
    """The sentence in a refusal: JSON text inside JSON."""
    assert list(reply.json()) == ["error_message"]
    return str(json.loads(reply.json()["error_message"])["faultstring"])


def test_case_13_suppress(seen: Seen) -> None:
    seen.v2.set_fault(fault("100.101", "host=case13"))
    seen.delivered()
    printed = seen.cli("event-suppress", "--alarm_id", "100.101,100.102").splitlines()
    assert printed[:2] == ["Alarm ID: 100.101 suppressed.", "Alarm ID: 100.102 suppressed."]
    assert seen.alarms() == [] and seen.events() == []
    (hidden,) = seen.alarms(include_suppress=True)
    assert hidden["suppression_status"] == "suppressed"
    assert [event["suppression_status"] for event in seen.events(include_suppress=True)] == ["suppressed"]
    assert seen.summary() == NOTHING
    assert seen.summary(include_suppress=True) == {**NOTHING, "major": 1, "status": "degraded"}
    assert [found.uuid for found in seen.v1.get_faults("host=case13") or []] == [hidden["uuid"]]
    assert "S(100.101)" in seen.cli("alarm-list", "--include_suppress")
    assert "100.101" not in seen.cli("alarm-list")
    # Traps leave in order: when that of the other alarm is there, one of the suppressed alarm would be.
    seen.v2.set_fault(fault("100.101", "host=case13", "critical"))
    seen.v2.set_fault(fault("100.103", "host=case13.next", "minor"))
    seen.traps.wait(lambda: seen.traps.of_entity("host=case13.next") == ["wrsAlarmMinor"])
    assert seen.traps.of_entity("host=case13") == ["wrsAlarmMajor"]
    seen.traps.wait(lambda: seen.traps.messages("warmStart"), timeout_s=35)
    seen.delivered()
    assert seen.traps.messages("warmStart") == [{"operation_type": "warmStart", "alarm": {}}]


def test_case_14_unsuppress(seen: Seen) -> None:
    uuid = seen.v2.set_fault(fault("100.101", "host=c0"))
    seen.suppress("100.101")
    seen.v2.set_fault(fault("100.101", "host=c0", "critical", reason_text="worse"))
    seen.v2.set_fault(fault("100.101", "host=c1"))
    seen.v2.clear_fault("100.101", "host=c1")
    assert seen.alarms() == [] and seen.events() == []
    assert seen.cli("event-unsuppress", "--alarm_id", "100.101").startswith("Alarm ID: 100.101 unsuppressed.\n")
    (alarm,) = seen.alarms()
    assert (alarm["uuid"], alarm["severity"], alarm["reason_text"], alarm["suppression_status"]) == (
        uuid, "critical", "worse", "unsuppressed")
    assert [(event["state"], event["entity_instance_id"]) for event in reversed(seen.events())] == [
        ("set", "host=c0"), ("set", "host=c0"), ("set", "host=c1"), ("clear", "host=c1")]
    assert seen.summary() == {**NOTHING, "critical": 1, "status": "critical"}


def test_case_15_masking(seen: Seen) -> None:
    seen.v2.set_fault(fault("100.101", "host=c1", suppression=True))
    seen.v2.set_fault(fault("200.001", "host=c1", "warning", inhibit_alarms=True))
    seen.v2.set_fault(fault("100.101", "host=c1.x=1", suppression=True))
    assert [alarm["alarm_id"] for alarm in seen.alarms()] == ["200.001"]
    assert seen.summary() == {**NOTHING, "warnings": 1}
    hidden = seen.v1.get_fault("100.101", "host=c1")
    assert hidden is not None
    reply = seen.http.get(f"{seen.fm.base}/v1/alarms/{hidden.uuid}")
    assert (reply.status_code, text_of(reply)) == (404, "[HTTP 404] Resource could not be found.")
    seen.v2.clear_fault("200.001", "host=c1")
    assert [alarm["entity_instance_id"] for alarm in seen.alarms()] == ["host=c1", "host=c1.x=1"]
    assert seen.summary() == {**NOTHING, "major": 2, "status": "degraded"}


def test_case_16_filters(seen: Seen) -> None:
    for severity in ("critical", "major", "minor", "warning"):
        seen.v2.set_fault(fault("100.101", f"host={severity}", severity))

    def filtered(op: str, value: str) -> list[str]:
        query = {"q.field": "severity", "q.op": op, "q.type": "", "q.value": value}
        return [alarm["severity"] for alarm in seen.alarms(**query)]

    assert filtered("eq", "major") == filtered("eq", "ma") == ["major"]
    assert filtered("ne", "major") == ["critical", "minor", "warning"]
    assert filtered("ge", "major") == ["critical", "major"] and filtered("lt", "minor") == ["warning"]
    unknown = seen.http.get(f"{seen.fm.base}/v1/alarms?q.field=colour&q.value=x")
    assert unknown.status_code == 400 and "colour" in text_of(unknown)


@pytest.mark.parametrize("query", ["", "&q.field=entity_instance_id&q.op=eq&q.value=host", "&sort_key=timestamp"])
def test_case_17_pages(seen: Seen, query: str) -> None:
    for number in range(5):
        seen.v2.set_fault(fault("100.101", f"host=h{number}", ("major", "minor")[number % 2]))
        seen.v2.set_fault(fault("100.103", f"other=h{number}"))
    wanted = f"{query}&q.field=alarm_id&q.op=eq&q.value=100.101"
    whole = [a["uuid"] for a in seen.http.get(f"{seen.fm.base}/v1/alarms?{wanted[1:]}").json()["alarms"]]
    url, pages = f"{seen.fm.base}/v1/alarms?limit=2{wanted}", []
    while url:
        answer = seen.http.get(url).json()
        pages.append([alarm["uuid"] for alarm in answer["alarms"]])
        url = answer.get("next")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sum(pages, []) == whole and len(set(whole)) == 5


def test_case_18_false_is_false(seen: Seen) -> None:
    seen.v2.set_fault(fault("100.101", "host=c0"))
    seen.suppress("100.101")
    assert seen.alarms(include_suppress="False") == [] and len(seen.alarms(include_suppress="true")) == 1


def test_case_19_post_twice(seen: Seen) -> None:
    replies = [seen.post() for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    (alarm,) = seen.alarms()
    assert [json.loads(reply.json())["uuid"] for reply in replies] == [alarm["uuid"]] * 2
    assert alarm["timestamp"]


def test_case_20_post_clear(seen: Seen) -> None:
    uuid = json.loads(seen.post().json())["uuid"]
    reply = seen.post(alarm_state="clear", uuid=uuid)
    assert (reply.status_code, json.loads(reply.json())["uuid"], seen.alarms()) == (200, uuid, [])
    uuid = json.loads(seen.post().json())["uuid"]
    reply = seen.post(alarm_state="clear")
    assert (reply.status_code, json.loads(reply.json())["uuid"], seen.alarms()) == (200, uuid, [])
    assert seen.post(alarm_state="clear").status_code == 404
    assert [event["state"] for event in seen.events()] == ["clear", "set"] * 2


def test_case_21_delete(seen: Seen) -> None:
    url = f"{seen.fm.base}/v1/alarms"
    uuid = json.loads(seen.post().json())["uuid"]
    first, second = (seen.http.delete(f"{url}/{uuid}") for _ in range(2))
    assert (first.status_code, first.content, second.status_code) == (204, b"", 404)
    assert text_of(second) == f"[HTTP 404] Alarm {uuid} could not be found."
    uuid = json.loads(seen.post().json())["uuid"]
    assert seen.http.delete(url, json={"id": uuid}).status_code == 204
    missing = seen.http.delete(url)
    assert (missing.status_code, 'Missing argument: "id"' in text_of(missing)) == (400, True)
    assert [event["state"] for event in seen.events()] == ["clear", "set"] * 2


@pytest.mark.usefixtures("member_alone")
@pytest.mark.parametrize(("role", "project", "get", "delete"), [
    ("reader", "admin", 200, 403), ("operator", "services", 200, 403), ("configurator", "services", 200, 204),
    ("admin", "other", 200, 403), ("member", "services", 403, 403)])
def test_case_22_roles(seen: Seen, role: str, project: str, get: int, delete: int) -> None:
    uuid = json.loads(seen.post().json())["uuid"]
    http = seen.fm.http(role, project)
    url = f"{seen.fm.base}/v1/alarms"
    for reply in (http.get(url), http.delete(f"{url}/{uuid}")):
        assert reply.status_code == (get if reply.request.method == "GET" else delete)
        if reply.status_code == 403:
            assert json.loads(reply.json()["error_message"]) == {
                "code": 403, "title": "Forbidden", "description": None}
    missing = http.get(f"{url}/{uuid}x")
    assert missing.status_code == (404 if get == 200 else 403) and "error_message" in missing.json()


@pytest.mark.parametrize("headers", [{}, {"X-Auth-Token": "forged"}])
def test_case_22_without_a_token(seen: Seen, headers: dict[str, str]) -> None:
    uuid = json.loads(seen.post().json())["uuid"]
    for method, path in (("GET", "alarms"), ("DELETE", f"alarms/{uuid}")):
        reply = requests.request(method, f"{seen.fm.base}/v1/{path}", headers=headers, timeout=10)
        assert reply.status_code == 401 and "WWW-Authenticate" in reply.headers
        assert "error_message" not in reply.text
    assert len(seen.alarms()) == 1


UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(("path", "value", "uuid", "text"), [
    ("/suppression_status", "hidden", None, "Invalid event_suppression parameter suppression_status values. "
                                            "Valid values are: suppressed, unsuppressed"),
    ("/alarm_id", "100.102", None, "not allowed to be updated"),
    ("/suppression_status", "suppressed", UNKNOWN, f"[HTTP 400] No event suppression entry found for {UNKNOWN}")])
def test_case_23_bad_patches(seen: Seen, path: str, value: str, uuid: str | None, text: str) -> None:
    before = seen.entry("100.101")
    reply = seen.patch(uuid or before["uuid"], path, value)
    assert reply.status_code == 400 and text in text_of(reply)
    assert seen.entry("100.101") == before


@pytest.mark.parametrize("by_rest", [False, True])
def test_case_24_texts_are_exact(seen: Seen, by_rest: bool) -> None:
    entity, near, reason = "host=a'b%_ü東", "host=a'bX_ü東", "r'%_ü東" * 100
    assert len(reason) == 600
    fields: dict[str, Any] = {"reason_text": reason, "alarm_id": "100.101", "severity": "major"}
    if by_rest:
        uuid = json.loads(seen.post(entity_instance_id=entity, **fields).json())["uuid"]
    else:
        uuid = seen.v2.set_fault(fault("100.101", entity, reason_text=reason))
    seen.v2.set_fault(fault("100.101", near))
    shown = seen.get(f"alarms/{uuid}")
    assert (shown["entity_instance_id"], shown["reason_text"]) == (entity, reason)
    found = seen.v1.get_fault("100.101", entity)
    assert found is not None and (found.entity_instance_id, found.reason_text) == (entity, reason)
    if by_rest:
        assert seen.post(entity_instance_id=entity, alarm_state="clear", **fields).status_code == 200
    else:
        assert seen.v2.clear_fault("100.101", entity) is True
    assert [alarm["entity_instance_id"] for alarm in seen.alarms()] == [near]
    newest = seen.events()[0]
    assert (newest["state"], newest["entity_instance_id"], newest["reason_text"]) == ("clear", entity, reason)
