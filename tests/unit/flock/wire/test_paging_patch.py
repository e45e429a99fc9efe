# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.wire.errors import BadPage, BadPatch
from flock.wire.paging import Page, envelope, next_link, parse_page
from flock.wire.patch import PatchOp, last_values, parse_patch

UUID = "0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77"


@pytest.mark.parametrize(("arguments", "expected"), [
    ({}, Page(2000, None, "id", "asc")),
    ({"limit": "0"}, Page(2000, None, "id", "asc")),
    ({"limit": "5000"}, Page(2000, None, "id", "asc")),
    ({"limit": "3", "marker": UUID, "sort_key": "hostname", "sort_dir": "desc"},
     Page(3, UUID, "hostname", "desc")),
    ({"limit": "", "sort_key": "", "sort_dir": ""}, Page(2000, None, "id", "asc")),
])
def test_page_arguments(arguments: dict[str, str], expected: Page) -> None:
    assert parse_page(arguments, limit_max=2000) == expected
    assert expected.descending == (arguments.get("sort_dir") == "desc")


@pytest.mark.parametrize(("arguments", "text"), [
    ({"limit": "-1"}, "Limit must be positive"),
    ({"limit": "many"}, "limit. Value: 'many'. Value must be an integer."),
    ({"sort_dir": "up"}, "Invalid sort direction: up. Acceptable values are 'asc' or 'desc'"),
    ({"marker": "7"}, "Expected a uuid but received 7."),
    ({"sort_key": "password"}, "Invalid sort key: password"),
    ({"sort_key": "hostname,password"}, "Invalid sort key"),
])
def test_bad_page_arguments(arguments: dict[str, str], text: str) -> None:
    with pytest.raises(BadPage) as caught:
        parse_page(arguments, limit_max=2000, sort_keys={"hostname"})
    assert text in str(caught.value)


def test_a_list_without_limit_is_whole_where_the_route_says_so() -> None:
    assert parse_page({"limit": "0"}, limit_max=2000, unlimited=True).fetch is None
    assert parse_page({"limit": "2001"}, limit_max=2000, unlimited=True).fetch == 2001
    page = parse_page({}, limit_max=9, sort_keys={"hostname"}, sort_key="id,hostname", sort_dir="desc", unlimited=True)
    assert page.sort == (("id", True), ("hostname", True))


def test_next_exactly_when_a_further_element_follows() -> None:
    page = Page(2, None, "id", "asc")
    items = [{"uuid": "u1"}, {"uuid": "u2"}, {"uuid": "u3"}]
    assert page.fetch == 3
    for few in (items[:2], items[:1], []):
        assert envelope("icpus", few, page=page) == {"icpus": few}
    assert envelope("icpus", items, page=Page(None, None, "id", "asc")) == {"icpus": items}
    full = envelope("icpus", items, page=page, base_url="http://h:6385", filters=[("q.value", "a b&c")])
    assert full == {"icpus": items[:2], "next": "http://h:6385/v1/icpus?q.value=a+b%26c&sort_key=id&sort_dir=asc"
                                                "&limit=2&marker=u2"}
    assert next_link("http://h", "ihosts/1/icpus", page, "u2").startswith("http://h/v1/ihosts/1/icpus?")


def test_patch_operations_are_split() -> None:
    body = [{"op": "replace", "path": "/location", "value": "x"}, {"op": "remove", "path": "/note", "value": "ignored"},
            {"op": "add", "path": "/capabilities/region", "value": 0}]
    assert parse_patch(body) == [
        PatchOp("replace", ("location",), "x"), PatchOp("remove", ("note",), None),
        PatchOp("add", ("capabilities", "region"), 0)]
    assert last_values(parse_patch(body)) == {"location": "x", "note": None}
    assert parse_patch(body)[2].name == "capabilities"


@pytest.mark.parametrize(("element", "text"), [
    ({"op": "replace", "path": "/uuid", "value": 1}, "'/uuid' is an internal attribute and can not be updated"),
    ({"op": "replace", "path": "/links/0", "value": 1}, "internal attribute"),
    ({"op": "remove", "path": "/name"}, "'/name' is a mandatory attribute and can not be removed"),
    ({"op": "add", "path": "/new", "value": 1},
     "Adding a new attribute (/new) to the root of  the resource is not allowed"),
    ({"op": "replace", "path": "/name"}, "Edit and Add operation of the field requires non-empty value."),
    ({"op": "replace", "path": "/name", "value": ""}, "non-empty value"),
    ({"op": "move", "path": "/name", "value": 1}, "one of: add, replace, remove"),
    ({"op": ["replace"], "path": "/name", "value": 1}, "field/attribute op"),
    ({"op": "replace", "path": "name", "value": 1}, "Value should match"),
    ({"op": "replace", "path": "/na me", "value": 1}, "Value should match"),
    ({"op": "replace", "path": "/name\n", "value": 1}, "Value should match"),
    ({"op": "replace", "path": "/", "value": 1}, "Value should match"),
    ({"op": "replace", "path": 5, "value": 1}, "Value should match"),
    ({"path": "/name", "value": 1}, "field/attribute op"),
    ("text", "must be an object"), (None, "must be an object"),
    ({"op": "replace", "path": "/other", "value": 1}, "'/other' is not an attribute that can be updated"),
])
def test_bad_operations(element: Any, text: str) -> None:
    with pytest.raises(BadPatch) as caught:
        parse_patch([element], allowed={"name", "links", "new"}, mandatory={"name"})
    assert text in str(caught.value)


@pytest.mark.parametrize("body", [None, {}, [], "x", 5])
def test_the_body_must_be_a_list(body: Any) -> None:
    with pytest.raises(BadPatch, match="non-empty list"):
        parse_patch(body)


def test_too_many_operations() -> None:
    with pytest.raises(BadPatch, match="at most 500"):
        parse_patch([{"op": "replace", "path": "/a", "value": 1}] * 501)


def test_relaxations_a_resource_may_ask_for() -> None:
    assert parse_patch([{"op": "add", "path": "/a", "value": 1}], allow_add=True)[0].value == 1
    assert parse_patch([{"op": "replace", "path": "/a", "value": ""}], allow_empty=True)[0].value == ""
    assert parse_patch([{"op": "replace", "path": "/a"}], allow_empty=True)[0].value is None
    for element in ({"op": "replace", "path": "/a"}, {"op": "replace", "path": "/a", "value": None}):
        with pytest.raises(BadPatch, match="'/a' is a mandatory attribute and can not be removed"):
            parse_patch([element], allow_empty=True, mandatory={"a"})


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                        st.sampled_from(["op", "path", "value", "x"]), inner, max_size=4))


@given(JSON)
def test_no_body_breaks_the_parser(body: Any) -> None:
    try:
        operations = parse_patch(body)
    except BadPatch as error:
        assert str(error)
        return
    assert all(operation.path and all(operation.path) for operation in operations)
