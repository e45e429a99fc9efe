# SPDX-License-Identifier: Apache-2.0
"""Hosts that go down in order, among all other faults: the same checkers hold, and an order alone fences nobody."""
import pytest

from flock.sim import WorldFailed, seeds
from sm.core.domain import lease, standing
from sm.core.domain.events import Departing, LocalChanged, Tick
from tests.sim.domainworld import STOPPED, Cloud, lab
from tests.sim.test_sim_domain import KINDS, MINUTES, fault, settles

pytestmark = pytest.mark.soak

AWAY_MS = 900_000


def depart(cloud, node):
    """The host of a node goes down in order: what is active stops, or moves where it can; then its daemon says so, and
    ends. Its host starts again after a while, or, one time of five, only its daemon: the shutdown was called off."""
    if not node.up or not node.eligible:
        return
    life, random = (node.host_boots, node.boots), cloud.world.random
    node.eligible = False
    if node.view.leading:
        able = [name for name in node.view.durable.record.members if name != node.name]
        node.heir = min(able, default="")
        node.stop_services()

    def goes(tries=40):
        if not node.up or (node.host_boots, node.boots) != life:
            node.eligible = True
            return
        if node.state != STOPPED or (node.view.leading and node.heir):
            if tries:
                cloud.world.after(500, lambda: goes(tries - 1))
            else:
                node.eligible, node.heir = True, ""
            return
        cloud.world.say(f"{node.name} goes down in order")
        node.feed(LocalChanged(node.local()))
        for event in (Departing(AWAY_MS), Tick(), Tick()):
            node.feed(event)
        cloud.world.after(random.choice((0, 100, 2_000)), down)

    def down():
        node.eligible = True
        if node.up and node.host_boots == life[0]:
            if random.random() < 0.2:
                node.restart_daemon()
            else:
                cloud.reset(node)

    cloud.world.after(random.uniform(0, 1_000), goes)


def storm(cloud, minutes):
    world = cloud.world
    cloud.start()
    for number in range(int(minutes * 60 / 3)):
        at_ms = world.random.uniform(5_000, minutes * 60_000 - 1)
        if number % 2:
            world.at(at_ms, lambda: depart(cloud, world.random.choice(cloud.controllers)))
        else:
            world.at(at_ms, lambda: fault(cloud))
    world.run(minutes * 60_000)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", seeds(3))
def test_hosts_go_down_in_order_among_all_faults(seed, kind):
    cloud = Cloud(seed, timing=lab(), loss=0.05, **KINDS[kind])
    storm(cloud, MINUTES)
    settles(cloud)


@pytest.mark.parametrize("kind", ["fence", "no-arbiter-promote", "witness-and-fence"])
@pytest.mark.parametrize("seed", seeds(3))
def test_an_order_fences_nobody_and_writes_go_on(seed, kind):
    """Each controller in turn, every 40 s, with nothing else going on."""
    cloud = Cloud(seed, timing=lab(), **KINDS[kind])
    cloud.start()
    cloud.world.run(20_000)
    for number in range(6):
        written = len(cloud.acknowledged)
        depart(cloud, cloud.controllers[number % len(cloud.controllers)])
        cloud.world.run(40_000)
        # 50 ms between two writes: all but a move's pause of a few seconds were acknowledged.
        assert len(cloud.acknowledged) - written > 400, cloud.world.transcript[-30:]
    assert cloud.fences == 0
    settles(cloud)


def away_from_its_leader(cloud):
    """The standby goes, starts again where the leader is not heard but the witness is, and the witness does not hear
    the leader either: the leader may not count on the vote of who has gone."""
    cloud.start()
    cloud.world.run(20_000)
    leader, = (node for node in cloud.controllers if node.view.leading)
    standby, = (node for node in cloud.controllers if node is not leader)
    for path in cloud.paths.values():
        path.part(leader.name, "witness")
    for event in (LocalChanged(standby.local()), Departing(AWAY_MS), Tick(), Tick()):
        standby.feed(event)
    cloud.world.run(20_050)
    assert standby.name in leader.view.void
    for path in cloud.paths.values():
        path.part(leader.name, standby.name)
    cloud.reset(standby, after_ms=100)
    cloud.world.run(80_000)
    assert cloud.serving() == [standby.name]


def test_among_three_voters_nobody_leads_by_the_vote_of_who_has_gone():
    away_from_its_leader(Cloud(1, timing=lab(), **KINDS["witness"]))


def test_a_vote_that_counted_until_it_is_heard_would_make_two_leaders(monkeypatch):
    monkeypatch.setattr(lease, "stays_void", lambda view, void: True)
    monkeypatch.setattr(standing, "fitness_refusal", lambda view, now: "")
    with pytest.raises(WorldFailed, match="have the lease|active on"):
        away_from_its_leader(Cloud(1, timing=lab(), **KINDS["witness"]))
