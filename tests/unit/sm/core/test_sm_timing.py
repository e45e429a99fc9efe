# SPDX-License-Identifier: Apache-2.0
import pytest

from sm.core.timing import Timing


@pytest.mark.parametrize("wrong", [{"lease_ms": 2_000}, {"silent_ms": 50}, {"grant_ms": 2_000}])
def test_durations_that_contradict_one_another_are_refused(wrong):
    with pytest.raises(ValueError, match="must be greater"):
        Timing(**wrong)
