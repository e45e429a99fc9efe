# SPDX-License-Identifier: Apache-2.0
"""Pulses under loss, crashes, stalls and drift: nobody healthy is lost, nobody dead stays unnoticed."""
import uuid

import pytest

from flock.sim import Network, Node, World, seeds
from mtce.contract import pulsekey
from mtce.core.heartbeat import DEGRADE, LOSS, OK, Detector, Thresholds, Watch
from mtce.heartbeat import codec

pytestmark = pytest.mark.soak

PERIOD_MS = 100
CLUSTER_KEY = bytes(range(32))
NETWORKS = ("mgmt", "cluster-host")


class Host(Node):
    def __init__(self, world, name, networks, **kwargs):
        super().__init__(world, name, **kwargs)
        self.uuid = str(uuid.UUID(int=world.random.getrandbits(128), version=4))
        self.key = pulsekey.derive(CLUSTER_KEY, name)
        self.networks = networks

    def on_message(self, source, payload):
        request = codec.decode_request(payload)
        if request is not None:
            answer = codec.encode_answer(request, uuid.UUID(self.uuid).bytes, self.key)
            self.networks[request.network].send(self.name, source, answer)


class Sender(Node):
    """The same steps as mtce.heartbeat.sender, with the world's network for sockets."""

    def __init__(self, world, name, hosts, networks, **kwargs):
        super().__init__(world, name, **kwargs)
        self.hosts, self.networks = hosts, networks
        self.levels = {}
        self.changed_ms = {}
        self.by_id = {uuid.UUID(host.uuid).bytes: host for host in hosts}

    def on_start(self):
        self.detector = Detector(PERIOD_MS, Thresholds())
        self.detector.watch_all([Watch(host.uuid, host.name, NETWORKS, 1) for host in self.hosts])
        self.levels.clear()
        self.sequence = self.world.random.getrandbits(40)
        self.requests = {}
        self.inbox = []
        self.tick()

    def on_message(self, source, payload):
        self.inbox.append(payload)

    def tick(self):
        self.timer(PERIOD_MS, self.tick)
        for payload in self.inbox:
            self.note(payload)
        self.inbox.clear()
        for change in self.detector.on_tick(self.local_ms(), NETWORKS):
            self.levels[change.uuid, change.network] = change.level
            self.changed_ms[change.uuid, change.network] = self.world.now_ms
            self.world.say(f"{change.uuid[:8]} {change.network} {change.level}")
        self.sequence += 1
        for name in NETWORKS:
            nonce = self.world.random.randbytes(16)
            self.requests[name] = codec.Request(name, self.sequence, nonce)
            self.networks[name].multicast(self.name, [host.name for host in self.hosts],
                                          codec.encode_request(self.requests[name]))

    def note(self, payload):
        host_id = codec.answering_host(payload, self.sequence)
        host = self.by_id.get(host_id)
        if host is None:
            return
        for name in NETWORKS:
            path = self.detector.path(host.uuid, name)
            if codec.is_genuine(payload, self.requests[name], host.key):
                path.answered = True


def cloud(seed, hosts=4, loss=0.0, drift_ppm=0.0):
    world = World(seed)
    networks = {name: Network(world, name, loss=loss, duplicate=0.01) for name in NETWORKS}
    drift = lambda: world.random.uniform(-drift_ppm, drift_ppm)  # noqa: E731
    members = [world.add(Host(world, f"worker-{n}", networks, drift_ppm=drift())) for n in range(hosts)]
    sender = world.add(Sender(world, "controller-0", members, networks, drift_ppm=drift()))
    for node in (*members, sender):
        node.start()
    return world, networks, members, sender


@pytest.mark.parametrize("seed", seeds(100))
def test_nobody_healthy_is_lost_under_loss_stalls_and_drift(seed):
    world, _, hosts, sender = cloud(seed, loss=world_loss(seed), drift_ppm=500)
    world.always(lambda w: next((f"{key} lost" for key, level in sender.levels.items() if level == LOSS), None))
    for _ in range(6):
        world.at(world.random.uniform(500, 28_000), lambda: sender.stall(world.random.uniform(20, 3_000)))
        victim = world.random.choice(hosts)
        world.at(world.random.uniform(500, 28_000), lambda v=victim: v.stall(world.random.uniform(20, 600)))
    world.run(30_000)


