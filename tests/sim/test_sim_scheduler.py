# SPDX-License-Identifier: Apache-2.0
"""The scheduler over two to five nodes that fail in every way: never two active, no old data, and rest at the end."""
from __future__ import annotations

from collections import Counter

import pytest

from flock.core.records import replace
from flock.sim import Network, World, seeds
from sm.contract.states import Administrative, Condition, GroupState
from sm.core.model import GroupSpec
from sm.core.swact import begin_swact, swact_check
from tests.sim.scheduled_nodes import DEBOUNCE_MS, Controller, Faults, Leader
from tests.unit.sm.core.scheduler.domains import AGGREGATE, active_active, group

pytestmark = pytest.mark.soak

STORM_MS, QUIET_MS = 60_000, 120_000


class Domain:
    """A world with a leader and its nodes."""

    def __init__(self, seed: int, groups: list[GroupSpec], count: int, faults: Faults | None = None) -> None:
        self.world = world = World(seed)
        self.groups = {each.name: each for each in groups}
        # Every fifth network is so slow that reports and orders overtake each other.
        self.network = Network(world, "mgmt", latency_ms=(0.1, 600.0 if seed % 5 == 0 else 40.0), duplicate=0.02)
        self.faults = faults or Faults()
        names = [f"controller-{n}" for n in range(count)]
        self.leader = Leader(world, names, self.groups, self.network)
        self.nodes = [Controller(world, name, self.groups, self.network, self.faults) for name in names]
        for node in (self.leader, *self.nodes):
            world.add(node)
            node.start()
        self.seen: list[set[str]] = []
        world.always(lambda _: self.too_many())

    def too_many(self) -> str | None:
        now = [node.serves for node in self.nodes]
        if now == self.seen:
            return None
        self.seen = [set(serves) for serves in now]
        serving = Counter(name for serves in now for name in serves)
        return next((f"{name} is active on {count} nodes" for name, count in serving.items()
                     if count > self.groups[name].n_active), None)

    def states(self, name: str) -> Counter[GroupState]:
        return Counter(node.rows[name].state for node in self.nodes)


def random_groups(world: World, count: int) -> list[GroupSpec]:
    random = world.random
    active = random.randint(1, max(1, count - 1))
    standby = random.randint(1, 2)
    found = [group(name, AGGREGATE, n_active=active, m_standby=standby, fatal_error_reboot=name == "a")
             for name in ("a", "b")]
    alone = group("c", preferred=("controller-1",) if random.random() < 0.3 else ())
    return [*found, alone, active_active("d", min(2, count))]


class Storm:
    """Faults at random moments, each of which ends by itself, or with the storm."""

    def __init__(self, domain: Domain) -> None:
        self.domain, self.world, self.random = domain, domain.world, domain.world.random
        self.leader = domain.leader
        self.over = False
        self.strike()

    def strike(self) -> None:
        if self.over:
            return
        self.world.after(self.random.expovariate(1 / 2_500), self.strike)
        node = self.random.choice(self.domain.nodes)
        self.random.choice([self.crash, self.cut, self.restart, self.lock, self.unready, self.score, self.fail,
                            self.fail, self.swact, self.outdate, self.maintain, self.new_leader])(node)

    def later(self, what, longest_ms: float = 12_000) -> None:  # type: ignore[no-untyped-def]
        self.world.after(self.random.uniform(50, longest_ms), what)

    def crash(self, node: Controller) -> None:
        node.crash()
        self.later(node.start)

    def restart(self, node: Controller) -> None:
        if node.up:
            self.world.say(f"sm restarts on {node.name}")
            node.restart_daemon()

    def cut(self, node: Controller) -> None:
        self.domain.network.cut(node.name)
        self.later(lambda: self.domain.network.heal(node.name))

    def set(self, node: Controller, back: object, longest_ms: float = 12_000, **fields: object) -> None:
        self.world.say(f"{node.name}: {fields}")
        self.leader.set(node.name, **fields)
        name, = fields
        self.later(lambda: self.leader.set(node.name, **{name: back}), longest_ms)

    def lock(self, node: Controller) -> None:
        self.set(node, Administrative.UNLOCKED, administrative=Administrative.LOCKED)

    def unready(self, node: Controller) -> None:
        self.set(node, True, ready=False)

    def score(self, node: Controller) -> None:
        self.set(node, 0, score=-self.random.randint(1, 7))

    def outdate(self, node: Controller) -> None:
        """Nodes that are active have the data; so has one node at least, or nothing is left to wait for."""
        known = self.leader.cluster
        others = [other for other in known.nodes.values() if other.name != node.name and other.data_current]
        wanted = any(row.desired is GroupState.ACTIVE or row.told_active for key, row in known.assignments.items()
                     if key[1] == node.name)
        if others and not wanted and not node.serves:
            self.set(node, True, data_current=False)

    def fail(self, node: Controller) -> None:
        name = self.random.choice(list(self.domain.groups))
        if node.up and node.rows[name].state is GroupState.ACTIVE:
            node.fail(name, self.random.choice([Condition.RECOVERY_FAILURE, Condition.RECOVERY_FAILURE,
                                                Condition.ACTION_FAILURE, Condition.FATAL_FAILURE]))

    def swact(self, node: Controller) -> None:
        force = self.random.random() < 0.3
        if self.leader.up and (force or swact_check(self.leader.cluster, node.name).allowed):
            self.world.say(f"swact of {node.name}, forced: {force}")
            self.leader.cluster = begin_swact(self.leader.cluster, node.name, force)

    def maintain(self, node: Controller) -> None:
        self.leader.cluster = replace(self.leader.cluster, maintenance=True)
        self.later(lambda: self._resume())

    def _resume(self) -> None:
        self.leader.cluster = replace(self.leader.cluster, maintenance=False)

    def new_leader(self, node: Controller) -> None:
        self.leader.crash()
        self.later(self.leader.start, 3_000)


