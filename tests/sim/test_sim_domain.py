# SPDX-License-Identifier: Apache-2.0
"""Controllers under every mix of faults: never two active, nothing acknowledged is lost, and one active again."""
import pytest

from flock.core.records import replace
from flock.sim import WorldFailed, seeds
from sm.contract.states import Policy
from sm.core.domain import hearing, lease, record, standing, step
from sm.core.domain.view import Durable, Record
from tests.sim.domainworld import Cloud, lab, swact

pytestmark = pytest.mark.soak

MINUTES = 3


def fault(cloud, move=swact):
    """One random fault, most of which end by themselves. ``move`` asks for a swact."""
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
        lambda: part(paths, one, other, lasts_ms, one_way=True),
        lambda: cloud.reset(node),
        lambda: cloud.reset(node),
        lambda: [cloud.reset(host) for host in everybody],
        lambda: node.stall(random.choice((200, 1_000, 5_000, 20_000))),
        lambda: node.restart_daemon(),
        lambda: move(cloud),
        lambda: lock(node, lasts_ms),
    ))()


def cut(paths, node, lasts_ms):
    for path in paths:
        path.cut(node.name)
        node.world.after(lasts_ms, lambda path=path: path.heal(node.name))


def part(paths, one, other, lasts_ms, one_way=False):
    for path in paths:
        path.part(one, other, one_way=one_way)
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


def broken_promise(patch):
    """A voter votes again before its promise has ended, for a node that stands though it knows of a leader."""
    patch.setattr(standing, "_followed", lambda view, now: "")
    honest = lease.vote_refusal
    patch.setattr(hearing, "vote_refusal", lambda view, beat, now: honest(
        replace(view, promised_until_ms=0, leading=False), beat, now))


def broken_record(patch):
    """A leader acknowledges alone at once when a standby is silent."""
    patch.setattr(record, "_has_left", lambda view, name, now: True)


def broken_fitness(patch):
    """A node leads with data of unknown age."""
    patch.setattr(standing, "fitness_refusal", lambda view, now: "")
    patch.setattr(step, "fitness_refusal", lambda view, now: "")


def broken_stop(patch):
    """A leader goes on after its lease has ended."""
    patch.setattr(standing, "steps_down_at", lambda view: None)
    patch.setattr("tests.sim.domainworld.must_stop", lambda view, now, leased: False)
    patch.setattr("tests.sim.domainworld.permitted_until", lambda view, leased: None)


def broken_proof(patch):
    """A silent node counts as stopped."""
    patch.setattr("tests.sim.domainworld.gone", lambda view, name, now: True)
    patch.setattr(standing, "_votes_refusal", lambda view, now: "")
    patch.setattr(standing, "fitness_refusal", lambda view, now: "")
    patch.setattr(standing, "lease_end", lambda view, now: now + 3_000)


def late_standby(cloud):
    """The standby stands still until the leader has gone on without it, then can fence it, and not the other way."""
    cloud.start()
    cloud.world.run(20_000)
    leader, = (node for node in cloud.controllers if node.view.leading)
    standby, = (node for node in cloud.controllers if node is not leader)
    cloud.fenceable = {leader.name}
    part(list(cloud.paths.values()), *cloud.names, 60_000)
    standby.stall(15_000)
    cloud.world.run(60_000)
    assert cloud.serving() == [leader.name]


def test_a_standby_that_stood_still_is_not_promoted():
    late_standby(Cloud(1, timing=lab()))


def test_a_standby_of_unknown_age_would_lose_data(monkeypatch):
    broken_fitness(monkeypatch)
    with pytest.raises(WorldFailed, match="without .* acknowledged writes"):
        late_standby(Cloud(1, timing=lab()))


def deaf_standby(cloud):
    """The standby no longer hears the leader, which hears it, and both hear the witness. Nothing has started yet, so
    the standby's data stays current."""
    for node in cloud.controllers:
        node.start_services = lambda: None
        node.durable = Durable(record=Record(0, 1, frozenset(cloud.names)))
    cloud.start()
    cloud.world.run(20_000)
    leader, = (node for node in cloud.controllers if node.view.leading)
    standby, = (node for node in cloud.controllers if node is not leader)
    part(list(cloud.paths.values()), leader.name, standby.name, 60_000, one_way=True)
    cloud.world.run(60_000)
    assert leader.view.leading
    assert leader.view.durable.vote.term == 1


def test_a_deaf_standby_leaves_the_leader_alone():
    deaf_standby(Cloud(1, timing=lab(), **KINDS["witness"]))


def test_a_voter_that_breaks_its_promise_would_make_two_leaders(monkeypatch):
    broken_promise(monkeypatch)
    with pytest.raises(WorldFailed, match="have the lease"):
        deaf_standby(Cloud(1, timing=lab(), **KINDS["witness"]))


