# SPDX-License-Identifier: Apache-2.0
"""What ``fm`` does beyond StarlingX's: full lists, bulk deletion, silences, export, watching. Golden outputs."""
from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.testing.cli import Answer, FakeApi, Pieces, Ran, Script, refusal, run_cli
from fm.cmd.shell import PROGRAM

ALARM = {"uuid": "0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77", "alarm_id": "200.005", "severity": "major",
         "entity_instance_id": "host=compute-3.network=management", "timestamp": "2026-01-01T10:20:30.000456",
         "reason_text": "compute-3 lost its heartbeat on the management network at 2026-01-01 10:20:00",
         "suppression_status": "unsuppressed", "mgmt_affecting": "True", "degrade_affecting": "False",
         "acknowledged_by": "ann", "stale": False, "flapping": True, "silenced_by": "s", "silenced_until": None}
EVENT = {**{name: ALARM[name] for name in ("severity", "entity_instance_id", "timestamp", "reason_text")},
         "uuid": "e1", "event_log_id": "200.005", "state": "set", "suppression_status": "unsuppressed"}
LOG = {**EVENT, "uuid": "e2", "event_log_id": "200.021", "state": "log", "severity": "not-applicable",
       "reason_text": "unlock\nrequested"}
SILENCE = {"uuid": "5d0e6f8a-0b8e-4a43-9d0a-6c1f5a2b7e11", "alarm_id": None, "entity_instance_id": "host=worker-3",
           "expires_at": "2026-01-01T12:00:00", "comment": "new memory", "created_by": "ann",
           "created_at": "2026-01-01T10:00:00"}
GOLDEN80 = """\
+---------+-----------------------+------------+----------+-----------------+
| Alarm   | Reason Text           | Entity ID  | Severity | Time Stamp      |
| ID      |                       |            |          |                 |
+---------+-----------------------+------------+----------+-----------------+
| 200.005 | compute-3 lost its    | host=      | major    | 2026-01-01T     |
|         | heartbeat on the      | compute-3. |          | 11:20:30.000456 |
|         | management network at | network=   |          |                 |
|         | 2026-01-01 11:20:00   | management |          |                 |
+---------+-----------------------+------------+----------+-----------------+
"""


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("CLI_CONFIRMATIONS", raising=False)
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def fm(argv: str | list[str], table: dict[str, Any]) -> tuple[Ran, FakeApi]:
    api = FakeApi(table)
    return run_cli(PROGRAM, argv, api), api


def test_a_list_in_local_time_wrapped_to_eighty_columns() -> None:
    ran, _ = fm("alarm-list --max-width 80", {"/v1/alarms": {"GET": {"alarms": [ALARM]}}})
    assert ran.out == GOLDEN80


@pytest.mark.parametrize("options", ["--uuid", "--uuid --mgmt_affecting --degrade_affecting", "--full"])
def test_more_columns_fit_eighty_too(options: str) -> None:
    ran, _ = fm(f"alarm-list {options} --max-width 80", {"/v1/alarms": {"GET": {"alarms": [ALARM]}}})
    lines = ran.out.splitlines()
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines[0]) <= 80


def test_a_full_list() -> None:
    ran, api = fm("alarm-list --full --nowrap", {"/v1/alarms": {"GET": {"alarms": [ALARM]}}})
    titles, row = (
        [cell.strip() for cell in ran.out.splitlines()[number].strip("|").split("|")] for number in (1, 3))
    assert titles[5:] == ["Acknowledged By", "Stale", "Flapping", "Silenced"]
    assert row[5:] == ["ann", "False", "True", "True"]
    assert ("full", "True") in api.calls[0][3]
    again = {**ALARM, "silenced_until": "2026-01-01T12:00:00", "acknowledged_by": None}
    ran, _ = fm("alarm-list --full --nowrap", {"/v1/alarms": {"GET": {"alarms": [again]}}})
    assert "until 2026-01-01T13:00:00" in ran.out
    assert "None" not in ran.out


def test_filters_need_no_query_language() -> None:
    _, api = fm("alarm-list --severity major --filter entity_instance_id=host=a;b -l 3",
                {"/v1/alarms": {"GET": {"alarms": []}}})
    values = [value for name, value in api.calls[0][3] if name == "q.value"]
    assert values == ["host=a;b", "major"]
    assert fm("alarm-list --severity bad", {})[0].code == 2
    assert fm("alarm-list --filter bad", {})[0].code == 2


