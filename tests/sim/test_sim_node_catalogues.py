# SPDX-License-Identifier: Apache-2.0
"""Whole nodes, two to five of them, with catalogues drawn at random, under every mix of faults: no group is active more
often than it may be, every order has a reason, and when all faults have ended everything runs where it should."""
from random import Random

import pytest

from flock.core.errors import FlockError
from flock.core.records import replace
from flock.sim import seeds
from sm.contract.control import Verb
from sm.contract.states import Administrative, GroupState, Impact
from tests.sim.domainworld import lab
from tests.sim.scenariohosts import AUDITS, UP, Host
from tests.sim.scenarioworld import Site
from tests.sim.service_catalogues import chosen
from tests.unit.sm.catalogue.sites import rows

pytestmark = pytest.mark.soak

FAULTS, DURATION_MS, REST_MS = 16, 75_000, 240_000
NOTICED_MS = 45_000
"""An audit finds every service that has died within that time."""


class Careless(Host):
    """Its plug-ins fail now and then."""

    failing = 0.05

    def carry_out(self, name, kind, detail, spec):
        if kind not in AUDITS and self.world.random.random() < self.failing:
            return "1"
        return super().carry_out(name, kind, detail, spec)


def drawn(random):
    """A random catalogue with the shipped rows of results. Services need only others of their own group: what moves
    alone cannot wait for what may be on another node."""
    found = chosen(random)
    own = {member.service: group.name for group in found.groups.values() for member in group.members}
    return replace(found, results=rows().service_action_results, dependencies=tuple(
        row for row in found.dependencies if own[row.service] == own[row.dependent]))


def fault(site):
    random = site.world.random
    host = random.choice(site.controllers)
    lasts_ms = random.choice((300, 2_000, 8_000, 20_000))
    path = random.choice(sorted(site.paths))
    random.choice((lambda: cut(site, [(host, path)], lasts_ms),
                   lambda: cut(site, [(host, each) for each in site.paths], lasts_ms),
                   lambda: part(site, lasts_ms), lambda: site.reset(host),
                   lambda: host.stall(random.choice((200, 1_000, 5_000, 15_000))),
                   lambda: restart(site, host, lasts_ms), lambda: die(host, random), lambda: die(host, random),
                   lambda: ask(host, Verb.SWACT, force=random.random() < 0.3), lambda: lock(site, host, lasts_ms)))()


def cut(site, ports, lasts_ms):
    site.cut(*ports)
    site.world.after(lasts_ms, lambda: site.mend(*ports))


def part(site, lasts_ms):
    one, other = site.world.random.sample(site.names, 2)
    for path in site.paths.values():
        path.part(one, other)
        site.world.after(lasts_ms, lambda path=path: path.join(one, other))


def restart(site, host, lasts_ms):
    if host.up and host.daemon:
        host.end_daemon(announced=lasts_ms > 300)
        site.world.after(min(lasts_ms, 3_000), host.start_daemon)


def die(host, random):
    running = sorted(name for name, state in host.running.items() if state is UP)
    if host.up and running:
        host.die(random.choice(running))


def ask(host, verb, **fields):
    """An operator asks; that a daemon refuses or is not there is an answer too."""
    if host.up and host.daemon and not host.is_stalled():
        try:
            host.say(verb, **fields)
        except FlockError:
            pass


def lock(site, host, lasts_ms):
    if host.up and host.daemon:
        host.maintenance(administrative=Administrative.LOCKED)
        site.world.after(lasts_ms, lambda: unlock(host))


def unlock(host):
    host.report = host.self.report = replace(host.report, administrative=Administrative.UNLOCKED)


def settled(site):
    """Every group is active on as many nodes as it should, with all members that can run."""
    leaders = [host for host in site.controllers if host.view.leading]
    if len(leaders) != 1:
        return False
    for group in site.catalogue.groups.values():
        states = [host.node.local.groups[group.name].state for host in site.controllers]
        if states.count(GroupState.ACTIVE) != min(group.n_active, len(states)):
            return False
        for host, state in zip(site.controllers, states, strict=True):
            if state is GroupState.ACTIVE and not all(
                    host.running[member.service] is UP for member in group.members if member.impact is Impact.CRITICAL):
                return False
    return True


@pytest.mark.parametrize("seed", seeds(2))
def test_random_catalogues_on_two_to_five_nodes(seed):
    random = Random(seed)
    nodes = (3, 5, 4, 2)[seed % 4]
    site = Site(seed=seed, nodes=nodes, other=drawn(random), timing=lab(), host=Careless, bmc=random.random() < 0.7,
                witness=nodes == 2 and random.random() < 0.5)
    site.start()
    for _ in range(FAULTS):
        site.world.at(random.uniform(15_000, DURATION_MS - 1), lambda: fault(site))
    site.world.run(DURATION_MS)
    site.heal()
    site.mend()
    for host in site.controllers:
        host.failing = 0.0
        unlock(host)
        host.start_daemon()
    site.world.run(NOTICED_MS)
    site.until(lambda: settled(site), REST_MS, "everything runs where it should")
    site.holds(lambda: settled(site), 10_000)
