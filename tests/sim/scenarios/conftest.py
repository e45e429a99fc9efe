# SPDX-License-Identifier: Apache-2.0
"""The seed of a scenario's world: one in the unit suite, many in the soak."""
import pytest

from flock.sim import seeds


@pytest.fixture(params=seeds(1))
def seed(request):
    return request.param
