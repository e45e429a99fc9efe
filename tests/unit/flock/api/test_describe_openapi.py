# SPDX-License-Identifier: Apache-2.0
"""Declarations beside controller methods, and the document that is made of them."""
from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.api import READER, Call, Dialect, Rule
from flock.api.build import route_table
from flock.api.describe import (
    Answer,
    AnyOf,
    Argument,
    Encoded,
    Keys,
    Patch,
    View,
    ViewPage,
    described,
    describes,
    description_of,
    paging,
    patch_of,
)
from flock.api.openapi import __main__ as command
from flock.api.openapi import document
from flock.api.openapi.content import Components
from flock.api.openapi.document import error_schema, operation_id
from flock.wire import types
from flock.wire.errors import BadField
from flock.wire.resource import SYSTEM, Resource, attr, parse_body
from flock.wire.times import without_zone


class Wheel(Resource):
    """A wheel."""

    size = attr(int, min=1, max=30, mandatory=True)


class Car(Resource):
    """A car, as it is read and written."""

    envelope = "cars"
    links = True
    time_format = staticmethod(without_zone)
    uuid = attr(types.Uuid(), writer=SYSTEM, nullable=False)
    name = attr(str, mandatory=True, max_length=10, document="What it is called.")
    built = attr(datetime, writer=SYSTEM)
    key = attr(str, secret=True)
    plate = attr(str, optional=True)
    origin = attr(str, readonly=True)
    wheel = attr(Wheel)


class Cars:
    @describes(query=(*paging(("name", "built")), Argument("colour", types.Text(), "Only these.", repeated=True)),
               answers={200: ViewPage((View(Car),))})
    def get(self, call: Call) -> Any:
        """All cars.

        In the order in which they were built.
        """

    @describes(body=Car, answers={200: Encoded({"type": "object"}), 202: Answer("Later.")}, errors=(409,))
    def post(self, call: Call) -> Any:
        """Build one."""


class OneCar:
    def __init__(self) -> None:
        self.descriptions = {"get": described(answers={200: Car}), "patch": described(body=patch_of(Car, ("name",)))}

    def get(self, call: Call) -> Any:
        """A car."""

    def patch(self, call: Call) -> Any:
        """Change it."""

    def delete(self, call: Call) -> Any:
        """Nobody described this."""


class Slice:
    ROUTES = {"/v1/cars": Cars, "/v1/cars/{uuid}": OneCar}
    POLICY = (Rule("c:get", READER, "GET", "/v1/cars"), Rule("c:add", "@", "POST", "/v1/cars"),
              *(Rule("c:one", READER, method, "/v1/cars/{uuid}") for method in ("GET", "PATCH", "DELETE")))


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    dialect = Dialect(default_version="v1", strict_content_type=True, web_errors="title")
    found: dict[str, Any] = json.loads(json.dumps(document(route_table("cars", dialect, [Slice]), dialect, "cars")))
    return found


def test_operations_have_words_arguments_and_answers(made: dict[str, Any]) -> None:
    listing = made["paths"]["/v1/cars"]["get"]
    assert (listing["summary"], listing["description"]) == ("All cars.", "In the order in which they were built.")
    assert listing["operationId"] == "get_v1_cars" and listing["tags"] == ["cars"]
    arguments = {argument["name"]: argument for argument in listing["parameters"]}
    assert list(arguments) == ["limit", "marker", "sort_key", "sort_dir", "colour"]
    assert arguments["colour"]["schema"]["type"] == "array" and arguments["colour"]["explode"] is True
    assert listing["responses"].keys() == {"200", "400", "401", "403", "500", "503"}
    adding = made["paths"]["/v1/cars"]["post"]
    assert adding["security"] == [] and adding["requestBody"]["required"] is True
    assert adding["responses"].keys() == {"200", "202", "400", "408", "409", "413", "415", "500", "503"}
    assert "content" not in adding["responses"]["202"]
    undescribed = made["paths"]["/v1/cars/{uuid}"]["delete"]
    assert undescribed["responses"].keys() == {"400", "401", "403", "404", "500", "503"}


def test_a_page_links_to_what_can_be_done_with_its_elements(made: dict[str, Any]) -> None:
    links = made["paths"]["/v1/cars"]["get"]["responses"]["200"]["links"]
    assert links["get_v1_cars_uuid"]["parameters"] == {"uuid": "$response.body#/cars/0/uuid"}
    assert links.keys() == {"get_v1_cars_uuid", "patch_v1_cars_uuid", "delete_v1_cars_uuid"}


def test_resources_are_read_and_sent_in_different_forms(made: dict[str, Any]) -> None:
    read, sent = made["components"]["schemas"]["Car"], made["components"]["schemas"]["CarSent"]
    assert read["required"] == ["uuid", "name", "built", "origin", "wheel", "links"]
    assert "key" not in read["properties"] and sent["properties"]["key"]["writeOnly"] is True
    assert read["properties"]["uuid"] == {"type": "string", "format": "uuid", "readOnly": True}
    assert read["properties"]["built"]["type"] == ["string", "null"]
    assert re.search(read["properties"]["built"]["pattern"], without_zone(datetime(2026, 2, 1, 10, 20, 30, 5)))
    assert read["properties"]["name"]["description"] == "What it is called."
    assert sent["required"] == ["name"] and "origin" not in sent["properties"]
    assert sent["additionalProperties"] is False
    assert sent["properties"]["wheel"]["anyOf"][0] == {"$ref": "#/components/schemas/WheelSent"}


