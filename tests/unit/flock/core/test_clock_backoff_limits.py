# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.backoff import Backoff
from flock.core.clock import Instant, RealClock
from flock.core.health import Health
from tests.manualclock import ManualClock


def test_real_clock_moves_forward_and_is_utc() -> None:
    clock = RealClock()
    assert clock.monotonic_ms() <= clock.monotonic_ms()
    assert clock.now().utcoffset() == timedelta(0)


def test_manual_clock_moves_both_times_together() -> None:
    clock = ManualClock()
    before = clock.now()
    clock.advance(1500)
    assert clock.monotonic_ms() == 1500
    assert clock.now() - before == timedelta(milliseconds=1500)
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)


def test_a_stepped_wall_clock_does_not_move_monotonic_time() -> None:
    clock = ManualClock(monotonic_ms=5)
    before = clock.instant()
    clock.step_wall(-3_600_000)
    assert clock.instant() == before
    assert clock.now() < datetime(2026, 1, 1, tzinfo=UTC)
    clock.reboot("boot-2")
    assert clock.instant() == Instant("boot-2", 0)


def test_instants_of_one_boot_have_one_origin() -> None:
    first, second = RealClock().instant(), RealClock().instant()
    assert first.origin == second.origin
    assert first.ms <= second.ms


def test_backoff_doubles_and_is_capped() -> None:
    backoff = Backoff(first_s=1, max_s=10, jitter=0)
    assert [backoff.pause_s(n) for n in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert backoff.pause_s(100000) == 10


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_backoff_stays_within_jitter_and_cap(attempt: int, unit: float) -> None:
    backoff = Backoff(first_s=0.5, max_s=30, jitter=0.2)
    assert 0.4 <= backoff.pause_s(attempt, unit) <= 30


def test_pauses_are_reproducible_with_a_seed() -> None:
    first = list(islice(Backoff().pauses_s(random.Random(1)), 5))
    assert first == list(islice(Backoff().pauses_s(random.Random(1)), 5))
    assert len(set(first)) == 5


def test_health_reports_each_check_and_survives_a_broken_one() -> None:
    health = Health()
    assert health.report() == (True, {"status": "ok", "checks": {}})
    health.add("db", lambda: None)
    health.add("bus", lambda: "broker away")

    def broken() -> str | None:
        raise RuntimeError("oops")

    health.add("odd", broken)
    well, report = health.report()
    assert not well
    assert report == {"status": "failed",
                      "checks": {"db": "ok", "bus": "broker away", "odd": "RuntimeError: oops"}}
    health.add("bus", lambda: None)
    health.add("odd", lambda: None)
    assert health.report()[0]
