# SPDX-License-Identifier: Apache-2.0
"""Odd text and numbers fit where they are stored."""
from __future__ import annotations

from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from flock.core.text import storable, storable_tree
from flock.db.fitting import fitted

T = sa.Table("t", sa.MetaData(), sa.Column("name", sa.String(8)), sa.Column("note", sa.Text),
             sa.Column("n", sa.Integer), sa.Column("big", sa.BigInteger),
             sa.Column("more", sa.JSON), sa.Column("flag", sa.Boolean))


@pytest.mark.parametrize(("text", "stored"), [
    ("eth0", "eth0"), ("lan-\udce9", r"lan-\xe9"), ("a\0b", r"a\x00b"), ("\x1b[31m", r"\x1b[31m"), ("\x9b", r"\x9b"),
    ("\ud800", r"\ud800"), ("größe 5 µm", "größe 5 µm"), ("a\u200bb", "a\u200bb")])
def test_text_is_escaped_where_it_must_be(text: str, stored: str) -> None:
    assert storable(text) == stored


@given(st.text(st.characters()), st.integers(0, 300))
def test_any_text_can_be_stored(text: str, chars_max: int) -> None:
    stored = storable(text, chars_max)
    stored.encode()
    assert len(stored) <= chars_max and "\0" not in stored
    assert storable(stored, chars_max) == stored


@dataclass(frozen=True)
class Item:
    name: str
    parts: tuple[str, ...] = ()


def test_texts_are_found_wherever_they_are() -> None:
    assert storable_tree(([Item("a\0", ("\udce9",))], {"k\n": ["\x07"]}, 5, None)) == (
        [Item(r"a\x00", (r"\xe9",))], {r"k\x0a": [r"\x07"]}, 5, None)


@given(st.fixed_dictionaries({
    "name": st.text(st.characters()), "note": st.text(st.characters()), "n": st.integers(), "big": st.integers(),
    "more": st.dictionaries(st.text(st.characters()), st.text(st.characters())), "flag": st.booleans()}))
def test_any_values_fit_their_columns(values: dict[str, object]) -> None:
    row = fitted(T, values)
    assert len(row["name"]) <= 8 and -2**31 <= row["n"] < 2**31 and -2**63 <= row["big"] < 2**63
    assert row["flag"] is values["flag"] and fitted(T, row) == row
    repr(row).encode()
    assert fitted(T, {"name": None, "n": 5, "elsewhere": "x" * 20}) == {"name": None, "n": 5, "elsewhere": "x" * 20}
