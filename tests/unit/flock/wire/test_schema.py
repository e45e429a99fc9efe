# SPDX-License-Identifier: Apache-2.0
"""Resource declarations as JSON Schema: what a renderer makes is what the schema of answers allows."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from flock.wire import types
from flock.wire.render import render
from flock.wire.resource import Record, Resource, attr
from flock.wire.schema import LINKS, answered, nullable, sent
from flock.wire.times import without_zone


class Bolt(Record):
    """A bolt."""

    envelope = "bolts"
    kind = attr(("hex", "round"))
    length = attr(int)
    notes = attr([str])
    facts = attr(dict)
    anything = attr(object)
    secret = attr(str, secret=True)
    absent = attr(int, optional=True)


class Zoneless(Resource):
    time_format = staticmethod(without_zone)
    at = attr(datetime, nullable=False)


def no_nesting(resource: type[Resource]) -> dict[str, Any]:
    raise AssertionError(resource)


FULL = {"uuid": "5c5f3a4e-0000-4000-8000-000000000001", "created_at": datetime(2026, 2, 1, tzinfo=UTC),
        "updated_at": None, "kind": "hex", "length": 15, "notes": ["a"], "facts": {"a": 1}, "anything": [1],
        "secret": "x", "absent": 3}


@pytest.mark.parametrize("row", [FULL, {**FULL, "kind": None, "length": None},
                                  {"uuid": FULL["uuid"], "created_at": FULL["created_at"]}])
def test_what_is_rendered_fits(row: dict[str, Any]) -> None:
    schema = answered(Bolt, no_nesting)
    jsonschema.validate(render(Bolt, row, "http://h"), schema)
    assert "secret" not in schema["properties"] and "absent" not in schema["required"]
    fields = ("length", "uuid")
    jsonschema.validate(render(Bolt, row, "", fields), answered(Bolt, no_nesting, fields))
    assert list(answered(Bolt, no_nesting, fields)["properties"]) == list(fields)


@pytest.mark.parametrize("change", [{"kind": "square"}, {"length": "1.5"}, {"links": []}, {"surplus": 1}, {"uuid": 5}])
def test_what_is_not_rendered_does_not_fit(change: dict[str, Any]) -> None:
    body = {**render(Bolt, FULL, "http://h"), **change}
    valid = jsonschema.Draft202012Validator(answered(Bolt, no_nesting)).is_valid(body)
    assert valid is (change == {"links": []})


def test_times_without_zone_are_no_date_times() -> None:
    schema = answered(Zoneless, no_nesting)["properties"]["at"]
    assert "format" not in schema and schema["type"] == "string"
    for moment in (datetime(2026, 2, 1), datetime(2026, 2, 1, 1, 2, 3, 4)):
        jsonschema.validate(without_zone(moment), schema)
    assert answered(Bolt, no_nesting)["properties"]["created_at"]["format"] == "date-time"


@pytest.mark.parametrize(("schema", "expected"), [
    ({}, {}), ({"type": "string", "maxLength": 3}, {"type": ["string", "null"], "maxLength": 3}),
    ({"type": "string", "enum": ["a"]}, {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]}),
    ({"anyOf": [{"type": "integer"}]}, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    ({"$ref": "#/x"}, {"anyOf": [{"$ref": "#/x"}, {"type": "null"}]})])
def test_or_null(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert nullable(schema) == expected


def test_bodies_refuse_what_they_do_not_know() -> None:
    schema = sent(Bolt, no_nesting)
    assert schema["additionalProperties"] is False and "required" not in schema
    assert schema["properties"]["secret"]["writeOnly"] is True
    check = jsonschema.Draft202012Validator(schema)
    assert check.is_valid({"facts": '{"a": 1}', "length": "1000", "absent": None, "notes": "a,b"})
    assert not check.is_valid({"bogus": 1}) and not check.is_valid({"secret": "a\x07"})
    assert LINKS["items"]["required"] == ["href", "rel"]
    assert types.Moment().accepted() == {"type": "string"}
