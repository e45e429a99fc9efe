# SPDX-License-Identifier: Apache-2.0
"""Alarms, events and suppression by command line against the running service. About 10 s with its daemons."""
from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
import yaml

ALARM_ROWS = ["alarm_id", "alarm_state", "alarm_type", "degrade_affecting", "entity_instance_id", "entity_type_id",
              "mgmt_affecting", "probable_cause", "proposed_repair_action", "reason_text", "service_affecting",
              "severity", "suppression", "suppression_status", "timestamp", "uuid"]
EVENT_ROWS = ["entity_instance_id", "entity_type_id", "event_log_id", "event_log_type", "probable_cause",
              "proposed_repair_action", "reason_text", "service_affecting", "severity", "state", "suppression",
              "suppression_status", "timestamp", "uuid"]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def table(text: str) -> list[list[str]]:
    """The cells of a table, first the titles."""
    return [[cell.strip() for cell in line[2:-2].split(" | ")] for line in text.splitlines() if line.startswith("|")]


def properties(text: str) -> dict[str, str]:
    cells = table(text)
    assert cells[0] == ["Property", "Value"]
    return {name: value for name, value in cells[1:] if name}


@pytest.fixture
def three(fm: Any) -> list[str]:
    """The uuids of three alarms, oldest first."""
    raiser = fm.service.raiser()
    return [raiser.raise_now("100.101", host="worker-0", severity="major", reason_text="CPU at 2026-01-01 00:00:00"),
            raiser.raise_now("200.004", host="worker-1"),
            raiser.raise_now("100.103", host="worker-2", severity="minor")]


def test_an_empty_list_is_an_empty_line(fm: Any) -> None:
    for argv in ("alarm-list", "event-list", "event-suppress-list", "silence-list"):
        assert (fm(argv).code, fm(argv).out, fm(argv).err) == (0, "\n", "")
        assert fm(f"{argv} -f json").out == "[]\n"
        assert fm(f"{argv} -f yaml").out == "[]\n"
        assert fm(f"{argv} -f value").out == ""


def test_alarms_newest_first_in_local_time_also_inside_texts(fm: Any, three: list[str]) -> None:
    ran = fm("alarm-list")
    assert (ran.code, ran.err) == (0, "")
    titles, *rows = table(ran.out)
    assert titles == ["Alarm ID", "Reason Text", "Entity ID", "Severity", "Time Stamp"]
    assert [row[0] for row in rows] == ["100.103", "200.004", "100.101"]
    assert rows[2][1] == "CPU at 2026-01-01 09:00:00"
    assert [row[2] for row in rows] == ["host=worker-2", "host=worker-1", "host=worker-0"]
    utc = {alarm["uuid"]: alarm["timestamp"] for alarm in fm("alarm-list -f json").json()}
    hour = (int(utc[three[2]][11:13]) + 9) % 24
    assert rows[0][4][11:].startswith(f"{hour:02}{utc[three[2]][13:19]}")
    assert [row[0] for row in table(fm("alarm-list --uuid").out)[1:]] == three[::-1]


@pytest.mark.parametrize(("options", "titles"), [
    ("--uuid", "UUID,Alarm ID,Reason Text,Entity ID,Severity,Time Stamp"),
    ("--uuid --mgmt_affecting", "UUID,Alarm ID,Reason Text,Entity ID,Management Affecting,Severity,Time Stamp"),
    ("--uuid --degrade_affecting", "UUID,Alarm ID,Reason Text,Entity ID,Severity,Degrade Affecting,Time Stamp"),
    ("--uuid --mgmt_affecting --degrade_affecting",
     "UUID,Alarm ID,Reason Text,Entity ID,Management Affecting,Degrade Affecting,Severity,Time Stamp"),
    ("--mgmt_affecting", "Alarm ID,Reason Text,Entity ID,Severity,Management Affecting,Time Stamp"),
    ("--degrade_affecting", "Alarm ID,Reason Text,Entity ID,Severity,Time Stamp,Degrade Affecting"),
    ("--mgmt_affecting --degrade_affecting",
     "Alarm ID,Reason Text,Entity ID,Severity,Management Affecting,Degrade Affecting,Time Stamp")])
def test_columns_of_alarms(fm: Any, three: list[str], options: str, titles: str) -> None:
    shown, *rows = table(fm(f"alarm-list {options} --nowrap").out)
    assert shown == titles.split(",")
    worst = dict(zip(shown, rows[1], strict=True))
    assert worst["Alarm ID"] == "200.004"
    assert {title: worst[title] for title in shown if "Affecting" in title} == {
        title: {"Management Affecting": "True", "Degrade Affecting": "False"}[title]
        for title in shown if "Affecting" in title}


