# SPDX-License-Identifier: Apache-2.0
"""Whole nodes under every mix of faults: what really runs is never active twice, keeps its data, and comes back. The
soak has more and longer storms (``tests.sim.soak``)."""
import pytest

from flock.sim import WorldFailed, seeds
from sm.core.domain import record, standing
from sm.core.node import step
from tests.sim.storms import FAULTS, KINDS, Storm

SEEDS, MINUTES = 24, 3


@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_one_is_active_nothing_is_lost_and_all_comes_back(seed):
    Storm(seed).blow(MINUTES)


def test_a_storm_has_many_kinds_of_faults_and_they_are_felt():
    assert len(KINDS) * 2 <= SEEDS
    storm = Storm(10)
    assert storm.wired
    storm.blow(MINUTES)
    assert storm.faults.total() > MINUTES * 15
    assert len(storm.faults) > len(set(FAULTS)) // 2
    assert len(storm.promotions) > 3 and len(storm.acknowledged) > 100


def forgetful_record(patch):
    """A leader acknowledges alone at once when a standby is silent."""
    patch.setattr(record, "_has_left", lambda view, name, now: True)


def endless_lease(patch):
    """A leader goes on after its lease has ended, and nothing stops by itself."""
    patch.setattr(standing, "steps_down_at", lambda view: None)
    patch.setattr(step, "must_stop", lambda view, now, leased: False)
    patch.setattr("tests.sim.scenariohosts.watchdog_until", lambda view, catalogue: None)


def rash_standby(patch):
    """A silent node counts as stopped, and a candidate needs nobody's vote."""
    patch.setattr(standing, "_votes_refusal", lambda view, now: "")
    patch.setattr(standing, "fitness_refusal", lambda view, now: "")
    patch.setattr(standing, "lease_end", lambda view, now: now + 3_000)


@pytest.mark.parametrize(("defect", "kind"), [
    (forgetful_record, "fence"), (endless_lease, "witness"), (rash_standby, "no-arbiter-freeze")])
def test_the_checkers_notice(defect, kind, monkeypatch):
    """Each safeguard taken away is found by some seed."""
    defect(monkeypatch)
    for seed in range(20):
        try:
            Storm(seed, kind).blow(MINUTES)
        except WorldFailed:
            return
    pytest.fail("no seed of 20 shows it")


def test_a_leader_that_loses_its_lease_stops_by_itself():
    """Also one that has always led, and so has no order of anybody else: the watchdog is for daemons that hang."""
    storm = Storm(1, "witness")
    storm.start()
    storm.world.run(30_000)
    leader, = (host for host in storm.controllers if host.view.leading)
    storm.cut(*((leader, path) for path in storm.paths))
    storm.world.run(30_000)
    assert storm.serving() == [name for name in storm.names if name != leader.name]
    assert storm.bites == 0
