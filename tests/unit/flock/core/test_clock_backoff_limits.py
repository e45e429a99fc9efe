# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.backoff import Backoff
from flock.core.clock import ManualClock, RealClock, epoch_ms
from flock.core.health import Health


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


def test_epoch_ms_of_naive_aware_and_foreign_times() -> None:
    assert epoch_ms(datetime(1970, 1, 1, 0, 0, 1)) == 1000
    assert epoch_ms(datetime(1970, 1, 1, 1, 0, 1, tzinfo=timezone(timedelta(hours=1)))) == 1000
    assert epoch_ms(datetime(2026, 3, 1, 10, 20, 30, 456, tzinfo=UTC)) == 1772360430000


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
