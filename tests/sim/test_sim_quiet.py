# SPDX-License-Identifier: Apache-2.0
"""Nothing moves without a cause, with the product's timers: while nothing happens, while the machines and networks are
slow, and while one link is cut. The unit suite has an hour of these in all, the soak an hour of each seed."""
import pytest

from flock.core.records import replace
from flock.sim import scaled
from sm.contract.states import ServiceState
from tests.sim.scenarioworld import Site
from tests.sim.service_catalogues import small
from tests.sim.storms import KINDS
from tests.unit.sm.catalogue.sites import rows

pytestmark = pytest.mark.soak

SEEDS = 20 if scaled(1) > 1 else 5
MINUTES = 60 if scaled(1) > 1 else 2.5
SLOW_MS, STANDS_MS, EVERY_MS = 200, 400, 1_000
"""How long a datagram may take, and a daemon stand still, about once in a second; together less than silence lasts."""


def site_of(seed):
    kind = list(KINDS)[seed % len(KINDS)]
    return Site(seed=seed, other=replace(small(), results=rows().service_action_results), has_data=True, **KINDS[kind])


def idle(site):
    """Nothing happens."""


def load(site):
    """Everything is slow, and datagrams are lost, doubled, and overtake one another."""
    for path in site.paths.values():
        path.latency_ms, path.loss, path.duplicate = (0.1, SLOW_MS), 0.05, 0.05

    def stand_still():
        node = site.world.random.choice(list(site.world.nodes.values()))
        node.stall(site.world.random.uniform(10, STANDS_MS))
        site.world.after(site.world.random.expovariate(1 / EVERY_MS), stand_still)

    stand_still()


def cut(site):
    """One path between two controllers carries nothing, or the port of a standby has no carrier. When the active
    controller loses a port that the standby has, it is left for a cause."""
    random = site.world.random
    path = random.choice(sorted(site.paths))
    standby = random.choice([host for host in site.controllers if not host.view.leading])
    leader, = (host for host in site.controllers if host.view.leading)
    if path not in site.direct and random.random() < 0.5:
        site.paths[path].part(standby.name, leader.name)
    else:
        site.cut((standby, path))


@pytest.mark.parametrize("trouble", [idle, load, cut])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_moves_without_a_cause(seed, trouble):
    site = site_of(seed)
    site.start()
    site.world.run(30_000)
    before = moves(site)
    trouble(site)
    site.world.run(MINUTES * 60_000)
    assert moves(site) == before, site.where()


def moves(site):
    """All that would show a move: who leads in which term, what is active where, fences, resets and reboots. A standby
    that has lost a path may give way to a better one."""
    terms = {host.view.durable.vote for host in site.controllers}
    running = {host.name: {name for name, state in host.running.items() if state is ServiceState.ENABLED_ACTIVE}
               for host in site.controllers}
    return terms, running, list(site.promotions), site.fences, site.bites, list(site.reboots)


def test_longer_silence_does_move():
    """The same load with daemons that stand still for longer than silence lasts has a cause to move."""
    site = site_of(0)
    site.start()
    site.world.run(30_000)
    before = moves(site)
    leader, = (host for host in site.controllers if host.view.leading)
    for _ in range(20):
        leader.stall(8_000)
        site.world.run(20_000)
    assert moves(site) != before