def test_every_format(fm: Any, three: list[str]) -> None:
    objects = fm("alarm-list -f json").json()
    assert sorted(objects[0]) == ALARM_ROWS
    assert all(alarm["timestamp"].endswith("Z") for alarm in objects)
    assert yaml.safe_load(fm("alarm-list -f yaml").out)[0]["uuid"] == three[2]
    rows = list(csv.DictReader(io.StringIO(fm("alarm-list -f csv").out)))
    assert [row["alarm_id"] for row in rows] == ["100.103", "200.004", "100.101"]
    assert fm("alarm-list -f value -c uuid").out.split() == three[::-1]
    assert fm("alarm-list -f value -c uuid --sort-column alarm_id").out.split() == [three[0], three[2], three[1]]
    assert json.loads(fm(f"alarm-show {three[1]} -f json").out)["service_affecting"] is True
    assert fm(f"alarm-show {three[1]} -f value -c severity").out == "critical\n"


@pytest.mark.parametrize(("query", "found"), [
    ("severity=major", ["100.101"]), ("severity=ma", ["100.101"]), ("severity!=major", ["100.103", "200.004"]),
    ("severity>=major", ["100.101", "200.004"]), ("severity<major", ["100.103"]),
    ("alarm_id=string::100.", ["100.101", "100.103"]),
    ("alarm_id=100.;severity=minor", ["100.103"]), ("entity_instance_id=host=worker-1", ["200.004"]), ("", [
        "100.101", "100.103", "200.004"])])
def test_queries(fm: Any, three: list[str], query: str, found: list[str]) -> None:
    ran = fm("alarm-list", "-q", query, "-f", "value", "-c", "alarm_id")
    assert sorted(ran.out.split()) == found


def test_shorter_than_queries(fm: Any, three: list[str]) -> None:
    assert fm("alarm-list --severity critical -f value -c alarm_id").out == "200.004\n"
    assert fm("alarm-list --filter entity_instance_id=worker-2 -f value -c alarm_id").out == "100.103\n"
    assert fm("alarm-list -l 2 -f value -c uuid").out.split() == [three[2], three[1]]
    assert fm(f"alarm-list --marker {three[1]} -f value -c uuid").out.split() == [three[0]]
    assert fm("alarm-list --sort alarm_id:desc -f value -c alarm_id").out.split() == ["200.004", "100.103", "100.101"]
    assert fm("event-list --sort event_log_id -l 1 -f value -c event_log_id").out == "100.101\n"
    ran = fm("alarm-list --sort colour")
    assert ran.code == 1 and "colour" in ran.err


def test_one_alarm_has_sixteen_rows_sorted_by_name(fm: Any, three: list[str]) -> None:
    ran = fm(f"alarm-show {three[1]}")
    assert list(properties(ran.out)) == ALARM_ROWS
    assert properties(ran.out)["uuid"] == three[1]
    full = properties(fm(f"alarm-show {three[1]} --full").out)
    assert len(full) == 24
    assert (full["stale"], full["flapping"]) == ("False", "False")


def test_events_and_one_event_of_fourteen_rows(fm: Any, three: list[str]) -> None:
    log = {"alarm_id": "200.021", "alarm_state": "log", "entity_instance_id": "host=worker-0.command=unlock",
           "severity": "clear", "alarm_type": "other", "probable_cause": "unknown", "reason_text": "unlock"}
    assert fm.service.http().post(f"{fm.service.base}/v1/alarms", json=log).ok
    titles, *rows = table(fm("event-list --nowrap").out)
    assert titles == ["Time Stamp", "State", "Event Log ID", "Reason Text", "Entity Instance ID", "Severity"]
    assert [row[2] for row in rows] == ["200.021", "100.103", "200.004", "100.101"]
    assert [row[2] for row in table(fm("event-list --logs").out)[1:]] == ["200.021"]
    assert [row[1] for row in table(fm("event-list --alarms").out)[1:]] == ["set"] * 3
    assert len(table(fm("event-list -l 2").out)) == 3
    titles, *rows = table(fm("event-list --uuid --nowrap --nopaging").out)
    assert titles[0] == "UUID" and all(UUID.fullmatch(row[0]) for row in rows)
    assert list(properties(fm(f"event-show {three[0]}").out)) == EVENT_ROWS
    story = fm("event-list", "-l", "50", "--alarms", "--nopaging", "-q", "start=20260101;alarm_id=200.004")
    assert [row[2] for row in table(story.out)[1:]] == ["200.004"]
    tomorrow = fm("event-list", "-q", "start=2999-01-01")
    assert tomorrow.out == "\n"


def test_export_has_every_field(fm: Any, three: list[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(fm("event-export --alarms -q severity=major").out)))
    assert [row["event_log_id"] for row in rows] == ["100.101"]
    assert sorted(rows[0]) == EVENT_ROWS


def test_a_summary_is_one_row(fm: Any, three: list[str]) -> None:
    assert table(fm("alarm-summary").out) == [
        ["Critical Alarms", "Major Alarms", "Minor Alarms", "Warnings"], ["1", "1", "1", "0"]]
    assert fm("alarm-summary -f json").json() == [
        {"critical": 1, "major": 1, "minor": 1, "warnings": 0, "status": "critical"}]
    by_host = fm("alarm-summary --by host -f json").json()
    assert {part["host"]: part["status"] for part in by_host} == {
        "worker-0": "degraded", "worker-1": "critical", "worker-2": "degraded"}
    assert [row[0] for row in table(fm("alarm-summary --by group").out)] == ["Group", "100", "200"]