def world_loss(seed):
    return (seed % 4) * 0.03


@pytest.mark.parametrize("seed", seeds(100))
def test_a_crashed_host_is_noticed_in_time_and_taken_back(seed):
    world, _, hosts, sender = cloud(seed, loss=0.02, drift_ppm=200)
    world.run(2_000)
    victim = world.random.choice(hosts)
    crash_ms = world.now_ms + world.random.uniform(0, 500)
    world.at(crash_ms, victim.crash)
    world.run(2_500)
    for name in NETWORKS:
        assert sender.levels[victim.uuid, name] == LOSS, world.fail("not noticed")
        assert 900 <= sender.changed_ms[victim.uuid, name] - crash_ms <= 1_400
    assert all(level != LOSS for (host, _), level in sender.levels.items() if host != victim.uuid)
    victim.start()
    world.run(10_000)
    assert all(sender.levels[victim.uuid, name] == OK for name in NETWORKS)


@pytest.mark.parametrize("seed", seeds(40))
def test_a_cut_network_is_lost_alone(seed):
    world, networks, hosts, sender = cloud(seed, loss=0.01)
    world.run(1_000)
    networks["cluster-host"].cut(hosts[0].name)
    world.run(2_000)
    assert sender.levels[hosts[0].uuid, "cluster-host"] == LOSS
    assert sender.levels[hosts[0].uuid, "mgmt"] == OK
    networks["cluster-host"].heal(hosts[0].name)
    world.run(10_000)
    assert sender.levels[hosts[0].uuid, "cluster-host"] == OK


@pytest.mark.parametrize("seed", seeds(40))
def test_a_restarted_sender_loses_nobody_and_still_finds_the_dead(seed):
    world, _, hosts, sender = cloud(seed, loss=0.02)
    world.run(1_000)
    sender.crash()
    hosts[0].crash()
    world.run(world.random.uniform(100, 20_000))
    sender.start()
    world.run(2_500)
    lost = {host for (host, _), level in sender.levels.items() if level == LOSS}
    assert lost == {hosts[0].uuid}


@pytest.mark.parametrize("seed", seeds(40))
def test_replayed_answers_hide_nobody(seed):
    world, networks, hosts, sender = cloud(seed)
    recorded = []
    original = sender.on_message
    sender.on_message = lambda source, payload: (recorded.append(payload), original(source, payload))
    world.run(3_000)
    victim = hosts[0]
    victim.crash()

    def replay():
        for payload in world.random.sample(recorded, min(40, len(recorded))):
            networks["mgmt"].send("worker-1", "controller-0", payload)
            forged = payload[:8] + sender.sequence.to_bytes(8, "big") + payload[16:]
            networks["mgmt"].send("worker-1", "controller-0", forged)
        world.after(20, replay)

    replay()
    world.run(3_000)
    assert all(sender.levels[victim.uuid, name] == LOSS for name in NETWORKS)


@pytest.mark.parametrize("seed", seeds(40))
def test_a_host_that_hears_one_pulse_in_ten_is_degraded_once_and_others_are_not(seed):
    world, _, hosts, sender = cloud(seed, loss=0.01, drift_ppm=200)
    world.run(2_000)
    victim = world.random.choice(hosts)
    hears, pulses = victim.on_message, iter(range(10**6))
    victim.on_message = lambda source, payload: hears(source, payload) if next(pulses) % 20 < 2 else None
    world.run(6_000)
    assert {sender.levels[victim.uuid, name] for name in NETWORKS} <= {DEGRADE, LOSS}, world.fail("not noticed")
    told_ms = dict(sender.changed_ms)
    world.run(60_000)
    changed = {key for key, at_ms in sender.changed_ms.items() if at_ms != told_ms[key]}
    lost = {key for key, level in sender.levels.items() if level == LOSS}
    assert changed <= lost <= {(victim.uuid, name) for name in NETWORKS}, world.fail(f"told again: {changed}")
    victim.on_message = hears
    world.run(4_000)
    assert all(level == OK for level in sender.levels.values())
