# SPDX-License-Identifier: Apache-2.0
"""The scenarios of tests/fixtures/sm/scenarios come out as they are written there."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.sm.core.scheduler.transcripts import files, played


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert played(text) == text


def test_all_scenarios_of_placement_are_there() -> None:
    numbers = {int(path.stem.split("-")[0]) for path in files()}
    assert numbers == {2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 21, 30}
