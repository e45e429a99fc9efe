# SPDX-License-Identifier: Apache-2.0
"""Every combination of cut ports of three paths on both controllers: who is active a minute later, and after healing.

The unit suite tries every fourth combination, the soak all.
"""
from itertools import combinations

import pytest

from flock.sim import scaled
from sm.contract.states import Policy
from tests.sim.domainworld import PATHS, Cloud, lab

PORTS = [(node, path) for node in ("controller-0", "controller-1") for path in PATHS]
CUTS = [set(chosen) for count in range(len(PORTS) + 1) for chosen in combinations(PORTS, count)]
CUTS = CUTS if scaled(1) > 1 else CUTS[::-4]
KINDS = {
    "fence": {},
    "no-arbiter": {"bmc": False},
    "no-arbiter-promote": {"bmc": False, "policy": Policy.PROMOTE},
    "witness": {"witness": True, "bmc": False},
}


pytestmark = pytest.mark.soak


def deaf(cut):
    """Whether no path joins the controllers."""
    return all({("controller-0", path), ("controller-1", path)} & cut for path in PATHS)


def isolated(cut, node):
    return all((node, path) in cut for path in PATHS)


def expected(kind, cut):
    """The active controller while the ports are cut; controller-0 was active before.

    With a fence the active controller wins unless it is itself isolated. A witness gives the lease to who reaches it,
    the active controller first. Without an arbiter the active controller stays, or under ``promote`` the other follows.
    """
    if not deaf(cut):
        return "controller-0"
    first, second = isolated(cut, "controller-0"), isolated(cut, "controller-1")
    if kind == "no-arbiter":
        return "controller-0"
    if kind == "no-arbiter-promote":
        return "" if second else "controller-1"
    if first and second:
        return "controller-0" if kind == "fence" else ""
    return "controller-1" if first else "controller-0"


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_active_where_one_can_be(kind):
    assert {deaf(cut) for cut in CUTS} == {True, False}
    for number, cut in enumerate(CUTS):
        cloud = Cloud(number, timing=lab(), **KINDS[kind])
        cloud.fence_fails = 0.0
        cloud.start()
        cloud.world.run(10_000)
        assert cloud.serving() == ["controller-0"]
        for node, path in cut:
            cloud.paths[path].cut(node)
        cloud.world.run(60_000)
        assert cloud.serving() == ([expected(kind, cut)] if expected(kind, cut) else []), sorted(cut)
        cloud.heal()
        cloud.world.run(40_000)
        assert len(cloud.serving()) == 1, sorted(cut)
        assert cloud.world.nodes[cloud.serving()[0]].view.durable.record.members == set(cloud.names), sorted(cut)
