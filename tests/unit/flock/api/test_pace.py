# SPDX-License-Identifier: Apache-2.0
"""The lowest rate of a streamed body: only waiting for the client counts."""
from __future__ import annotations

import pytest

from flock.api.exchange import WebError
from flock.api.intake import CHUNK_BYTES, Pace, next_size


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def wait(pace: Pace, clock: Clock, seconds: float) -> None:
    with pace.waiting():
        clock.now_s += seconds


def test_a_body_may_wait_the_grace_and_one_second_per_rate() -> None:
    clock = Clock()
    pace = Pace(1000, 5.0, clock)
    wait(pace, clock, 4.9)
    pace.check(2000)
    wait(pace, clock, 2.0)
    pace.check(0)
    assert pace.left_s() == pytest.approx(0.1)
    wait(pace, clock, 0.2)
    with pytest.raises(WebError, match="less than 1000 bytes a second"):
        pace.check(0)


def test_time_that_the_receiver_takes_does_not_count() -> None:
    clock = Clock()
    pace = Pace(1000, 1.0, clock)
    clock.now_s += 3600
    pace.check(10)
    assert pace.left_s() == pytest.approx(1.01)


def test_waiting_that_lasts_counts_already() -> None:
    clock = Clock()
    pace = Pace(1000, 1.0, clock)
    with pace.waiting():
        clock.now_s += 2
        assert pace.left_s() == pytest.approx(-1.0)


def test_pieces_grow_while_they_come_fast() -> None:
    size, sizes = CHUNK_BYTES, []
    for took_s in (0.0, 0.001, 0.2, 0.0, 0.0, 0.0, 0.0, 0.6, 0.0):
        size = next_size(size, took_s)
        sizes.append(size // CHUNK_BYTES)
    assert sizes == [2, 4, 4, 8, 16, 16, 16, 1, 2]
