# SPDX-License-Identifier: Apache-2.0
"""Values survive the way over the bus; what does not fit is refused by name."""
from __future__ import annotations

import dataclasses
import datetime
import enum
import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.errors import InvalidInput
from flock.rpc.codec import codec_for, dump, load


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


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
    text = dump(codec.encode(tree, "tree"), 1 << 20, "tree")
    assert codec.decode(load(text, 1 << 20, "tree"), "tree") == tree


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=10)


@given(json_values)
def test_garbage_is_refused_and_nothing_else_is_raised(value: Any) -> None:
    try:
        codec_for(Tree).decode(value, "tree")
    except InvalidInput as exc:
        assert exc.params["field"].startswith("tree")
        assert exc.params["rule"]


@pytest.mark.parametrize(("hint", "value"), [
    (int, "1"), (int, True), (int, 1.5), (str, 1), (float, "1"), (bool, 1), (bool, "true"), (Colour, "green"),
    (Level, 3), (list[int], {"a": 1}), (list[int], [1, "2"]), (dict[str, int], [1]), (tuple[int, str], [1]),
    (datetime.datetime, "yesterday"), (datetime.datetime, 5), (None, 0), (Leaf, {"name": "x", "height": 3}),
    (Leaf, {"weight": 1.0}), (Leaf, ["x"]), (Literal["a"], "b"), (int | None, "x"), (Colour, ["red"]),
])
def test_wrong_values_are_refused(hint: Any, value: Any) -> None:
    with pytest.raises(InvalidInput):
        codec_for(hint).decode(value, "field")


def test_the_refusal_names_the_place() -> None:
    wire = {"colour": "red", "level": 1, "leaves": [{"name": "a"}, {"name": 5}]}
    with pytest.raises(InvalidInput, match=r"Invalid input for tree\.leaves\[1\]\.name: must be a string"):
        codec_for(Tree).decode(wire, "tree")


def test_a_field_added_later_takes_its_default() -> None:
    assert codec_for(Leaf).decode({"name": "a"}, "leaf") == Leaf("a", 1.0)


def test_an_integer_is_a_number() -> None:
    value = codec_for(float).decode(3, "x")
    assert (type(value), value) == (float, 3.0)


def test_encoding_checks_too() -> None:
    with pytest.raises(InvalidInput, match="must be a Leaf"):
        codec_for(Leaf).encode({"name": "a"}, "leaf")
    with pytest.raises(InvalidInput, match="must be an integer"):
        codec_for(list[int]).encode([1, "2"], "numbers")


def test_enum_members_pass_as_plain_strings() -> None:
    assert type(codec_for(str).encode(Colour.RED, "x")) is str


@pytest.mark.parametrize("hint", [bytes, int | str, set[int], dict[int, str], list[bytes], enum.Enum("E", "A"),
                                  int | str | None])
def test_types_that_cannot_travel_fail_at_once(hint: Any) -> None:
    with pytest.raises(TypeError):
        codec_for(hint)


def test_limits_of_size_and_depth() -> None:
    with pytest.raises(InvalidInput, match="at most 10 bytes, got 14"):
        dump("x" * 12, 10, "body")
    with pytest.raises(InvalidInput, match="at most 10 bytes"):
        load(json.dumps("x" * 12), 10, "body")
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(InvalidInput, match="levels deep"):
        codec_for(Any).encode(deep, "deep")
    with pytest.raises(InvalidInput, match="well-formed"):
        load("[" * 100_000, 1 << 20, "body")


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", b"{}", None])
def test_malformed_text_is_refused(text: Any) -> None:
    with pytest.raises(InvalidInput):
        load(text, 1000, "body")


def test_not_a_number_does_not_travel() -> None:
    with pytest.raises(InvalidInput):
        dump(float("nan"), 100, "x")
