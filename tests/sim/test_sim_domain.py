# SPDX-License-Identifier: Apache-2.0
"""Controllers under every mix of faults: never two active, nothing acknowledged is lost, and one active again."""
import pytest

from flock.sim import seeds
from sm.contract.states import Policy
from tests.sim.domainworld import Cloud, lab, swact

pytestmark = pytest.mark.soak

MINUTES = 3


def fault(cloud):
    """One random fault, most of which end by themselves."""
    random = cloud.world.random
    node = random.choice(cloud.controllers)
    one, other = random.sample(sorted(cloud.world.nodes), 2)
    lasts_ms = random.choice((300, 2_000, 8_000, 30_000))
    paths = list(cloud.paths.values())
    everybody = [cloud.world.nodes[name] for name in cloud.names]
    random.choice((
        lambda: cut([random.choice(paths)], node, lasts_ms),
        lambda: cut(paths, node, lasts_ms),
        lambda: part([random.choice(paths)], one, other, lasts_ms),
        lambda: part(paths, one, other, lasts_ms),
        lambda: part(paths, one, other, lasts_ms),
        lambda: cloud.reset(node),
        lambda: cloud.reset(node),
        lambda: [cloud.reset(host) for host in everybody],
        lambda: node.stall(random.choice((200, 1_000, 5_000, 20_000))),
        lambda: node.restart_daemon(),
        lambda: swact(cloud),
        lambda: lock(node, lasts_ms),
    ))()


def cut(paths, node, lasts_ms):
    for path in paths:
        path.cut(node.name)
        node.world.after(lasts_ms, lambda path=path: path.heal(node.name))


def part(paths, one, other, lasts_ms):
    for path in paths:
        path.part(one, other)
        path.world.after(lasts_ms, lambda path=path: path.join(one, other))


def lock(node, lasts_ms):
    node.world.say(f"{node.name} is locked")
    node.eligible = False
    node.world.after(lasts_ms, lambda: setattr(node, "eligible", True))


def storm(cloud, minutes):
    world = cloud.world
    cloud.start()
    for _ in range(int(minutes * 60 / 3)):
        world.at(world.random.uniform(5_000, minutes * 60_000 - 1), lambda: fault(cloud))
    world.run(minutes * 60_000)


def settles(cloud):
    """After all faults have ended one controller is active, and the others have its data."""
    cloud.heal()
    cloud.world.run(90_000)
    serving = cloud.serving()
    if len(serving) != 1:
        cloud.world.fail(f"active: {serving or 'nobody'}; " + "; ".join(
            f"{node.name}: {node.view.reason}" for node in cloud.controllers))
    leader = cloud.world.nodes[serving[0]]
    members = leader.view.durable.record.members
    if members != set(cloud.names):
        cloud.world.fail(f"data is current only on {sorted(members)}")
    if len(cloud.acknowledged) < 100:
        cloud.world.fail(f"only {len(cloud.acknowledged)} writes were acknowledged")


KINDS = {
    "fence": {},
    "no-arbiter-freeze": {"bmc": False},
    "no-arbiter-promote": {"bmc": False, "policy": Policy.PROMOTE},
    "fence-promote": {"policy": Policy.PROMOTE},
    "witness": {"witness": True, "bmc": False},
    "witness-and-fence": {"witness": True},
    "three": {"nodes": 3, "bmc": False},
    "three-and-fence": {"nodes": 3},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", seeds(8))
def test_never_two_active_and_nothing_acknowledged_is_lost(seed, kind):
    cloud = Cloud(seed, timing=lab(), loss=0.05, **KINDS[kind])
    storm(cloud, MINUTES)
    settles(cloud)
