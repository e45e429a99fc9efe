# SPDX-License-Identifier: Apache-2.0
"""What a revision says of itself, what this code does not know, and changes that others are in the way of."""
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flock.db import migrate, phases
from flock.db.outage import DeadlockError
from flock.db.phases import WrongOrder


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/fm.sqlite"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, with a clock that follows."""
    slept: list[float] = []
    monkeypatch.setattr(phases, "time", SimpleNamespace(sleep=slept.append, monotonic=lambda: sum(slept)))
    return slept


def script(**module: str) -> Any:
    return SimpleNamespace(revision="0007", module=SimpleNamespace(**module))


def test_a_revision_adds_unless_it_says_that_it_takes_away() -> None:
    assert phases.phase(script()) == phases.phase(script(phase="expand")) == "expand"
    assert phases.phase(script(phase="contract")) == "contract"
    with pytest.raises(WrongOrder, match="Revision 0007: phase must be expand or contract, not 'shrink'"):
        phases.phase(script(phase="shrink"))


def test_an_empty_database_gets_everything_and_then_nothing_more(url: str) -> None:
    assert phases.expand(url, "fm") == migrate.head("fm") == migrate.current(url) == phases.expand(url, "fm")


def test_a_database_settles_at_an_earlier_revision_and_comes_back(url: str) -> None:
    first, second, *_ = sorted(one.revision for one in migrate.directory("fm").walk_revisions())
    for revision in (second, first, first, second):
        phases.settle(url, "fm", revision)
        assert migrate.current(url) == revision


def test_an_unknown_revision_changes_nothing(url: str) -> None:
    phases.expand(url, "fm")
    before = migrate.current(url)
    with pytest.raises(WrongOrder, match="Revision 9999 of the database of fm is unknown to this release"):
        phases.settle(url, "fm", "9999")
    assert migrate.current(url) == before


def test_a_change_that_others_are_in_the_way_of_is_tried_again(
        url: str, monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    wanted = migrate.head("fm")
    assert wanted is not None
    refusals = iter(range(3))
    upgrade = migrate.upgrade

    def busy(*arguments: Any) -> None:
        if next(refusals, None) is not None:
            raise DeadlockError(service="the database", reason="others use the table")
        upgrade(*arguments)

    monkeypatch.setattr(migrate, "upgrade", busy)
    phases.settle(url, "fm", wanted)
    assert migrate.current(url) == wanted and len(pauses) == 3


def test_it_is_given_up_when_others_never_go(url: str, monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    def busy(*_: Any) -> None:
        raise DeadlockError(service="the database", reason="others use the table")

    monkeypatch.setattr(migrate, "upgrade", busy)
    with pytest.raises(DeadlockError):
        phases.settle(url, "fm", migrate.head("fm") or "")
    assert phases.TRY_MAX_S - 20 < sum(pauses) <= phases.TRY_MAX_S
