# SPDX-License-Identifier: Apache-2.0
"""Columns, cells and order."""
from datetime import timedelta, timezone

import pytest

from flock.cli.columns import Column, cell_text, columns, pick, sorted_rows, wire_value
from flock.cli.errors import UsageError

EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(("value", "cell"), [
    (None, "None"),
    (True, "True"),
    ("", ""),
    ({"b": 1, "a": [2]}, '{"a": [2], "b": 1}'),
    ("2026-05-01T10:00:00.123456+00:00", "2026-05-01T12:00:00.123456+02:00"),
    ("2026-05-01T10:00:00.123456", "2026-05-01T12:00:00.123456"),
    ("2026-05-01 23:30:00", "2026-05-02 01:30:00"),
    ("set at 2026-05-01T10:00:00Z by x", "set at 2026-05-01T12:00:00+02:00 by x"),
    ("2026-13-45T10:00:00", "2026-13-45T10:00:00"),
])
def test_cell_text(value: object, cell: str) -> None:
    assert cell_text(value, EAST) == cell


@pytest.mark.parametrize(("value", "wire"), [
    ("2026-05-01T10:00:00.123456+00:00", "2026-05-01T10:00:00.123456Z"),
    ("2026-05-01T10:00:00", "2026-05-01T10:00:00Z"),
    ("2026-05-01T12:00:00+02:00", "2026-05-01T10:00:00Z"),
    ("at 2026-05-01T10:00:00", "at 2026-05-01T10:00:00"),
    ({"x": ["2026-05-01T10:00:00"]}, {"x": ["2026-05-01T10:00:00Z"]}),
    (None, None),
])
def test_wire_value(value: object, wire: object) -> None:
    assert wire_value(value) == wire


def test_columns_with_and_without_label() -> None:
    assert columns("uuid", "cpu=log_core") == (Column("uuid"), Column("cpu", "log_core"))
    assert [column.title for column in columns("uuid", "cpu=log_core")] == ["uuid", "log_core"]


def test_pick_by_label_by_field_and_beyond_the_table() -> None:
    known = columns("cpu=log_core", "pciaddr=pci address")
    rows = [{"cpu": 1, "pciaddr": "x", "numa_node": 0}]
    assert [column.field for column in pick(known, ["PCI_address", "cpu", "numa-node"], rows)] == [
        "pciaddr", "cpu", "numa_node"]
    with pytest.raises(UsageError, match="'nope'.*cpu, numa_node, pciaddr"):
        pick(known, ["nope"], rows)


def test_order_numbers_texts_nulls() -> None:
    rows = [{"id": value} for value in (None, 10, "b", 9, "a")]
    assert [row["id"] for row in sorted_rows(rows, columns("id"))] == [9, 10, "a", "b", None]
    assert [row["id"] for row in sorted_rows(rows, columns("id"), reverse=True)] == [None, "b", "a", 10, 9]
