# SPDX-License-Identifier: Apache-2.0
"""Whole nodes, two to five of them, with catalogues drawn at random, under every mix of faults: no group is active more
often than it may be, every order has a reason, and when all faults have ended everything runs where it should."""
from random import Random

import pytest

from flock.core.records import replace
from flock.sim import seeds
from tests.sim.service_catalogues import chosen
from tests.sim.storms import Storm

pytestmark = pytest.mark.soak

MINUTES, REST_MS = 1.25, 240_000


def drawn(random):
    """A random catalogue. Services need only others of their own group: what moves alone cannot wait for what may be on
    another node."""
    found = chosen(random)
    own = {member.service: group.name for group in found.groups.values() for member in group.members}
    return replace(found, dependencies=tuple(
        row for row in found.dependencies if own[row.service] == own[row.dependent]))


@pytest.mark.parametrize("seed", seeds(2))
def test_random_catalogues_on_two_to_five_nodes(seed):
    random = Random(seed)
    nodes = (3, 5, 4, 2)[seed % 4]
    storm = Storm(seed, "fence", drawn(random), nodes=nodes, bmc=random.random() < 0.7,
                  witness=nodes == 2 and random.random() < 0.5)
    storm.settles_ms = REST_MS
    storm.blow(MINUTES)
