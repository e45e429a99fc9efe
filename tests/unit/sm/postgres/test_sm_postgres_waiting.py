# SPDX-License-Identifier: Apache-2.0
"""A standby without data waits, with growing pauses between copies that fail, for as long as it takes."""
from __future__ import annotations

from pathlib import Path

import pytest

from sm.postgres.waiting import PAUSE_MAX_S, PAUSE_S, Waiting, pause_s


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def waiting(tmp_path: Path, clock: Clock) -> Waiting:
    return Waiting(tmp_path / "main.unfilled", clock)


def test_pauses_grow_to_a_limit_and_never_end() -> None:
    pauses = [pause_s(failures) for failures in range(2_000)]
    assert pauses[:4] == [0, PAUSE_S, 2 * PAUSE_S, 4 * PAUSE_S]
    assert pauses == sorted(pauses) and pauses[-1] == PAUSE_MAX_S


def test_nothing_waits_without_a_mark(waiting: Waiting) -> None:
    assert not waiting.on and waiting.left_s() == 0
    waiting.stop()
    assert not waiting.on


def test_what_waits_for_an_active_node_does_not_pause(waiting: Waiting) -> None:
    waiting.begin(failed=False)
    assert waiting.on and waiting.left_s() == 0


def test_each_copy_that_fails_waits_longer_also_over_a_stop(waiting: Waiting, clock: Clock) -> None:
    for failures in range(1, 5):
        waiting.begin(failed=True)
        assert waiting.on and waiting.failures == failures and waiting.left_s() == pause_s(failures)
        clock.now_s += pause_s(failures)
        assert waiting.left_s() == 0
        waiting.stop()
        assert not waiting.on
    waiting.begin(failed=False)
    assert waiting.failures == 0
    waiting.end()
    assert not waiting.on


def test_a_mark_of_another_boot_holds_nothing_up_for_longer_than_its_pause(waiting: Waiting, clock: Clock) -> None:
    waiting.begin(failed=True)
    clock.now_s = 3.0
    assert waiting.left_s() == PAUSE_S


@pytest.mark.parametrize("text", ["", "waits", "waits many 3", "waits 1 soon", "\0"])
def test_a_damaged_mark_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mark"
    path.write_text(text)
    found = Waiting(path)
    assert not found.on and found.failures == 0 and found.left_s() == 0