def test_the_servers_order_is_kept_where_it_was_asked_for() -> None:
    alarms = [{**ALARM, "uuid": str(number), "timestamp": f"2026-01-0{number}T00:00:00"} for number in (2, 1, 3)]
    table = {"/v1/alarms": {"GET": {"alarms": alarms}}, "/v1/event_log": {"GET": {"event_log": alarms}}}
    for command in ("alarm-list", "event-list"):
        ran, api = fm(f"{command} --sort severity:desc --marker 9 -f value -c uuid", table)
        assert ran.out == "2\n1\n3\n"
        assert api.calls[0][3][-3:] == [("sort_key", "severity"), ("sort_dir", "desc"), ("marker", "9")]
        ran, api = fm(f"{command} -l 3 -f value -c uuid", table)
        assert ran.out == "3\n2\n1\n"
        assert api.calls[0][3][-3:] == [("sort_key", "timestamp"), ("sort_dir", "desc"), ("limit", "3")]
        assert fm(f"{command} --sort severity --sort-column timestamp -f value -c uuid", table)[0].out == "1\n2\n3\n"
        assert fm(f"{command} --sort a:b", table)[0].code == 2


def test_a_summary_by_host() -> None:
    parts = [{"host": "worker-0", "critical": 1, "major": 0, "minor": 0, "warnings": 2, "status": "critical"}]
    answer = {"critical": 1, "major": 0, "minor": 0, "warnings": 2, "status": "critical", "parts": parts}
    ran, api = fm("alarm-summary --by host", {"/v1/alarms/summary": {"GET": answer}})
    assert ran.out == """\
+----------+-----------------+--------------+--------------+----------+----------+
| Host     | Critical Alarms | Major Alarms | Minor Alarms | Warnings | Status   |
+----------+-----------------+--------------+--------------+----------+----------+
| worker-0 | 1               | 0            | 0            | 2        | critical |
+----------+-----------------+--------------+--------------+----------+----------+
"""
    assert api.calls[0][3] == [("by", "host")]


def test_several_alarms_are_deleted_and_what_failed_is_said() -> None:
    ran, api = fm("alarm-delete a x b y", {"/v1/alarms/a": {"DELETE": Answer(None, 204)},
                                          "/v1/alarms/b": {"DELETE": Answer(None, 204)}})
    assert (ran.code, ran.out, ran.err) == (1, "", "Alarm not found: x\nAlarm not found: y\n")
    assert [call[1] for call in api.calls] == [f"/v1/alarms/{name}" for name in "axby"]
    ran, api = fm("alarm-delete a b", {"/v1/alarms/a": {"DELETE": refusal(403, "no")}})
    assert (ran.code, ran.err, len(api.calls)) == (1, "Error: Forbidden.\n", 1)


@pytest.mark.parametrize("command", ["alarm-show", "alarm-delete", "event-show", "silence-delete", "alarm-acknowledge"])
@pytest.mark.parametrize("name", ["", ".", ".."])
def test_what_cannot_be_an_id_reaches_no_other_resource(command: str, name: str) -> None:
    ran, api = fm([command, name], {})
    assert (ran.out, ran.err, api.calls) == ("", f"{name!r} is no name and no id.\n", [])
    assert ran.code in (1, 2)


def test_deletion_by_query_says_how_many_and_wants_a_yes() -> None:
    table = {"/v1/alarms": {"GET": {"alarms": [ALARM, ALARM]}, "DELETE": Script({"deleted": 2}, {"deleted": 0})}}
    ran, api = fm("alarm-delete --query severity=major", table)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "This clears 2 alarms.\nThere is no terminal to confirm that; give --yes.\n"
    assert {call[0] for call in api.calls} == {"GET"}
    ran, api = fm("alarm-delete --query severity=major --yes", table)
    assert (ran.code, ran.out, ran.err) == (0, "Cleared 2 alarms.\n", "")
    ran, api = fm("alarm-delete --query severity=major --yes", {"/v1/alarms": {"GET": {"alarms": []}}})
    assert (ran.code, ran.out) == (0, "No alarm matches.\n")


@pytest.mark.parametrize("argv", ["alarm-delete", "alarm-delete a --query b=c", "silence-create",
                                  "silence-create --entity e --expires soon", "silence-update s",
                                  "silence-update s --expires 2h --no-expiry", "silence-delete",
                                  "event-watch --count 0", "event-watch --alarms --logs", "event-watch -f csv",
                                  "alarm-summary --by moon"])
def test_wrong_command_lines(argv: str) -> None:
    ran, api = fm(argv, {})
    assert (ran.code, ran.out, api.calls) == (2, "", [])
    assert ran.err


def test_silences() -> None:
    ran, _ = fm("silence-list", {"/v1/silences": {"GET": {"silences": [SILENCE]}}})
    assert [cell.strip() for cell in ran.out.splitlines()[1].strip("|").split("|")] == [
        "UUID", "Alarm ID", "Entity ID", "Expires At", "Created By", "Comment"]
    assert "2026-01-01T13:00:00" in ran.out
    one = f"/v1/silences/{SILENCE['uuid']}"
    ran, _ = fm(f"silence-show {SILENCE['uuid']} -f json", {one: {"GET": SILENCE}})
    assert ran.json()["expires_at"] == "2026-01-01T12:00:00Z"
    assert fm("silence-show x", {})[0].err == "Silence not found: x\n"
    assert fm("silence-delete x", {})[0].err == "Silence not found: x\n"


