# SPDX-License-Identifier: Apache-2.0
"""The count of starts only grows."""
from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fm.snmp.boots import BOOTS_MAX, EPOCH, count_start, next_boots


@given(st.integers(0, BOOTS_MAX - 1), st.integers(-10**9, 4 * 10**9))
def test_every_start_counts_more_whatever_the_clock_says(stored: int, now_s: int) -> None:
    found = next_boots(stored, EPOCH + timedelta(seconds=now_s))
    assert stored < found <= BOOTS_MAX and found >= min(now_s, BOOTS_MAX)


def test_another_controller_counts_on_without_the_file(tmp_path: Path) -> None:
    moment = EPOCH + timedelta(days=2000)
    first = count_start(tmp_path / "one" / "boots", moment)
    assert count_start(tmp_path / "two" / "boots", moment + timedelta(seconds=5)) > first
    assert count_start(tmp_path / "one" / "boots", moment - timedelta(days=9)) == first + 1


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "boots"
    path.write_text("what")
    assert count_start(path, EPOCH + timedelta(seconds=7)) == 7 == int(path.read_text())
