# SPDX-License-Identifier: Apache-2.0
"""Management of a worker cut for ten minutes by the product's clock: nothing is struck, for as long as it takes.

The lab's heartbeat is ten times as fast as the product's and its BMC reset delay sixty times: three minutes here are
beyond every limit that ten minutes reach there.
"""
import pytest

from tests.lab.test_cut_management import cut_and_watch


@pytest.mark.timeout(900)  # with the lab's start, when it is the first
def test_management_cut_for_ten_minutes_of_scaled_time_strikes_nobody(cloud, on, healthy):
    cut_and_watch(cloud, on, 180)
