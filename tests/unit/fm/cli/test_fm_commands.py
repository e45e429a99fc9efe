# SPDX-License-Identifier: Apache-2.0
"""``fm`` against a table of answers: golden outputs, queries on the wire, exit codes."""
from __future__ import annotations

from typing import Any

import pytest

from flock.cli.scan import commands
from flock.testing.cli import Answer, FakeApi, Ran, Script, refusal, run_cli
from fm.cmd.shell import PROGRAM

OLD = {"uuid": "a1", "alarm_id": "200.001", "reason_text": "worker-0 was administratively locked",
       "severity": "warning", "entity_instance_id": "host=worker-0", "timestamp": "2026-05-01T10:00:00.000000",
       "suppression_status": "unsuppressed", "mgmt_affecting": "False", "degrade_affecting": "False"}
NEW = {**OLD, "uuid": "a2", "alarm_id": "100.103", "reason_text": "Memory", "severity": "critical",
       "timestamp": "2026-05-01T11:00:00.000000", "suppression_status": "suppressed", "mgmt_affecting": "True"}
EVENT = {"uuid": "e1", "timestamp": "2026-05-01T10:00:00.000000", "state": "set", "event_log_id": "200.001",
         "reason_text": "locked", "entity_instance_id": "host=worker-0", "severity": "warning"}
IDS = [{"uuid": "s1", "alarm_id": "100.103", "suppression_status": "unsuppressed"},
       {"uuid": "s2", "alarm_id": "200.001", "suppression_status": "suppressed"}]


def fm(argv: str | list[str], table: dict[str, Any]) -> tuple[Ran, FakeApi]:
    api = FakeApi(table)
    return run_cli(PROGRAM, argv, api), api


def header(ran: Ran) -> list[str]:
    return [cell.strip() for cell in ran.out.splitlines()[1].strip("|").split("|")]


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLI_CONFIRMATIONS", raising=False)


def test_alarms_newest_first_with_suppressed_ids_marked() -> None:
    ran, _ = fm("alarm-list", {"/v1/alarms": {"GET": {"alarms": [OLD, NEW]}}})
    assert header(ran) == ["Alarm ID", "Reason Text", "Entity ID", "Severity", "Time Stamp"]
    assert [line.split("|")[1].strip() for line in ran.out.splitlines()[3:-1]] == ["S(100.103)", "200.001"]


@pytest.mark.parametrize(("options", "titles"), [
    ("--uuid", "UUID,Alarm ID,Reason Text,Entity ID,Severity,Time Stamp"),
    ("--uuid --mgmt_affecting --degrade_affecting",
     "UUID,Alarm ID,Reason Text,Entity ID,Management Affecting,Degrade Affecting,Severity,Time Stamp"),
    ("--mgmt_affecting --degrade_affecting",
     "Alarm ID,Reason Text,Entity ID,Severity,Management Affecting,Degrade Affecting,Time Stamp"),
    ("--degrade_affecting", "Alarm ID,Reason Text,Entity ID,Severity,Time Stamp,Degrade Affecting"),
])
def test_extra_columns_stand_where_starlingx_puts_them(options: str, titles: str) -> None:
    ran, _ = fm(f"alarm-list {options}", {"/v1/alarms": {"GET": {"alarms": [OLD]}}})
    assert header(ran) == titles.split(",")


def test_an_empty_list_of_alarms() -> None:
    assert fm("alarm-list", {"/v1/alarms": {"GET": {"alarms": []}}})[0].out == "\n"
    assert fm("alarm-list -f json", {"/v1/alarms": {"GET": {"alarms": []}}})[0].out == "[]\n"


@pytest.mark.parametrize(("command", "path", "body"), [
    ("alarm-list", "/v1/alarms", {"alarms": []}), ("event-list --nopaging", "/v1/event_log", {"event_log": []})])
@pytest.mark.parametrize(("query", "warned"), [
    ("severity=foo", True), ("severity=ma", False), ("severity=not-app", False), ("severity!=foo", False),
    ("alarm_id=foo", False), ("alarm_id=1;severity=foo", True)])
def test_a_severity_that_no_alarm_can_have_is_no_silence(
        command: str, path: str, body: object, query: str, warned: bool) -> None:
    ran, _ = fm([*command.split(), "-q", query], {path: {"GET": body}})
    words = "No severity contains 'foo'; there are critical, major, minor, warning, clear, not-applicable.\n"
    assert (ran.code, ran.err) == (0, words if warned else "")



