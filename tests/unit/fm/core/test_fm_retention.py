# SPDX-License-Identifier: Apache-2.0
"""How many events of each host a log keeps that is full."""
from random import Random

import pytest

from fm.core.retention import Limits, level


@pytest.mark.parametrize(("counts", "most", "found"), [
    ([], 10, 0), ([5], 10, 5), ([5], 3, 3), ([5], 0, 0), ([1, 9, 9], 9, 4), ([1, 9, 9], 19, 9), ([3, 3, 3], 2, 0),
    ([10, 2, 2, 2], 9, 3)])
def test_the_level_to_which_the_largest_are_cut(counts, most, found):
    assert level(counts, most) == found


def test_the_level_is_the_highest_that_fits():
    random = Random(5)
    for _ in range(500):
        counts = [random.randrange(50) for _ in range(random.randrange(1, 9))]
        most = random.randrange(sum(counts) + 5)
        found = level(counts, most)
        assert sum(min(count, found) for count in counts) <= most
        assert found >= max(counts) or sum(min(count, found + 1) for count in counts) > most


LIMITS = Limits(1000, host_percent=10, hosts_percent=50)


def test_a_log_that_is_not_full_leaves_each_host_its_share():
    assert LIMITS.kept_of_a_host([100] * 9, 1000) == 100
    assert LIMITS.kept_of_a_host([400], 500) == 100


def test_a_full_log_takes_what_is_too_much_from_the_hosts_with_the_most():
    # 10 too many: the two loudest lose five each.
    assert LIMITS.kept_of_a_host([100, 100, *[60] * 8], 1010) == 95
    assert LIMITS.kept_of_a_host([100] * 10, 1400) == 60


def test_hosts_keep_their_share_of_a_log_that_services_fill():
    assert LIMITS.kept_of_a_host([50] * 10, 5000) == 50
    assert LIMITS.kept_of_a_host([100] * 10, 5000) == 50


def test_many_hosts_keep_at_least_one_each():
    assert LIMITS.kept_of_a_host([1] * 600, 1100) == 1
