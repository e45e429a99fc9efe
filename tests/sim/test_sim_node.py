# SPDX-License-Identifier: Apache-2.0
"""Whole nodes under every mix of faults: what really runs is never active twice, keeps its data, and comes back."""
import pytest

from flock.sim import seeds
from sm.contract.states import ServiceState
from tests.sim.domainworld import Cloud, lab
from tests.sim.nodeworld import LEASED, SITE, Machine, Witness
from tests.sim.test_sim_domain import KINDS, fault

pytestmark = pytest.mark.soak

MINUTES = 3


def make(seed, kind="fence", **changes):
    return Cloud(seed, timing=lab(), controller=Machine, voter=Witness, **(KINDS[kind] | changes))


def each_group_once(nodes):
    """No N + M group has a member running on two controllers. Looks when what runs has changed anywhere."""
    seen = []

    def check(world):
        now = [(node.up, node.running) for node in nodes]
        if now == seen:
            return None
        seen[:] = now
        for group in SITE.groups.values():
            if group.movable:
                places = [node.name for node in nodes if node.up and any(
                    node.running[member.service] is ServiceState.ENABLED_ACTIVE for member in group.members)]
                if len(places) > 1:
                    return f"{group.name} is active on {' and '.join(places)}"
        return None
    return check


def trouble(cloud):
    """A fault of the domain, or of one service."""
    random = cloud.world.random
    if random.random() < 0.7:
        fault(cloud, swact)
    else:
        random.choice(cloud.controllers).die(random.choice(sorted(SITE.services)))


def swact(cloud):
    for node in cloud.controllers:
        if node.up and node.view.leading:
            node.swact()


def settles(cloud):
    cloud.heal()
    for node in cloud.controllers:
        node.failing = 0.0
    cloud.world.run(150_000)
    active = cloud.serving()
    if len(active) != 1:
        cloud.world.fail(f"active: {active or 'nobody'}; " + "; ".join(
            f"{node.name}: {node.view.reason}" for node in cloud.controllers))
    leader = cloud.world.nodes[active[0]]
    down = [name for name in LEASED if leader.running[name] is not ServiceState.ENABLED_ACTIVE]
    if down:
        cloud.world.fail(f"{', '.join(down)} not running on {leader.name}")
    if leader.view.durable.record.members != set(cloud.names):
        cloud.world.fail(f"data is current only on {sorted(leader.view.durable.record.members)}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", seeds(1))
def test_never_active_twice_and_nothing_acknowledged_is_lost(seed, kind):
    cloud = make(seed, kind, loss=0.05)
    cloud.world.always(each_group_once(cloud.controllers))
    world = cloud.world
    cloud.start()
    for _ in range(MINUTES * 20):
        world.at(world.random.uniform(5_000, MINUTES * 60_000 - 1), lambda: trouble(cloud))
    world.run(MINUTES * 60_000)
    settles(cloud)


def test_a_leader_that_loses_its_lease_stops_by_itself():
    """Also one that has always led, and so has no order of anybody: the watchdog is for daemons that hang."""
    cloud = make(1, "witness")
    for node in cloud.controllers:
        node.failing = 0.0
    cloud.start()
    cloud.world.run(30_000)
    leader, = (node for node in cloud.controllers if node.view.leading)
    assert leader.node.orders == ()
    for path in cloud.paths.values():
        path.cut(leader.name)
    cloud.world.run(30_000)
    assert cloud.serving() == [name for name in cloud.names if name != leader.name]
    assert cloud.bites == 0


@pytest.mark.parametrize("seed", seeds(3))
def test_what_needs_only_a_grant_does_not_stop_when_the_lead_is_handed_over(seed):
    """The leader resigns in favour of the other node; its own last orders hold until those of the new leader."""
    cloud = make(seed, "witness")
    for node in cloud.controllers:
        node.failing = 0.0
    cloud.start()
    cloud.world.run(30_000)
    leader, = (node for node in cloud.controllers if node.view.leading)
    other, = (node for node in cloud.controllers if node is not leader)
    place, = (node for node in cloud.controllers if node.running["patch-alarm-manager"] is ServiceState.ENABLED_ACTIVE)
    assert place is leader
    stopped = []
    cloud.world.always(lambda world: stopped.append(world.now_ms)
                       if leader.running["patch-alarm-manager"] is not ServiceState.ENABLED_ACTIVE else None)
    cloud.world.always(each_group_once(cloud.controllers))
    for _ in range(3):  # beyond repair in place
        leader.die("api")
        cloud.world.run(1_500)
    cloud.world.run(20_000)
    assert other.view.leading and other.running["api"] is ServiceState.ENABLED_ACTIVE
    assert stopped == []
    assert cloud.bites == 0