def test_json_has_the_wires_names_and_utc() -> None:
    ran, _ = fm("alarm-list -f json", {"/v1/alarms": {"GET": {"alarms": [OLD]}}})
    assert ran.json()[0]["timestamp"] == "2026-05-01T10:00:00Z"
    assert ran.json()[0]["alarm_id"] == "200.001"


def test_a_query_becomes_q_arguments() -> None:
    argv = ["alarm-list", "-q", "severity=critical;entity_instance_id!=host=a"]
    _, api = fm(argv, {"/v1/alarms": {"GET": {"alarms": []}}})
    assert api.calls[0][3] == [
        ("q.field", "severity"), ("q.op", "eq"), ("q.type", ""), ("q.value", "critical"),
        ("q.field", "entity_instance_id"), ("q.op", "ne"), ("q.type", ""), ("q.value", "host=a"), ("expand", "True")]
    ran, _ = fm(["alarm-list", "-q", "severity"], {})
    assert ran.code == 1
    assert "must be field<op>value" in ran.err


def test_pages_are_followed() -> None:
    pages = Script({"alarms": [OLD], "next": "http://api.test:1/v1/alarms?limit=1&marker=a1"}, {"alarms": [NEW]})
    ran, api = fm("alarm-list -f json", {"/v1/alarms": {"GET": pages}})
    assert [row["uuid"] for row in ran.json()] == ["a2", "a1"]
    assert api.calls[1][3] == [("limit", "1"), ("marker", "a1")]


@pytest.mark.parametrize(("argv", "words"), [
    ("alarm-show x", "Alarm not found: x\n"), ("alarm-delete x", "Alarm not found: x\n"),
    ("event-show x", "Event log not found: x\n"),
])
def test_what_is_not_there(argv: str, words: str) -> None:
    ran, _ = fm(argv, {})
    assert (ran.code, ran.out, ran.err) == (1, "", words)


def test_delete_prints_nothing() -> None:
    ran, api = fm("alarm-delete a1", {"/v1/alarms/a1": {"DELETE": Answer(None, 204)}})
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert api.calls[0][:2] == ("DELETE", "/v1/alarms/a1")


def test_a_forbidden_delete_says_so() -> None:
    text = "The requested action is not authorized"
    ran, _ = fm("alarm-delete a1", {"/v1/alarms/a1": {"DELETE": refusal(403, text)}})
    assert (ran.code, ran.err) == (1, "Error: Forbidden.\n")


def test_summary_is_one_row() -> None:
    counts = {"critical": 1, "major": 2, "minor": 0, "warnings": 3}
    ran, _ = fm("alarm-summary", {"/v1/alarms/summary": {"GET": counts}})
    assert header(ran) == ["Critical Alarms", "Major Alarms", "Minor Alarms", "Warnings"]
    assert ran.out.splitlines()[3].split() == ["|", "1", "|", "2", "|", "0", "|", "3", "|"]


def test_events() -> None:
    ran, api = fm("event-list -l 5 --alarms --nopaging", {"/v1/event_log": {"GET": {"event_log": [EVENT]}}})
    assert header(ran) == ["Time Stamp", "State", "Event Log ID", "Reason Text", "Entity Instance ID", "Severity"]
    assert api.calls[0][3] == [
        ("alarms", "True"), ("expand", "True"), ("sort_key", "timestamp"), ("sort_dir", "desc"), ("limit", "5")]
    assert fm("event-list -l 0", {})[0].code == 2


def test_suppress_says_what_changed_and_lists_the_rest() -> None:
    after = [{**IDS[0], "suppression_status": "suppressed"}, IDS[1]]
    table = {"/v1/event_suppression": {"GET": Script({"event_suppression": IDS}, {"event_suppression": after})},
             "/v1/event_suppression/s1": {"PATCH": after[0]}}
    ran, api = fm("event-suppress --alarm_id 100.103,200.001", table)
    assert ran.code == 0
    assert ran.out.splitlines()[0] == "Alarm ID: 100.103 suppressed."
    assert [call[1] for call in api.calls if call[0] == "PATCH"] == ["/v1/event_suppression/s1"]
    assert "| 200.001  | suppressed |" in ran.out


