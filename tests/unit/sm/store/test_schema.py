# SPDX-License-Identifier: Apache-2.0
"""Conversion of fields to SQL values and back."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sm.contract.states import Impact, Status
from sm.store.schema import ALL_TYPES, Column, columns, from_sql, to_sql

TEXT = st.text(st.characters(codec="utf-8"))
BOOL, NUMBER, IMPACT = Column("a", bool, False, True), Column("a", int, False, 0), Column("a", Impact, False, "none")
STATUS, WORDS, PARAMETERS = Column("a", Status, True, None), Column("a", str, False, ""), Column("a", dict, False, {})


@given(st.sampled_from(((BOOL, st.booleans()), (NUMBER, st.integers(-2**40, 2**40)), (WORDS, TEXT),
                        (IMPACT, st.sampled_from(Impact)), (STATUS, st.sampled_from([None, *Status])),
                        (PARAMETERS, st.dictionaries(TEXT, TEXT)))), st.data())
def test_a_field_comes_back(case: tuple[Column, st.SearchStrategy[object]], data: st.DataObject) -> None:
    value = data.draw(case[1])
    assert from_sql(case[0], to_sql(value)) == value


@pytest.mark.parametrize(("column", "stored"), [
    (BOOL, "maybe"), (BOOL, 1), (NUMBER, "many"), (NUMBER, None), (IMPACT, "huge"), (STATUS, "huge"), (WORDS, 3),
    (PARAMETERS, "{"), (PARAMETERS, "[]"), (PARAMETERS, '{"a": 1}'), (PARAMETERS, 3), (PARAMETERS, "[" * 100_000)])
def test_a_value_that_is_none(column: Column, stored: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the store tells which field it is
        from_sql(column, stored)


def test_every_column_has_a_default_that_can_be_stored() -> None:
    for table in ALL_TYPES:
        for column in columns(table):
            value = to_sql(column.default)
            assert isinstance(value, (str, int)) or (value is None and column.optional), (table, column.name)
