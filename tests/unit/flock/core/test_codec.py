# SPDX-License-Identifier: Apache-2.0
"""Values survive the way over the bus and into documents; what does not fit is refused by name."""
from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Growing(enum.StrEnum):
    KNOWN = "known"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> Growing:
        return cls.OTHER


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass(frozen=True)
class Leaf:
    name: str
    weight: float = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Tree:
    colour: Colour
    level: Level
    leaves: tuple[Leaf, ...]
    child: Tree | None = None
    when: datetime.datetime | None = None
    labels: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    pair: tuple[str, int] = ("a", 1)
    free: dict[str, object] | None = None


leaves = st.builds(Leaf, st.text(), st.floats(allow_nan=False, allow_infinity=False))
trees = st.recursive(
    st.builds(Tree, st.sampled_from(Colour), st.sampled_from(Level), st.lists(leaves, max_size=3).map(tuple)),
    lambda children: st.builds(
        Tree, st.sampled_from(Colour), st.sampled_from(Level), st.just(()), children,
        st.none() | st.datetimes(timezones=st.just(datetime.UTC)),
        st.dictionaries(st.text(), st.lists(st.integers()), max_size=3),
        st.tuples(st.text(), st.integers()),
        st.none() | st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=3)),
    max_leaves=4)


@given(trees)
def test_any_value_survives(tree: Tree) -> None:
    codec = codec_for(Tree)
    assert codec.decode(codec.encode(tree, "tree"), "tree") == tree
    assert codec.from_document(json.loads(json.dumps(codec.to_document(tree)))) == tree


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=10)


@given(json_values)
def test_garbage_is_refused_and_nothing_else_is_raised(value: Any) -> None:
    for read in (lambda: codec_for(Tree).decode(json.dumps(value), "tree"),
                 lambda: codec_for(Tree).from_document(value, "tree")):
        try:
            read()
        except InvalidInput as exc:
            assert exc.params["field"].startswith("tree")
            assert exc.params["rule"]


@pytest.mark.parametrize(("hint", "value"), [
    (int, "1"), (int, True), (int, 1.5), (str, 1), (float, "1"), (bool, 1), (bool, "true"), (Colour, "green"),
    (Level, 3), (list[int], {"a": 1}), (list[int], [1, "2"]), (dict[str, int], [1]), (tuple[int, str], [1]),
    (datetime.datetime, "yesterday"), (datetime.datetime, 5), (None, 0), (Leaf, {"weight": 1.0}), (Leaf, ["x"]),
    (Literal["a"], "b"), (int | None, "x"), (Colour, ["red"]),
])
def test_wrong_values_are_refused(hint: Any, value: Any) -> None:
    with pytest.raises(InvalidInput):
        codec_for(hint).decode(json.dumps(value), "field")
    with pytest.raises(InvalidInput):
        codec_for(hint).from_document(value, "field")


@pytest.mark.parametrize(("change", "place", "rule"), [
    ({"leaves": [{"name": "a"}, {"name": 5}]}, r"leaves[1].name", "must be a string"),
    ({"leaves": [{"weight": 2}]}, "leaves[0].name", "is required"),
    ({"leaves": {}}, "leaves", "must be a list"),
    ({"colour": "green"}, "colour", "must be one of red, blue"),
    ({"colour": None}, "colour", "must be one of red, blue"),
    ({"level": 7}, "level", "must be one of 1, 2"),
    ({"child": 5}, "child", "must be a Tree object"),
    ({"child": {"colour": "red", "level": 1, "leaves": [{"name": 1}]}}, "child.leaves[0].name", "must be a string"),
    ({"when": "yesterday"}, "when", "must be an ISO 8601 time"),
    ({"when": 5}, "when", "must be an ISO 8601 time"),
    ({"labels": {"a": [1], "b.c": [1, "x"]}}, "labels.b.c[1]", "must be an integer"),
    ({"labels": []}, "labels", "must be an object"),
    ({"pair": ["a"]}, "pair", "must be a list of 2"),
    ({"pair": ["a", "b"]}, "pair[1]", "must be an integer"),
])
def test_the_refusal_names_the_place_and_the_rule(change: dict[str, Any], place: str, rule: str) -> None:
    wire = {"colour": "red", "level": 1, "leaves": [], **change}
    for read in (lambda field: codec_for(Tree).decode(json.dumps(wire), field),
                 lambda field: codec_for(Tree).from_document(wire, field)):
        with pytest.raises(InvalidInput) as refused:
            read("tree")
        assert refused.value.params == {"field": f"tree.{place}", "rule": rule}
        with pytest.raises(InvalidInput) as refused:
            read("")
        assert refused.value.params["field"] == place