def test_an_unknown_id_is_passed_over_and_named_on_stderr() -> None:
    after = [{**IDS[0], "suppression_status": "suppressed"}, IDS[1]]
    table = {"/v1/event_suppression": {"GET": Script({"event_suppression": IDS}, {"event_suppression": after})},
             "/v1/event_suppression/s1": {"PATCH": after[0]}}
    ran, api = fm("event-suppress --alarm_id 100.103,9.9", table)
    assert (ran.code, ran.err) == (0, "Alarm ID not found: 9.9\n")
    assert ran.out.splitlines()[0] == "Alarm ID: 100.103 suppressed."
    assert [call[1] for call in api.calls if call[0] == "PATCH"] == ["/v1/event_suppression/s1"]


def test_dangerous_commands_know_yes() -> None:
    for command in ("event-suppress --alarm_id 100.103", "event-unsuppress --alarm_id 100.103", "event-unsuppress-all"):
        table = {"/v1/event_suppression": {"GET": {"event_suppression": IDS}},
                 "/v1/event_suppression/s1": {"PATCH": IDS[0]}, "/v1/event_suppression/s2": {"PATCH": IDS[1]}}
        assert fm(f"{command} --yes", table)[0].code == 0


def test_unsuppress_all_says_each_id_and_shows_the_empty_list() -> None:
    rows = [{**row, "suppression_status": "suppressed"} for row in IDS]
    shown = [{**row, "suppression_status": "unsuppressed"} for row in IDS]
    table = {"/v1/event_suppression": {"GET": Script({"event_suppression": rows}, {"event_suppression": shown})},
             "/v1/event_suppression/s1": {"PATCH": shown[0]}, "/v1/event_suppression/s2": {"PATCH": shown[1]}}
    ran, _ = fm("event-unsuppress-all --nopaging --nowrap", table)
    assert (ran.code, ran.out) == (
        0, "Alarm ID: 100.103 unsuppressed.\nAlarm ID: 200.001 unsuppressed.\n\n")


def test_suppress_in_json_keeps_stdout_for_the_list() -> None:
    after = [{**IDS[0], "suppression_status": "suppressed"}, IDS[1]]
    table = {"/v1/event_suppression": {"GET": Script({"event_suppression": IDS}, {"event_suppression": after})},
             "/v1/event_suppression/s1": {"PATCH": after[0]}}
    ran, _ = fm("event-suppress --alarm_id 100.103 -f json", table)
    assert [row["alarm_id"] for row in ran.json()] == ["100.103", "200.001"]
    assert ran.err == "Alarm ID: 100.103 suppressed.\n"


def test_every_command_has_examples_and_help_that_shows_them() -> None:
    for name, command in commands("fm.resources").items():
        assert command.examples, name
        ran, api = fm([name, "--help"], {})
        assert (ran.code, ran.err, api.calls) == (0, "", [])
        assert "examples:\n  fm " in ran.out, name


def test_every_command_has_a_twin_of_the_openstack_client() -> None:
    twins = set(commands("fm.resources", "OSC_COMMANDS").values())
    assert [name for name, command in commands("fm.resources").items() if command not in twins] == []


@pytest.mark.parametrize("argv", ["help alarm-list", "help event-suppress"])
def test_help_of_one_command(argv: str) -> None:
    ran, _ = fm(argv, {})
    assert ran.code == 0
    assert ran.out.startswith(f"usage: fm {argv.split()[1]} ")


def test_completion_knows_all_commands() -> None:
    words = set(fm("bash-completion", {})[0].out.split())
    assert set(commands("fm.resources")) <= words
    assert {"--mgmt_affecting", "--nopaging", "--os-auth-url", "--refresh-cache"} <= words


@pytest.mark.parametrize(("status", "text", "shown"), [
    (400, "Unknown field x", "Unknown field x"),
    (403, "The requested action is not authorized", "Error: Forbidden."),
    (401, "Authentication required", "Invalid Identity credentials."),
    (500, "", "HTTP Server Error (HTTP 500) (Request-ID: req-1)"),
    (503, "fm-manager does not answer", "HTTP Server Error (HTTP 503) (Request-ID: req-1): fm-manager does not answer"),
])
def test_errors_in_the_words_of_starlingx(status: int, text: str, shown: str) -> None:
    body = refusal(status, text) if text else Answer(None, status, {"X-Openstack-Request-Id": "req-1"})
    ran, _ = fm("alarm-list", {"/v1/alarms": {"GET": body}})
    assert (ran.code, ran.out, ran.err) == (1, "", shown + "\n")