def two_survivors(cloud):
    """Two of three nodes have both fenced the third, which stays off; then they no longer hear each other."""
    cloud.start()
    cloud.world.run(20_000)
    cloud.fence_fails = 0.0
    leader, = (node for node in cloud.controllers if node.view.leading)
    one, other = (node.name for node in cloud.controllers if node is not leader)
    cloud.fenceable = {leader.name}
    leader.start = lambda: None
    cut(list(cloud.paths.values()), leader, 60_000)
    cloud.world.run(12_000)
    assert all(leader.name in cloud.world.nodes[name].view.void for name in (one, other))
    assert len(cloud.serving()) == 1
    part(list(cloud.paths.values()), one, other, 30_000)
    cloud.world.run(29_000)
    assert cloud.serving() == []
    cloud.world.run(20_000)
    assert len(cloud.serving()) == 1


def test_two_survivors_do_not_both_count_the_vote_of_the_third():
    two_survivors(Cloud(2, timing=lab(), **KINDS["three-and-fence"]))


def test_two_survivors_that_both_did_would_both_lead(monkeypatch):
    def any_majority(view, now_ms):
        votes = sorted(lease.backing(view, now_ms).values(), reverse=True)
        return votes[view.config.majority - 1] + view.config.timing.lease_ms if len(votes) >= 2 else -1
    monkeypatch.setattr(standing, "lease_end", any_majority)
    monkeypatch.setattr(standing, "_votes_refusal", lambda view, now: "")
    with pytest.raises(WorldFailed, match="have the lease"):
        two_survivors(Cloud(2, timing=lab(), **KINDS["three-and-fence"]))


def forgetful_witness(cloud):
    """The leader has gone on without the standby, which is away; the witness loses its store; then the leader dies."""
    cloud.start()
    cloud.world.run(20_000)
    leader, = (node for node in cloud.controllers if node.view.leading)
    standby, = (node for node in cloud.controllers if node is not leader)
    part(list(cloud.paths.values()), leader.name, standby.name, 120_000)
    part(list(cloud.paths.values()), "witness", standby.name, 40_000)
    cloud.world.run(39_000)
    cloud.reset(leader, after_ms=60_000)
    cloud.witness.lose_store()
    cloud.world.run(30_000)
    assert cloud.serving() == []
    cloud.heal()
    cloud.world.run(60_000)
    assert cloud.serving() == [leader.name]


def test_a_voter_with_a_new_store_waits_until_it_knows_whose_data_is_current():
    forgetful_witness(Cloud(1, timing=lab(), **KINDS["witness"]))


def test_a_voter_that_forgot_would_promote_old_data(monkeypatch):
    monkeypatch.setattr(standing, "_recall", lambda view, now: replace(
        view, durable=replace(view.durable, forgot=False)))
    with pytest.raises(WorldFailed, match="without .* acknowledged writes"):
        forgetful_witness(Cloud(1, timing=lab(), **KINDS["witness"]))


def hasty_record(cloud):
    """A standby is complete, but the database does not wait for it yet; then it is cut off, and the leader dies."""
    for node in cloud.controllers:
        node.order_ms = (8_000, 8_000)
    cloud.start()
    cloud.world.run(11_000)
    leader, = (node for node in cloud.controllers if node.view.leading)
    standby, = (node for node in cloud.controllers if node is not leader)
    assert standby.name in leader.synced
    assert leader.view.required == {standby.name}
    cloud.fenceable = {leader.name}
    part(list(cloud.paths.values()), leader.name, standby.name, 60_000)
    cloud.world.run(1_000)
    cloud.reset(leader, after_ms=60_000)
    cloud.world.run(30_000)
    assert cloud.serving() == []


def test_a_complete_standby_that_no_write_waits_for_is_not_promoted():
    hasty_record(Cloud(1, timing=lab()))


def test_a_record_before_the_order_is_in_force_would_lose_data(monkeypatch):
    monkeypatch.setattr(record, "_is_enforced", lambda view, name: True)
    with pytest.raises(WorldFailed, match="without .* acknowledged writes"):
        hasty_record(Cloud(1, timing=lab()))


@pytest.mark.parametrize(("defect", "kind"), [
    (broken_record, "fence"),
    (broken_stop, "witness"),
    (broken_proof, "no-arbiter-freeze"),
])
def test_the_checkers_notice(defect, kind, monkeypatch):
    """Each safeguard taken away is found by some seed."""
    defect(monkeypatch)
    for seed in range(20):
        cloud = Cloud(seed, timing=lab(), loss=0.05, **KINDS[kind])
        try:
            storm(cloud, MINUTES)
        except WorldFailed:
            return
    pytest.fail("no seed of 20 shows it")
