# SPDX-License-Identifier: Apache-2.0
"""What operators write: queries and moments."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.cli.errors import CliError, UsageError
from fm.client.query import event_arguments, query_arguments
from fm.client.times import moment, wire

NOW = datetime(2026, 5, 1, 10, tzinfo=UTC)
BERLIN = timezone(timedelta(hours=2))


def condition(field: str, op: str, value: str, kind: str = "") -> list[tuple[str, str]]:
    return [("q.field", field), ("q.op", op), ("q.type", kind), ("q.value", value)]


@pytest.mark.parametrize(("text", "expected"), [
    (None, []), ("", []), (" ; ", []),
    ("severity=major", condition("severity", "eq", "major")),
    ("severity != major", condition("severity", "ne", "major")),
    ("severity>=major", condition("severity", "ge", "major")),
    ("severity<=major", condition("severity", "le", "major")),
    ("severity>major", condition("severity", "gt", "major")),
    ("severity<major", condition("severity", "lt", "major")),
    ("entity_instance_id=host=worker-0", condition("entity_instance_id", "eq", "host=worker-0")),
    ("entity_instance_id!=host=a", condition("entity_instance_id", "ne", "host=a")),
    ("start=datetime::2026-02-01T00:00:00", condition("start", "eq", "2026-02-01T00:00:00", "datetime")),
    ("alarm_id=string::100.101", condition("alarm_id", "eq", "100.101", "string")),
    ("alarm_id=colour::red", condition("alarm_id", "eq", "colour::red")),
    ("a=1;b!=2", condition("a", "eq", "1") + condition("b", "ne", "2")),
    ("uuid=", condition("uuid", "eq", "")),
])
def test_queries(text: str | None, expected: list[tuple[str, str]]) -> None:
    assert query_arguments(text) == expected


def test_events_answer_to_the_names_of_alarms() -> None:
    assert event_arguments("alarm_id=200.006;alarm_type=other;severity=alarm_id") == [
        *condition("event_log_id", "eq", "200.006"), *condition("event_log_type", "eq", "other"),
        *condition("severity", "eq", "alarm_id")]


@pytest.mark.parametrize("text", ["severity", "=major", " =x", "a=1;b"])
def test_what_is_no_query(text: str) -> None:
    with pytest.raises(CliError, match="must be field<op>value"):
        query_arguments(text)


@given(st.text(st.characters(blacklist_characters=";=<>!", blacklist_categories=("Cs",)), min_size=1).filter(str.strip),
       st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
       st.text(st.characters(blacklist_characters=";:=", blacklist_categories=("Cs",))))
def test_a_condition_is_taken_apart_where_it_was_joined(field: str, sign: str, value: str) -> None:
    found = dict(query_arguments(f"{field}{sign}{value}"))
    assert found["q.field"] == field.strip()
    assert found["q.value"] == value.strip()


@pytest.mark.parametrize(("text", "expected"), [
    ("30s", "2026-05-01T10:00:30"), ("30m", "2026-05-01T10:30:00"), ("2h", "2026-05-01T12:00:00"),
    ("1d12h", "2026-05-02T22:00:00"), ("1w", "2026-05-08T10:00:00"),
    ("2026-05-01T18:30:00Z", "2026-05-01T18:30:00"), ("2026-05-01T18:30:00+05:00", "2026-05-01T13:30:00"),
    ("2026-05-01 18:30", "2026-05-01T16:30:00"), ("2026-05-02", "2026-05-01T22:00:00"),
])
def test_moments(text: str, expected: str) -> None:
    assert wire(moment(text, NOW, BERLIN)) == expected


def test_a_date_is_in_the_machines_zone_unless_one_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = datetime(2026, 5, 1, 18).astimezone().astimezone(UTC)
    assert moment("2026-05-01 18:00", NOW) == expected


@pytest.mark.parametrize("text", ["", "soon", "2", "h", "2 h", "-2h", "0m", "99999999w", "2026-13-01", "9" * 30 + "d"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError):
        moment(text, NOW)