def test_a_field_added_later_takes_its_default() -> None:
    assert codec_for(Leaf).decode(b'{"name":"a"}', "leaf") == Leaf("a", 1.0)


def test_a_field_of_a_later_release_is_ignored() -> None:
    assert codec_for(list[Leaf]).decode(b'[{"name":"a","height":{"of":[3]}}]', "leaves") == [Leaf("a")]
    assert codec_for(Leaf).from_document({"name": "a", "height": 3}) == Leaf("a")


def test_an_enum_that_may_grow_says_what_an_unknown_value_means() -> None:
    assert codec_for(list[Growing]).decode(b'["known","new"]', "x") == [Growing.KNOWN, Growing.OTHER]


def test_an_integer_is_a_number() -> None:
    value = codec_for(float).decode(b"3", "x")
    assert (type(value), value) == (float, 3.0)


def test_encoding_checks_too() -> None:
    with pytest.raises(InvalidInput, match=r"leaf\.name: must be a string"):
        codec_for(Leaf).encode(Leaf(5), "leaf")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"numbers\[1\]: must be an integer"):
        codec_for(list[int]).encode([1, "2"], "numbers")


def test_enum_members_pass_as_plain_strings() -> None:
    assert codec_for(str).encode(Colour.RED, "x") == b'"red"'


@pytest.mark.parametrize("hint", [bytes, int | str, set[int], dict[int, str], list[bytes], enum.Enum("E", "A"),
                                  int | str | None])
def test_types_that_cannot_travel_fail_at_once(hint: Any) -> None:
    with pytest.raises(TypeError):
        codec_for(hint)


def test_limits_of_depth() -> None:
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(InvalidInput, match="levels deep"):
        codec_for(Any).encode(deep, "deep")
    with pytest.raises(InvalidInput, match=r"free\.a.*levels deep"):
        codec_for(Tree).encode(Tree(Colour.RED, Level.LOW, (), free={"a": deep}), "")
    with pytest.raises(InvalidInput, match="levels deep"):
        codec_for(Any).decode(json.dumps(deep), "deep")
    with pytest.raises(InvalidInput, match="well-formed"):
        codec_for(Any).decode("[" * 100_000, "body")


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "{}{}", b'"\xff"', b'{"a":"\xc3"}', "\udc00"])
def test_malformed_text_is_refused(text: Any) -> None:
    with pytest.raises(InvalidInput, match="well-formed"):
        codec_for(Any).decode(text, "body")


@pytest.mark.parametrize(("hint", "value", "place"), [
    (float, math.nan, "x"), (float | None, math.inf, "x"), (Any, {"a": [math.nan]}, r"x\.a\[0\]"),
    (Leaf, Leaf("a", math.nan), r"x\.weight"), (Any, {"a": {1, 2}}, r"x\.a"), (Any, b"bytes", "x"),
    (Any, {1: 2}, "x"), (str, "lan-\udce9", "x"), (Leaf, Leaf("\udce9"), r"x\.name"),
    (dict[str, list[str]], {"a": ["b", "\udce9"]}, r"x\.a\[1\]"), (Any, object(), "x"),
])
def test_what_is_no_json_does_not_travel(hint: Any, value: Any, place: str) -> None:
    with pytest.raises(InvalidInput, match=f"Invalid input for {place}:"):
        codec_for(hint).encode(value, "x")