def test_a_silence_is_made_and_changed() -> None:
    argv = ["silence-create", "--entity", "host=worker-3", "--expires", "2026-01-01 13:00", "--comment", "new memory"]
    _, api = fm(argv, {"/v1/silences": {"POST": SILENCE}})
    assert api.calls[0][2] == {"entity_instance_id": "host=worker-3", "expires_at": "2026-01-01T12:00:00",
                               "comment": "new memory"}
    table = {"/v1/silences/s": {"PATCH": SILENCE}}
    _, api = fm(["silence-update", "s", "--no-expiry", "--comment", ""], table)
    assert api.calls[0][2] == [{"op": "replace", "path": "/expires_at", "value": None},
                               {"op": "replace", "path": "/comment", "value": ""}]


def test_an_export_goes_to_stdout_or_a_file(tmp_path: Path) -> None:
    table = {"/v1/event_log": {"GET": Pieces(["uuid,reason\r\n1,Ä".encode()[:-1], "Ä\r\n".encode()[1:]])}}
    ran, api = fm("event-export --alarms -l 5", table)
    assert (ran.code, ran.out) == (0, "uuid,reason\r\n1,Ä\r\n")
    assert api.calls[0][3] == [("alarms", "True"), ("sort_key", "timestamp"), ("sort_dir", "desc"), ("limit", "5"),
                               ("format", "csv")]
    ran, _ = fm(f"event-export --file {tmp_path}/e.csv", table)
    assert (ran.code, ran.out) == (0, "")
    assert (tmp_path / "e.csv").read_bytes() == "uuid,reason\r\n1,Ä\r\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["e.csv"]
    ran, _ = fm(f"event-export --file {tmp_path}/no/e.csv", table)
    assert (ran.code, ran.err) == (1, f"Cannot write {tmp_path}/no/e.csv: No such file or directory\n")


def stream(*events: dict[str, Any]) -> Pieces:
    return Pieces([f"id: {number}\nevent: fm.x\ndata: {json.dumps(event)}\n\n".encode()
                   for number, event in enumerate(events, 1)])


def test_watching_prints_a_line_per_event() -> None:
    table = {"/v1/event_stream": {"GET": stream(EVENT, LOG)}}
    ran, api = fm("event-watch --count 2 --after 7", table)
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "2026-01-01T11:20:30.000456 set   200.005 major    host=compute-3.network=management: "
        "compute-3 lost its heartbeat on the management network at 2026-01-01 11:20:00",
        "2026-01-01T11:20:30.000456 log   200.021 not-applicable host=compute-3.network=management: unlock requested"]
    assert api.headers[0]["Last-Event-ID"] == "7"


def test_watching_in_json() -> None:
    ran, api = fm("event-watch --logs --severity minor --count 1 -f json",
                  {"/v1/event_stream": {"GET": stream(LOG)}})
    assert ran.json() == {**LOG, "timestamp": "2026-01-01T10:20:30.000456Z"}
    assert api.calls[0][3] == [("q.field", "severity"), ("q.op", "eq"), ("q.type", ""), ("q.value", "minor"),
                               ("logs", "True")]
    _, api = fm("alarm-watch --count 1", {"/v1/event_stream": {"GET": stream(EVENT)}})
    assert api.calls[0][3] == [("alarms", "True")]


def test_lost_events_are_said_on_stderr() -> None:
    gap = b'id: 40\nevent: fm.stream.gap\ndata: {"after": 3, "oldest": 41, "newest": 50}\n\n'
    ran, _ = fm("event-watch --count 1", {"/v1/event_stream": {"GET": Pieces([gap, *stream(EVENT).pieces])}})
    assert (ran.code, ran.err) == (0, "Some events are lost; the stream resumes after number 40.\n")
    assert len(ran.out.splitlines()) == 1


def test_a_watch_that_may_not_ends_at_once() -> None:
    ran, _ = fm("event-watch", {"/v1/event_stream": {"GET": refusal(403, "no")}})
    assert (ran.code, ran.out, ran.err) == (1, "", "Error: Forbidden.\n")


def test_ctrl_c_ends_a_watch() -> None:
    def interrupted(_: Any) -> Any:
        raise KeyboardInterrupt
    ran, _ = fm("event-watch", {"/v1/event_stream": {"GET": interrupted}})
    assert (ran.code, ran.out) == (130, "")


def test_acknowledging_and_taking_it_back() -> None:
    note = {"uuid": "a", "user": "ann", "comment": "on it", "timestamp": "2026-01-01T10:00:00"}
    ran, api = fm(["alarm-acknowledge", "a", "--comment", "on it", "-f", "json"],
                  {"/v1/alarms/a/acknowledgement": {"PUT": note}})
    assert (ran.json()["user"], api.calls[0][2]) == ("ann", {"comment": "on it"})
    ran, _ = fm("alarm-unacknowledge a", {"/v1/alarms/a/acknowledgement": {"DELETE": Answer(None, 204)}})
    assert (ran.code, ran.out, ran.err) == (0, "", "")
