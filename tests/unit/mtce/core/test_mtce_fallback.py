# SPDX-License-Identifier: Apache-2.0
"""Which hosts get pulses of their own, and for how long."""
from mtce.core.fallback import AFTER_MISSES, KEPT_MS, Fallback
from mtce.core.heartbeat import Path, Thresholds

A, B = b"a" * 16, b"b" * 16


def paths(**misses):
    found = []
    for name, count in misses.items():
        path = Path(name, "mgmt", 1)
        path.misses = count
        found.append((name.encode() * 16, path))
    return found


def test_multicast_that_arrives_needs_nothing_else():
    fallback = Fallback()
    for now_ms in range(0, 10 * KEPT_MS, 1_000):
        assert fallback.due(paths(a=0, b=AFTER_MISSES - 1), now_ms) == []


def test_only_the_silent_host_gets_its_own_and_keeps_it_for_a_while():
    fallback = Fallback()
    assert fallback.due(paths(a=AFTER_MISSES, b=0), 0) == [A]
    # It answers because of them, so an answer ends nothing.
    assert fallback.due(paths(a=0, b=0), 1) == [A]
    assert fallback.due(paths(a=0, b=AFTER_MISSES), KEPT_MS - 1) == [A, B]
    assert fallback.due(paths(a=0, b=0), KEPT_MS) == [B]
    assert fallback.due(paths(a=0, b=0), 2 * KEPT_MS) == []


def test_a_host_that_stays_silent_keeps_its_own():
    fallback = Fallback()
    for now_ms in range(0, 3 * KEPT_MS, KEPT_MS // 2):
        assert fallback.due(paths(a=50), now_ms) == [A]


def test_a_host_that_is_not_monitored_any_more_is_forgotten():
    fallback = Fallback()
    assert fallback.due(paths(a=AFTER_MISSES), 0) == [A]
    assert fallback.due([], 1) == []
    assert fallback.due(paths(a=0), 2) == []


def test_the_misses_that_show_whether_multicast_arrives_again_reach_no_level():
    limits = Thresholds()
    assert min(limits.minor, limits.degrade, limits.loss) > AFTER_MISSES
