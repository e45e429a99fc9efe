# SPDX-License-Identifier: Apache-2.0
"""Misses are counted in a row; the schedule does not drift."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.records import replace
from sm.contract.states import Status
from sm.core.model import Heartbeat
from sm.monitors.beats import Beat, next_ms, problem, replied, sent

ROW = Heartbeat("one", "udp", "127.0.0.1 0", "127.0.0.1 5000", "are you there", 1000, 2, 4, 6)


@given(st.integers(0, 10**9), st.integers(10, 10**6), st.integers(0, 10**9))
def test_the_next_moment_is_after_now_and_on_the_grid(due_ms: int, interval_ms: int, now_ms: int) -> None:
    found = next_ms(due_ms, interval_ms, now_ms)
    assert found > now_ms and (found - due_ms) % interval_ms == 0
    assert found == due_ms or found - interval_ms <= now_ms, "no moment is left out that is still to come"


def test_a_late_turn_does_not_move_the_later_ones() -> None:
    beat, late = Beat(1000), [3, 250, 0, 2500, 10]
    seen = []
    for delay in late:
        seen.append(beat.due_ms)
        beat = sent(beat, ROW, beat.due_ms + delay)
    assert seen == [1000, 2000, 3000, 4000, 7000]


def test_more_misses_than_a_limit_set_its_status() -> None:
    beat, statuses = Beat(0), []
    for _ in range(9):
        beat = sent(beat, ROW, beat.due_ms)
        statuses.append(beat.status)
    none, warn, degraded, failed = Status.NONE, Status.WARN, Status.DEGRADED, Status.FAILED
    assert statuses == [none, none, none, warn, warn, degraded, degraded, failed, failed]
    beat = replied(beat)
    assert (beat.missed, beat.status) == (0, none)
    assert sent(beat, ROW, beat.due_ms).missed == 0


@pytest.mark.parametrize(("change", "words"), [
    ({"family": "tcp"}, "family: must be unix or udp"), ({"interval_ms": 1}, "interval_ms: must be from"),
    ({"missed_warn": 0}, "missed_fail: must be more"), ({"missed_fail": 4}, "missed_fail: must be more"),
    ({"message": ""}, "message: must be"), ({"message": "ä" * 600}, "message: must be"),
])
def test_rows_are_checked(change: dict[str, object], words: str) -> None:
    assert problem(ROW) is None
    assert (problem(replace(ROW, **change)) or "").startswith(words)  # type: ignore[arg-type]
