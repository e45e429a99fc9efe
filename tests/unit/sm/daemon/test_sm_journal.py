# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from sm.daemon import journal as module
from sm.daemon.journal import NAME, TAIL_MAX, Journal


def test_decisions_are_lines_in_files_of_limited_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE_BYTES_MAX", 1_000)
    journal = Journal(tmp_path / "sm")
    for number in range(300):
        journal.write(f"decision {number}", number)
    files = sorted(path.name for path in (tmp_path / "sm").iterdir())
    assert files == [NAME, *(f"{NAME}.{number}" for number in range(1, module.FILES_MAX))]
    assert all(path.stat().st_size <= 1_000 for path in (tmp_path / "sm").iterdir())
    rows = [json.loads(line) for name in reversed(files) for line in (tmp_path / "sm" / name).read_text().splitlines()]
    assert [row["ms"] for row in rows] == list(range(rows[0]["ms"], 300)) and rows[-1]["text"] == "decision 299"
    assert len(journal.tail) == TAIL_MAX and str(journal.tail[-1]).endswith(" decision 299")
    journal.close()
    Journal(tmp_path / "sm").write("later", 400)
    assert "later" in (tmp_path / "sm" / NAME).read_text()


def test_a_disk_that_refuses_costs_no_decision(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    journal = Journal(tmp_path / "file" / "sm")
    journal.write("decided", 1)
    assert [entry.text for entry in journal.tail] == ["decided"]
    assert "cannot be written" in journal.problem