def test_suppression_from_beginning_to_end(fm: Any, three: list[str]) -> None:
    ran = fm("event-suppress --alarm_id 100.101,100.103")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[:2] == ["Alarm ID: 100.101 suppressed.", "Alarm ID: 100.103 suppressed."]
    assert table(ran.out) == [["Event ID", "Status"], ["100.101", "suppressed"], ["100.103", "suppressed"]]
    assert [row[0] for row in table(fm("alarm-list").out)[1:]] == ["200.004"]
    assert [row[0] for row in table(fm("alarm-list --include_suppress").out)[1:]] == [
        "S(100.103)", "200.004", "S(100.101)"]
    assert [row[2] for row in table(fm("event-list --include_suppress").out)[1:]] == [
        "S(100.103)", "200.004", "S(100.101)"]
    assert table(fm("alarm-summary").out)[1] == ["1", "0", "0", "0"]
    assert table(fm("alarm-summary --include_suppress").out)[1] == ["1", "1", "1", "0"]
    assert fm("event-suppress --alarm_id 100.101").out.count("Alarm ID:") == 0  # nothing changed
    unknown = fm("event-unsuppress --alarm_id 100.101,9.9 --nowrap --nopaging")
    assert (unknown.code, unknown.err) == (0, "Alarm ID not found: 9.9\n")
    assert unknown.out.startswith("Alarm ID: 100.101 unsuppressed.\n+")
    titles, *rows = table(fm("event-suppress-list --uuid").out)
    assert titles == ["UUID", "Event ID", "Status"] and [row[1] for row in rows] == ["100.103"]
    everything = fm("event-suppress-list --include-unsuppressed -f json").json()
    assert len(everything) > 130
    ran = fm("event-unsuppress-all")
    assert (ran.code, ran.out) == (0, "Alarm ID: 100.103 unsuppressed.\n\n")
    assert len(table(fm("alarm-list").out)) == 4


def test_deleting(fm: Any, three: list[str]) -> None:
    ran = fm(f"alarm-delete {three[0]}")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    ran = fm(f"alarm-delete {three[0]} {three[1]}")
    assert (ran.code, ran.out, ran.err) == (1, "", f"Alarm not found: {three[0]}\n")
    assert fm("alarm-list -f value -c uuid").out.split() == [three[2]]


def test_deleting_by_query(fm: Any, three: list[str]) -> None:
    ran = fm("alarm-delete --query alarm_id=100.")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "This clears 2 alarms.\nThere is no terminal to confirm that; give --yes.\n"
    assert len(fm("alarm-list -f json").json()) == 3
    ran = fm("alarm-delete --query alarm_id=100. --yes")
    assert (ran.code, ran.out, ran.err) == (0, "Cleared 2 alarms.\n", "")
    assert fm("alarm-list -f value -c uuid").out.split() == [three[1]]


def test_acknowledging(fm: Any, three: list[str]) -> None:
    ran = fm("alarm-acknowledge", three[0], "--comment", "on it")
    assert properties(ran.out)["user"] == "configurator-services"
    titles, *rows = table(fm("alarm-list --full --nowrap").out)
    found = {row[0]: dict(zip(titles, row, strict=True)) for row in rows}
    assert found["100.101"]["Acknowledged By"] == "configurator-services"
    assert found["200.004"]["Acknowledged By"] == ""
    assert fm(f"alarm-unacknowledge {three[0]}").code == 0
    assert "configurator-services" not in fm("alarm-list --full").out


def test_silencing(fm: Any, three: list[str]) -> None:
    made = fm("silence-create", "--entity", "host=worker-0", "--expires", "2h", "--comment", "repair", "-f", "json")
    assert made.code == 0, made.err
    uuid = made.json()["uuid"]
    assert [row[0] for row in table(fm("alarm-list").out)[1:]] == ["100.103", "200.004"]
    titles, *rows = table(fm("alarm-list --include_suppress --full --nowrap").out)
    found = {row[0]: dict(zip(titles, row, strict=True)) for row in rows}
    assert found["S(100.101)"]["Silenced"].startswith("until 2")
    assert found["200.004"]["Silenced"] == "False"
    titles, row = table(fm("silence-list --nowrap").out)
    assert dict(zip(titles, row, strict=True)) | {"Expires At": ""} == {
        "UUID": uuid, "Alarm ID": "None", "Entity ID": "host=worker-0", "Expires At": "",
        "Created By": "configurator-services", "Comment": "repair"}
    assert fm(f"silence-update {uuid} --no-expiry -f json").json()["expires_at"] is None
    assert fm(f"silence-update {uuid} --comment later -f json").json()["comment"] == "later"
    assert properties(fm(f"silence-show {uuid}").out)["comment"] == "later"
    assert fm("silence-create --entity host=worker-0 --expires 2001-01-01").code == 1
    ran = fm(f"silence-delete {uuid}")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert fm(f"silence-delete {uuid}").err == f"Silence not found: {uuid}\n"
    assert len(table(fm("alarm-list").out)) == 4