def run_storm(domain: Domain, loss: float) -> None:
    domain.network.loss = loss
    storm = Storm(domain)
    domain.world.run(STORM_MS)
    storm.over = True
    domain.network.loss = 0.01
    domain.faults.start, domain.faults.repair = 0.0, 1.0


@pytest.mark.parametrize("seed", seeds(40))
def test_never_two_active_and_all_is_well_when_it_is_quiet(seed: int) -> None:
    count = 2 + seed % 4
    domain = Domain(seed, random_groups(World(seed), count), count, Faults(start=0.15))
    domain.world.run(5_000)
    run_storm(domain, loss=(seed % 3) * 0.1)
    # The last faults end, silent nodes are proven gone or return, and a preferred node has been well for a minute.
    domain.world.run(QUIET_MS)
    for name, spec in domain.groups.items():
        found = domain.states(name)
        standby = min(spec.m_standby, count - spec.n_active)
        if found != Counter(filter_zero({GroupState.ACTIVE: spec.n_active, GroupState.STANDBY: standby,
                                         GroupState.DISABLED: count - spec.n_active - standby})):
            domain.world.fail(f"{name}: {found}")
    before = len(domain.leader.moves)
    domain.world.run(QUIET_MS)
    assert domain.leader.moves[before:] == [], domain.world.fail("groups move although nothing happens")


def filter_zero(counts: dict[GroupState, int]) -> dict[GroupState, int]:
    return {state: count for state, count in counts.items() if count}


@pytest.mark.parametrize("seed", seeds(12))
def test_a_group_that_fails_everywhere_does_not_wander(seed: int) -> None:
    """Each failure counts for a while on its node, so that at most one move happens in that time."""
    count = 2 + seed % 4
    domain = Domain(seed, [group("a", AGGREGATE), group("b", AGGREGATE)], count)

    def fail() -> None:
        for node in domain.nodes:
            if node.rows["a"].state is GroupState.ACTIVE:
                node.fail("a", Condition.RECOVERY_FAILURE)
        domain.world.after(domain.world.random.uniform(500, 3_000), fail)

    domain.world.run(10_000)
    before = len(domain.leader.moves)
    fail()
    domain.world.run(5 * DEBOUNCE_MS)
    moves = [at for at, name, _ in domain.leader.moves[before:] if name == "a"]
    assert len(moves) <= count * (5 + 1), domain.world.fail(f"{len(moves)} moves")
    assert domain.states("a")[GroupState.ACTIVE] + domain.states("a")[GroupState.GO_ACTIVE] <= 1


@pytest.mark.parametrize("seed", seeds(16))
def test_a_dead_node_is_replaced_only_when_it_is_proven_to_be_gone(seed: int) -> None:
    domain = Domain(seed, random_groups(World(seed), 3), 3)
    world, leader = domain.world, domain.leader
    world.run(20_000)
    victim = next(node for node in domain.nodes if "c" in node.serves)
    domain.network.cut(victim.name)
    before = len(leader.moves)
    while not leader.cluster.nodes[victim.name].gone:
        assert not [move for move in leader.moves[before:] if move[1] in "abc"]
        world.run(100)
    assert not victim.serves
    world.run(6_000)
    assert sum("c" in node.serves for node in domain.nodes) == 1
