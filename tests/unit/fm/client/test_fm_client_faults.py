# SPDX-License-Identifier: Apache-2.0
"""The Python client: requests it makes, errors it raises."""
from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from keystoneauth1.session import Session

from flock.cli.client import ApiClient
from flock.cli.errors import ApiUnreachable, CliError
from flock.testing.cli import Answer, FakeApi, Pieces, Script, refusal
from fm.client.faults import Faults, connect
from fm.client.query import ListPart


def faults(table: dict[str, dict[str, object]]) -> tuple[Faults, FakeApi]:
    api = FakeApi(table)
    return Faults(ApiClient(api)), api  # type: ignore[arg-type]


def test_a_silence_is_sent_in_utc_without_what_is_not_given() -> None:
    client, api = faults({"/v1/silences": {"POST": {"uuid": "s1"}}})
    until = datetime(2026, 5, 1, 18, tzinfo=timezone(timedelta(hours=2)))
    assert client.create_silence(entity_instance_id="host=w", expires_at=until)["uuid"] == "s1"
    assert api.calls == [("POST", "/v1/silences",
                          {"entity_instance_id": "host=w", "expires_at": "2026-05-01T16:00:00"}, None)]


def test_bulk_deletion_goes_on_until_nothing_matches() -> None:
    client, api = faults({"/v1/alarms": {"DELETE": Script({"deleted": 2000}, {"deleted": 7}, {"deleted": 0})}})
    assert client.delete_matching("severity=minor") == 2007
    assert [call[3] for call in api.calls] == [
        [("q.field", "severity"), ("q.op", "eq"), ("q.type", ""), ("q.value", "minor")]] * 3


def test_bulk_deletion_ends_when_as_many_are_gone_as_were_counted() -> None:
    client, api = faults({"/v1/alarms": {"DELETE": {"deleted": 3}}})  # a raiser sets them again at once
    assert client.delete_matching("severity=minor", enough=5) == 6
    assert len(api.calls) == 2


def test_bulk_deletion_needs_a_condition() -> None:
    client, api = faults({})
    with pytest.raises(CliError, match="at least one condition"):
        client.delete_matching(" ; ")
    assert api.calls == []


def test_full_alarms_are_asked_for() -> None:
    client, api = faults({"/v1/alarms": {"GET": {"alarms": []}}, "/v1/alarms/a": {"GET": {"uuid": "a"}}})
    client.alarms(full=True, page=ListPart(5, sort="severity", descending=True))
    client.alarm("a", full=True)
    assert [call[3] for call in api.calls] == [
        [("expand", "True"), ("full", "True"), ("sort_key", "severity"), ("sort_dir", "desc"), ("limit", "5")],
        [("full", "True")]]


def test_an_export_comes_in_pieces() -> None:
    client, api = faults({"/v1/event_log": {"GET": Pieces([b"uuid,", b"state\r\n"])}})
    with client.export_events("severity=major", alarms=True) as pieces:
        assert list(pieces) == [b"uuid,", b"state\r\n"]
    assert api.calls[0][3][-1] == ("format", "csv")
    assert api.headers[0]["Accept"].startswith("text/csv")


def test_a_stream_asks_for_what_came_after() -> None:
    client, api = faults({"/v1/event_stream": {"GET": Script(
        Pieces([b"id: 4\nevent: fm.alarm.set\ndata: {}\n\n"]), refusal(400, "end"))}})
    stream = client.follow_events(last_id="3", sleep=lambda seconds: None)
    assert next(stream).ident == "4"
    with pytest.raises(CliError, match="end"):
        next(stream)
    assert [headers.get("Last-Event-ID") for headers in api.headers] == ["3", "4"]
    assert {headers["Accept"] for headers in api.headers} == {"text/event-stream"}


@pytest.mark.parametrize(("call", "words"), [
    (lambda client: client.silence("x"), "Silence not found: x"),
    (lambda client: client.delete_silence("x"), "Silence not found: x"),
    (lambda client: client.change_silence("x", {"comment": "c"}), "Silence not found: x"),
    (lambda client: client.acknowledge("x"), "Alarm not found: x"),
    (lambda client: client.withdraw_acknowledgement("x"), "Alarm not found: x"),
    (lambda client: client.event("x"), "Event log not found: x"),
    (lambda client: client.summary(by="planet"), "by one of host, group"),
])
def test_errors_name_the_thing(call: object, words: str) -> None:
    with pytest.raises(CliError, match=words):
        call(faults({})[0])  # type: ignore[operator]


def test_identifiers_are_one_path_segment() -> None:
    client, api = faults({"/v1/alarms/a%2Fb%3Fc": {"DELETE": Answer(None, 204)}})
    client.delete_alarm("a/b?c")
    assert api.calls[0][1] == "/v1/alarms/a%2Fb%3Fc"


def test_a_program_connects_over_its_own_session() -> None:
    with pytest.raises(ApiUnreachable, match="127.0.0.1:1"):
        connect(Session(), endpoint="http://127.0.0.1:1").summary()