def test_two_views_need_two_names() -> None:
    components = Components()
    components.answered(View(Car, ("uuid",), "Short"))
    components.answered(View(Car, ("uuid",), "Short"))
    components.answered(View(Car, ("uuid", "name"), "Short"))
    with pytest.raises(ValueError, match="ShortView"):
        components.answered(View(Car, ("name",), "Short"))
    with pytest.raises(TypeError, match="no schema"):
        components.answered(5)
    assert components.answered(AnyOf(({"type": "string"}, Encoded({})))) == {"anyOf": [{"type": "string"}, {
        "type": "string", "contentMediaType": "application/json", "contentSchema": {}}]}


@pytest.mark.parametrize(("body", "good"), [
    ([{"op": "replace", "path": "/name", "value": "x"}], True), ([{"op": "remove", "path": "/name"}], True),
    ([{"op": "remove", "path": "/name", "value": 5}], True), ([], False), ({}, False),
    ([{"op": "replace", "path": "/name"}], False), ([{"op": "add", "path": "/name", "value": "x"}], False),
    ([{"op": "replace", "path": "/uuid", "value": "x"}], False),
    ([{"op": "replace", "path": "/name", "value": 5}], False)])
def test_patches(body: Any, good: bool) -> None:
    schema = Components().sent(Patch({"name": types.Text()}, operations=("replace", "remove")))
    assert jsonschema.Draft202012Validator(schema).is_valid(body) is good


@pytest.mark.parametrize("keys", ["fault_keys", "title"])
def test_error_bodies(keys: str) -> None:
    dialect = Dialect(web_errors="title" if keys == "title" else "fault")
    schema = error_schema(404, dialect)
    for body in (dialect.fault(404, "gone"), dialect.web_fault(404, "Not Found", "There is none.")):
        outer = json.loads(body)
        jsonschema.validate(outer, schema)
        jsonschema.validate(json.loads(outer["error_message"]), schema["properties"]["error_message"]["contentSchema"])


def test_descriptions_are_found_at_the_method_or_its_controller() -> None:
    assert description_of(OneCar().delete) is None
    found = description_of(OneCar().get)
    assert found is not None and found.answers[200].content == {"application/json": Car}
    assert description_of(Cars().get).query_names == {"limit", "marker", "sort_key", "sort_dir", "colour"}  # type: ignore[union-attr]
    assert operation_id("GET", "/v1/a/{b}/c.json") == "get_v1_a_b_c_json"


def test_sort_keys() -> None:
    keys = Keys(("b", "a"))
    pattern = keys.accepted()["pattern"]
    for text, good in (("a", True), ("a,b", True), ("a,", False), ("c", False), ("", False)):
        assert (re.search(pattern, text) is not None) is good
        if good:
            assert keys.validate(text) == text
        else:
            with pytest.raises(ValueError, match="one of: a, b"):
                keys.validate(text)
    assert Keys(()).accepted() == {"type": "string"}


def test_the_command_writes_what_the_api_serves(capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["mtce"])
    assert json.loads(capsys.readouterr().out)["info"]["title"] == "Host maintenance API"


DATATYPES = [types.Text(12), types.Text(9, 2, r"[a-z]+"), types.Integer(), types.Integer(1, 30), types.Integer(0),
             types.Boolean(), types.Choice(("a", "b")), types.Choice(("Up", "Down"), ignore_case=True), types.Uuid(),
             types.Items(types.Choice(("a", "b")))]
VALUES = st.one_of(
    st.text(max_size=14), st.from_regex(r"[+-]?[0-9]{1,4}", fullmatch=True), st.booleans(), st.integers(-50, 50),
    st.sampled_from(["a", "b", "up", "DOWN", "true", "No", " yes ", "-0", "-5", "a,b", "08-00-27-A9-BE-0F", "worker-1",
                     "8C5C0A1B-0F6C-4A2E-8F0E-0D8C5C0A1B77", "a\n", "1\n", "x\x7f"]),
    st.lists(st.sampled_from(["a", "b", "c", 1]), max_size=3), st.none(),
    st.dictionaries(st.text(max_size=2), st.none()))


@pytest.mark.parametrize("datatype", DATATYPES, ids=lambda datatype: f"{datatype.name}-{datatype.accepted()}"[:40])
@given(value=VALUES)
def test_what_a_type_takes_its_schema_allows(datatype: types.WireType, value: Any) -> None:
    """The other way round too, but for bounds that JSON Schema cannot give to numbers in texts."""
    allowed = jsonschema.Draft202012Validator(datatype.accepted()).is_valid(value)
    try:
        datatype.validate(value)
    except (ValueError, AttributeError):
        numeric_text = isinstance(datatype, types.Integer) and isinstance(value, str)
        listed_text = isinstance(datatype, types.Items) and isinstance(value, str)
        trailing = isinstance(value, str) and value.endswith("\n")  # Python's $ is laxer than JSON Schema's
        assert not allowed or numeric_text or listed_text or trailing
    else:
        assert allowed


@given(size=st.one_of(st.integers(-2, 40), st.text(max_size=3), st.none(), st.booleans()))
def test_bodies_and_their_schemas_agree(size: Any) -> None:
    components = Components()
    components.sent(Wheel)
    allowed = jsonschema.Draft202012Validator(components.schemas["Wheel"]).is_valid({"size": size})
    try:
        parse_body(Wheel, {"size": size})
    except BadField:
        assert not allowed or isinstance(size, str)
    else:
        assert allowed
