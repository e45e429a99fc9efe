# SPDX-License-Identifier: Apache-2.0
"""Where names fall in a table, against a plain list of all names in order."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fm.snmp.lookup import ROW_MAX, Grid
from fm.snmp.objects import Oid

ENTRY: Oid = (1, 3, 9, 1)
COLUMNS = (2, 3, 7)
ROWS = (1, 4, 5, 9, ROW_MAX)
TABLE = Grid(ENTRY, COLUMNS)
NAMES = [TABLE.name(column, row) for column in COLUMNS for row in ROWS]
NUMBERS = st.sampled_from((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ROW_MAX - 1, ROW_MAX, ROW_MAX + 1, 2**32 - 1))
STARTS: st.SearchStrategy[Oid] = st.one_of(
    st.lists(NUMBERS, max_size=7).map(tuple), st.lists(NUMBERS, max_size=4).map(lambda rest: (*ENTRY, *rest)))


def first_after(start: Oid, include: bool) -> Oid | None:
    """What the table says: per column the first row that is not below the candidate."""
    for cell in TABLE.candidates(start, include):
        row = next((row for row in ROWS if row >= cell.row), None)
        if row is not None:
            return TABLE.name(cell.column, row)
    return None


@given(STARTS, st.booleans())
def test_the_next_name_is_the_next_one_in_order(start: Oid, include: bool) -> None:
    behind = [name for name in NAMES if name > start or (include and name == start)]
    assert first_after(start, include) == (behind[0] if behind else None)


@given(STARTS)
def test_only_a_full_name_names_a_cell(name: Oid) -> None:
    cell = TABLE.cell(name)
    expected = len(name) == 6 and name[:4] == ENTRY and name[4] in COLUMNS and 1 <= name[5] <= ROW_MAX
    assert (cell is not None) == expected
    if cell is not None:
        assert TABLE.name(cell.column, cell.row) == name and TABLE.has_object(name)
