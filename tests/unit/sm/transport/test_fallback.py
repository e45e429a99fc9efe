# SPDX-License-Identifier: Apache-2.0
"""When beats go by unicast beside multicast, and when that ends."""
import pytest

from sm.core.timing import Timing
from sm.transport.fallback import QUIET_MS, TOLD_MS, TWINS_MAX, Fallback
from sm.transport.keyring import EVERYBODY

ME, OTHER = "controller-0", "controller-1"


@pytest.fixture
def fallback():
    return Fallback([OTHER])


def test_multicast_that_arrives_needs_nothing_else(fallback):
    for now_ms in range(0, 10_000, Timing().beat_ms):
        fallback.heard(OTHER, now_ms, EVERYBODY, now_ms)
        fallback.told(OTHER, False, now_ms)
        assert fallback.needed(now_ms) == fallback.unheard(now_ms) == ()


def test_a_node_that_was_never_heard_is_reached_both_ways(fallback):
    assert fallback.needed(0) == fallback.unheard(0) == (OTHER,)


def test_unicast_begins_well_before_a_path_counts_as_silent(fallback):
    fallback.heard(OTHER, 1, EVERYBODY, 0)
    assert fallback.needed(QUIET_MS - 1) == ()
    assert fallback.needed(QUIET_MS) == (OTHER,)
    assert QUIET_MS + 2 * Timing().beat_ms < Timing().silent_ms


def test_unicast_does_not_hide_that_multicast_is_lost(fallback):
    for sequence in range(20):
        fallback.heard(OTHER, sequence, ME, 100 * sequence)
    assert fallback.unheard(2_000) == (OTHER,)


def test_a_word_of_the_other_node_counts_and_ends(fallback):
    fallback.heard(OTHER, 1, EVERYBODY, 1_000)
    fallback.told(OTHER, True, 1_000)
    assert fallback.needed(1_000) == (OTHER,) and fallback.unheard(1_000) == ()
    fallback.told(OTHER, False, 1_100)
    assert fallback.needed(1_100) == ()
    fallback.told(OTHER, True, 1_200)
    fallback.heard(OTHER, 2, EVERYBODY, 1_200 + TOLD_MS)
    assert fallback.needed(1_200 + TOLD_MS - 1) == (OTHER,)
    assert fallback.needed(1_200 + TOLD_MS) == ()


@pytest.mark.parametrize(("first", "second"), [(ME, EVERYBODY), (EVERYBODY, ME)])
def test_the_same_by_the_other_way_is_a_twin_once(fallback, first, second):
    for sequence in range(TWINS_MAX):
        fallback.heard(OTHER, sequence, first, 0)
    for sequence in range(TWINS_MAX):
        assert not fallback.is_twin(OTHER, sequence, first, 0)
        assert fallback.is_twin(OTHER, sequence, second, 0)
        assert not fallback.is_twin(OTHER, sequence, second, 0)


def test_a_twin_by_multicast_shows_that_it_arrives(fallback):
    fallback.heard(OTHER, 1, ME, 1_000)
    assert fallback.is_twin(OTHER, 1, EVERYBODY, 1_000)
    assert fallback.unheard(1_001) == ()


def test_little_is_remembered_and_strangers_are_nothing(fallback):
    for sequence in range(3 * TWINS_MAX):
        fallback.heard(OTHER, sequence, ME, 0)
        fallback.heard("arbiter", sequence, ME, 0)
    assert not fallback.is_twin(OTHER, 2 * TWINS_MAX - 1, EVERYBODY, 0)
    assert fallback.is_twin(OTHER, 2 * TWINS_MAX, EVERYBODY, 0)
    assert not fallback.is_twin("arbiter", 3 * TWINS_MAX - 1, EVERYBODY, 0)
