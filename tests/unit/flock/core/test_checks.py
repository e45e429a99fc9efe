# SPDX-License-Identifier: Apache-2.0
"""Lists of checks: their lines, their rows, and rows that are none."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.checks import Check, Report, from_rows, no_names

FOUND = Report((Check("A", True, "hidden", "hidden"), no_names("B", ["y", "x"], "Wrong", "Mend them.")),
               ("Kubernetes",))


def test_people_read_lines_and_programs_rows() -> None:
    assert FOUND.text == ("System Health:\nA: [OK]\nB: [Fail]\nWrong: x, y\nMend them.\n"
                          "Not checked, since this cloud has none: Kubernetes\n")
    assert FOUND.rows == [
        {"check": "A", "ok": True, "detail": "", "advice": "", "skipped": False},
        {"check": "B", "ok": False, "detail": "Wrong: x, y", "advice": "Mend them.", "skipped": False},
        {"check": "Kubernetes", "ok": True, "detail": "Not checked: this cloud has none.", "advice": "",
         "skipped": True}]
    assert not FOUND.is_healthy and no_names("B", [], "Wrong", "").ok


def test_a_report_comes_back_from_its_rows() -> None:
    again = from_rows(FOUND.rows)
    assert (again.text, again.rows, again.is_healthy) == (FOUND.text, FOUND.rows, False)
    # A newer service may tell more.
    assert from_rows([{**row, "since": "10.1"} for row in FOUND.rows]) == again
    assert from_rows([{"check": "A", "ok": False}]).text == "System Health:\nA: [Fail]\n"


@pytest.mark.parametrize("rows", [None, [], {}, "System Health:", [1], [{"check": "A"}], [{"check": 1, "ok": True}],
                                  [{"check": "A", "ok": "yes"}]])
def test_no_evidence_is_no_report(rows: Any) -> None:
    with pytest.raises(ValueError, match="check"):
        from_rows(rows)
