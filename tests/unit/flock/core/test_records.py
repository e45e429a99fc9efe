# SPDX-License-Identifier: Apache-2.0
"""Both kinds of records are copied, described, encoded and escaped alike."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.core.records import is_record, members, names, replace
from flock.core.shape import Named, shape
from flock.core.text import storable_tree


@dataclass(frozen=True)
class Plain:
    """A record."""

    name: str
    size: int = 0
    free: Any = field(default_factory=list)


class Quick(msgspec.Struct, frozen=True):
    """The same as a struct."""

    name: str
    size: int = 0
    free: Any = msgspec.field(default_factory=list)


BOTH = pytest.mark.parametrize("kind", [Plain, Quick])


@BOTH
def test_a_copy_differs_in_the_named_fields_only(kind):
    one = kind("a", 1, [2])
    assert replace(one, size=5) == kind("a", 5, [2])
    assert one == kind("a", 1, [2])
    with pytest.raises(TypeError):
        replace(one, weight=5)


@BOTH
def test_a_record_is_described(kind):
    assert is_record(kind)
    assert not is_record(kind("a"))
    assert names(kind) == names(kind("a")) == ("name", "size", "free")
    assert members(kind) == {"name": (str, False), "size": (int, True), "free": (Any, True)}
    named: Named = {}
    assert shape(kind, named) == kind.__name__
    assert named[kind.__name__]["fields"]["size"] == {"type": "integer", "default": True}


@BOTH
def test_a_record_is_encoded_and_checked(kind):
    codec = codec_for(kind)
    assert codec.decode(codec.encode(kind("a", 1, [2]), "row"), "row") == kind("a", 1, [2])
    assert codec.decode(b'{"name": "a", "later": 1}', "row") == kind("a")
    with pytest.raises(InvalidInput, match=r"row.size: must be an integer"):
        codec.decode(b'{"name": "a", "size": "x"}', "row")
    with pytest.raises(InvalidInput, match=r"row.name: is required"):
        codec.decode(b"{}", "row")
    with pytest.raises(InvalidInput, match=r"row.free\[0\]: must be JSON, not set"):
        codec.encode(kind("a", 1, [set()]), "row")
    with pytest.raises(InvalidInput, match=r"row.name: must be JSON"):
        codec.encode(kind("\ud800"), "row")


@BOTH
def test_strings_of_a_record_are_escaped(kind):
    assert storable_tree(kind("\x00", 1, ["\x01"])) == kind("\\x00", 1, ["\\x01"])
