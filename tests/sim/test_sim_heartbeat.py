# SPDX-License-Identifier: Apache-2.0
"""Pulses under loss, crashes, stalls and drift: nobody healthy is lost, nobody dead stays unnoticed, no replay is
answered."""
import uuid
from hashlib import sha256

import pytest

from flock.sim import Network, Node, World, seeds
from mtce.contract import pulsekey
from mtce.core.heartbeat import DEGRADE, LOSS, OK, Detector, Thresholds, Watch
from mtce.core.pulse import ANSWER, ASK, Listener, Pulser
from mtce.heartbeat import codec

pytestmark = pytest.mark.soak

PERIOD_MS = 100
CLUSTER_KEY = bytes(range(32))
NETWORKS = ("mgmt", "cluster-host")


# Chains of 25.6 s, so that they end within a test.
SLOTS = 256


class Host(Node):
    """The same steps as mtce.heartbeat.responder. The address of a node is the hash of its name."""

    def __init__(self, world, name, networks, **kwargs):
        super().__init__(world, name, **kwargs)
        self.uuid = str(uuid.UUID(int=world.random.getrandbits(128), version=4))
        self.key = pulsekey.derive(CLUSTER_KEY, name)
        self.networks = networks
        self.answered = []

    def on_start(self):
        self.listeners = {name: Listener(name, self.world.random.randbytes) for name in NETWORKS}

    def on_message(self, source, payload):
        request = codec.decode_request(payload)
        if request is None:
            self.learn(source, payload)
            return
        listener = self.listeners[request.network]
        verdict = listener.hear(source, request.sequence, request.nonce, round(self.local_ms()))
        if verdict == ANSWER:
            self.answered.append((source, request))
            answer = codec.encode_answer(request, uuid.UUID(self.uuid).bytes, self.key)
            self.networks[request.network].send(self.name, source, answer)
        elif verdict == ASK:
            nonce = listener.ask(source, round(self.local_ms()))
            question = codec.Question(request.network, nonce, address_of(source), self.name)
            self.networks[request.network].send(self.name, source, codec.encode_question(question))

    def learn(self, source, payload):
        for name, listener in self.listeners.items():
            asked = listener.asked(source, round(self.local_ms()))
            if asked is not None:
                question = codec.Question(name, asked.nonce, address_of(source), self.name)
                standing = codec.genuine_reply(payload, question, self.key)
                if standing is not None:
                    listener.learn(source, standing, round(self.local_ms()))


def address_of(name):
    return sha256(name.encode()).digest()[:codec.ADDRESS_BYTES]


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
        self.pulsers = {name: Pulser(name, self.world.random.randbytes, SLOTS) for name in NETWORKS}
        self.requests = {}
        self.inbox = []
        self.tick()

    def on_message(self, source, payload):
        question = codec.decode_question(payload)
        if question is None:
            self.inbox.append(payload)
            return
        standing = self.pulsers[question.network].standing(round(self.local_ms()))
        if standing is not None and question.address == address_of(self.name):
            key = pulsekey.derive(CLUSTER_KEY, question.hostname)
            self.networks[question.network].send(self.name, source, codec.encode_reply(question, standing, key))

    def tick(self):
        self.timer(PERIOD_MS, self.tick)
        for payload in self.inbox:
            self.note(payload)
        self.inbox.clear()
        for change in self.detector.on_tick(self.local_ms(), NETWORKS):
            self.levels[change.uuid, change.network] = change.level
            self.changed_ms[change.uuid, change.network] = self.world.now_ms
            self.world.say(f"{change.uuid[:8]} {change.network} {change.level}")
        for name in NETWORKS:
            self.requests[name] = codec.Request(name, *self.pulsers[name].pulse(round(self.local_ms())))
            self.networks[name].multicast(self.name, [host.name for host in self.hosts],
                                          codec.encode_request(self.requests[name]))

    def note(self, payload):
        for name, request in self.requests.items():
            host = self.by_id.get(codec.answering_host(payload, request.sequence))
            if host is not None and codec.is_genuine(payload, request, host.key):
                self.detector.path(host.uuid, name).answered = True


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
        world.at(world.random.uniform(500, 28_000), lambda v=victim: stall_once(v, longest_ms(seed)))
    world.run(30_000)


def world_loss(seed):
    return (seed % 4) * 0.03


def longest_ms(seed):
    """A stall that a loss of pulses cannot lengthen to the ten misses of a dead host, but once in a million."""
    return 600 if not world_loss(seed) else 350


def stall_once(node, most_ms):
    """Stalls that overlap would make one that is longer."""
    if not node.is_stalled():
        node.stall(node.world.random.uniform(20, most_ms))


@pytest.mark.parametrize("seed", seeds(100))
def test_a_crashed_host_is_noticed_in_time_and_taken_back(seed):
    world, _, hosts, sender = cloud(seed, loss=0.02, drift_ppm=200)
    world.run(2_000)
    victim = world.random.choice(hosts)
    crash_ms = world.now_ms + world.random.uniform(0, 500)
    missed = {}

    def crash():
        missed.update((name, sender.detector.path(victim.uuid, name).misses) for name in NETWORKS)
        victim.crash()

    world.at(crash_ms, crash)
    world.run(2_500)
    for name in NETWORKS:
        if sender.levels[victim.uuid, name] != LOSS:
            world.fail("not noticed")
        # What the network had lost in a row before counts as well; the sender's clock drifts.
        earliest_ms = 899 - PERIOD_MS * missed[name]
        assert earliest_ms <= sender.changed_ms[victim.uuid, name] - crash_ms <= 1_400
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
            forged = payload[:8] + sender.requests["mgmt"].sequence.to_bytes(8, "big") + payload[16:]
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


@pytest.mark.parametrize("seed", seeds(40))
def test_relayed_and_replayed_pulses_get_no_answer_and_disturb_no_host(seed):
    world, networks, hosts, sender = cloud(seed, loss=0.02, drift_ppm=200)
    relay, victim = hosts[1], hosts[0]
    heard, original = [], relay.on_message

    def on_message(source, payload):
        heard.append(payload)
        if source == victim.name:
            # What the victim sends to the relay goes on to the controller, and the other way round.
            networks["mgmt"].send(relay.name, sender.name, payload)
        elif codec.decode_request(payload) is None:
            networks["mgmt"].send(relay.name, victim.name, payload)
        original(source, payload)

    relay.on_message = on_message

    def attack():
        for payload in world.random.sample(heard, min(10, len(heard))):
            networks[world.random.choice(NETWORKS)].send(relay.name, victim.name, payload)
            networks["mgmt"].send(sender.name, victim.name, payload)
        world.after(30, attack)

    attack()
    world.run(40_000)
    assert {source for source, _ in victim.answered} == {sender.name}
    assert len(victim.answered) == len(set(victim.answered)), world.fail("one pulse was answered twice")
    assert all(level == OK for level in sender.levels.values())
