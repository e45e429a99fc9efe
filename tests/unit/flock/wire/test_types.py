# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.wire import times, types


class Function(enum.StrEnum):
    PLATFORM = "Platform"
    APPLICATION = "Application"


@pytest.mark.parametrize(("datatype", "sent", "got"), [
    (types.Integer(), "42", 42), (types.Integer(), " 7 ", 7), (types.Integer(), 3.0, 3), (types.Integer(0, 9), 9, 9),
    (types.Integer(), "-5", -5),
    (types.Boolean(), "True", True), (types.Boolean(), "false", False), (types.Boolean(), 1, True),
    (types.Boolean(), "no", False), (types.Boolean(), False, False),
    (types.Choice(Function), "Platform", Function.PLATFORM),
    (types.Choice(Function), Function.APPLICATION, Function.APPLICATION),
    (types.Choice(Function, ignore_case=True), "pLATFORM", Function.PLATFORM),
    (types.Choice(("a", "b")), "b", "b"),
    (types.Document(), '{"a": 1}', {"a": 1}), (types.Document(), {"b": []}, {"b": []}),
    (types.Items(types.Integer()), "1, 2,3", [1, 2, 3]), (types.Items(types.Text()), ["x"], ["x"]),
    (types.Uuid(), "8C5C0A1B-0F6C-4A2E-8F0E-0D8C5C0A1B77", "8c5c0a1b-0f6c-4a2e-8f0e-0d8c5c0a1b77"),
    (types.IpAddress(), "FD00::0001", "fd00::1"), (types.IpAddress(), "10.0.0.1", "10.0.0.1"),
    (types.Moment(), "2026-03-01T10:20:30", datetime(2026, 3, 1, 10, 20, 30, tzinfo=UTC)),
    (types.Moment(), "20160131 10:23:45", datetime(2016, 1, 31, 10, 23, 45, tzinfo=UTC)),
    (types.Moment(), "2026-02-01T02:00:00+02:00", datetime(2026, 2, 1, tzinfo=UTC)),
    (types.Text(), "line\nline\t", "line\nline\t"), (types.Anything(), [1, {}], [1, {}]),
])
def test_what_clients_send_is_converted(datatype: types.WireType, sent: Any, got: Any) -> None:
    value = datatype.validate(sent)
    assert value == got
    assert type(value) is type(got)


@pytest.mark.parametrize(("datatype", "sent", "rule"), [
    (types.Integer(), "x", "must be an integer"), (types.Integer(), True, "must be an integer"),
    (types.Integer(), 1.5, "must be an integer"), (types.Integer(), "9" * 400, "must be an integer"),
    (types.Integer(), 2**31, "lower or equal to 2147483647"), (types.Integer(1), 0, "greater or equal to 1"),
    (types.Integer(), [], "must be an integer"), (types.Integer(), "\u0663", "must be an integer"),
    (types.Boolean(), "maybe", "true or false"), (types.Boolean(), 2, "true or false"),
    (types.Boolean(), [], "true or false"),
    (types.Choice(Function), "platform", "one of: Platform, Application"),
    (types.Choice(Function), ["Platform"], "one of"), (types.Choice(("a",)), True, "one of: a"),
    (types.Document(), "[1]", "JSON object"), (types.Document(), "{", "JSON object"),
    (types.Document(), 5, "JSON object"),
    (types.Document(), "[" * 100000, "bytes of JSON"), (types.Document(max_bytes=10), {"a": "x" * 20}, "at most 10"),
    (types.Document(max_bytes=10**7), "[" * 100000, "JSON object"),
    (types.Items(types.Integer()), 5, "must be a list"), (types.Items(types.Integer()), ["x"], "must be an integer"),
    (types.Items(types.Text(), max_items=2), ["a", "b", "c"], "at most 2 items"),
    (types.Uuid(), "x", "must be a uuid"), (types.Uuid(), 5, "must be a string"),
    (types.IpAddress(), "1.2.3", "IP address"),
    (types.Moment(), "yesterday", "ISO 8601"),
    (types.Moment(), 5, "ISO 8601"),
    (types.Moment(), "0001-01-01T00:00:00+10:00", "ISO 8601"),
    (types.Text(), 5, "must be a string"), (types.Text(max_length=3), "four", "at most 3"),
    (types.Text(min_length=1), "", "at least 1"), (types.Text(), "a\x00b", "control"),
    (types.Text(), "\x1b[1m", "control"),
    (types.Text(pattern="[a-z]+"), "a1", "must match"),
    (types.Text(pattern="[a-z]+", rule="letters only"), "1", "letters"),
    (types.Text(pattern="[a-z]+"), "a\n", "must match"),
])
def test_what_breaks_a_rule_is_told_by_the_rule(datatype: types.WireType, sent: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        datatype.validate(sent)


ANY_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
ALL_TYPES = [types.Text(), types.Integer(), types.Boolean(), types.Choice(("a", "1")),
             types.Document(), types.Items(types.Integer()), types.Moment(), types.Uuid(),
             types.IpAddress()]


@given(st.sampled_from(ALL_TYPES), ANY_JSON.filter(lambda value: value is not None))
def test_any_json_is_either_converted_for_good_or_refused(datatype: types.WireType, value: Any) -> None:
    try:
        converted = datatype.validate(value)
    except ValueError as error:
        assert str(error)
        return
    assert datatype.validate(converted) == converted


def test_time_forms() -> None:
    moment = datetime(2026, 3, 1, 10, 20, 30, 456)
    assert times.with_offset(moment) == "2026-03-01T10:20:30.000456+00:00"
    assert times.without_zone(moment.replace(tzinfo=UTC)) == "2026-03-01T10:20:30.000456"
    assert times.without_zone(moment.replace(microsecond=0)) == "2026-03-01T10:20:30"
