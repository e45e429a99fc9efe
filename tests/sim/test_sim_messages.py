# SPDX-License-Identifier: Apache-2.0
"""Beats under loss, restarts, stalls and an attacker who records everything and repeats it: no recording is taken for
life, nodes find each other again, and a rotation of the key never makes one node refuse another."""
from __future__ import annotations

import uuid
from random import Random
from typing import Any

import pytest

from flock.sim import Network, Node, World, seeds
from sm.contract.messages import Beat, Echo
from sm.contract.states import PathState
from sm.core import paths, rotation
from sm.core.admission import FRESH_MS, LATE_MS, Admission, Verdict
from sm.core.paths import Heard, PathSettings, Tick
from sm.core.rotation import Key, Ring
from sm.transport import codec

pytestmark = pytest.mark.soak

NODES = ("controller-0", "controller-1", "controller-2")
PATHS = ("mgmt", "oam", "cluster-host")
PERIOD_MS = 100
SLACK_MS = 2 * PERIOD_MS
"""Rounding, drift, and the way of an echo."""


class Talker(Node):
    """The same steps as ``sm.transport.exchange``, with the world's networks for sockets. Its ring is on its disk."""

    def __init__(self, world: World, name: str, networks: dict[str, Network], **more: Any) -> None:
        super().__init__(world, name, **more)
        self.networks = networks
        self.ring = Ring((Key(1, "aa", b"first"),), "aa")
        self.others = [node for node in NODES if node != name]
        self.boots: list[str] = []
        self.sent_at: dict[tuple[str, int], float] = {}

    def local_ms(self) -> int:
        return super().local_ms() + self.clock_ms

    def on_start(self) -> None:
        # The clock of a machine begins anew with it.
        self.clock_ms = self.world.random.randrange(10**9)
        self.boot = uuid.UUID(int=self.world.random.getrandbits(128)).hex
        self.boots.append(self.boot)
        self.sequence = 0
        self.admission = Admission(self.name, self.boot)
        self.settings = PathSettings(self.name, {path: path for path in PATHS}, tuple(self.others))
        self.view = paths.begin(self.settings, self.local_ms())
        for path in PATHS:
            self.step(paths.Carrier(path, True))
        self.heard: dict[str, Beat] = {}
        self.taken: dict[tuple[str, str], float] = {}
        self.beat()

    def step(self, event: paths.Event) -> None:
        self.view, _ = paths.step(self.settings, self.view, event, False, self.local_ms())

    def beat(self) -> None:
        self.timer(PERIOD_MS, self.beat)
        self.step(Tick())
        now = self.local_ms()
        self.sequence += 1
        self.sent_at[self.boot, self.sequence] = self.world.now_ms
        reports = {node: beat.keys for node, beat in self.heard.items() if beat.keys is not None}
        self.ring = rotation.advance(self.ring, self.others, reports)
        beat = Beat(self.name, self.boot, self.sequence, now, greetings=self.admission.greetings(now),
                    echoes={node: Echo(beat.boot, beat.sent_ms) for node, beat in self.heard.items()},
                    keys=self.ring.report)
        body, flags = codec.encode(beat)
        for path, network in self.networks.items():
            key = self.ring.signing
            network.multicast(self.name, self.others, codec.seal(body, flags, self.sequence, key.number,
                                                                 secret(key, path, self.name)))

    def on_message(self, source: str, payload: bytes) -> None:
        path, data = payload[:16].rstrip().decode(), payload[16:]
        keys = {key.number: secret(key, path, source) for key in self.ring.keys}
        opened = codec.opened(data, keys)
        if isinstance(opened, codec.Refusal):
            self.world.fail(f"{self.name} refuses {source}: {opened}")
            return
        beat = codec.decode(*opened[:2])
        assert isinstance(beat, Beat)
        verdict = self.admission.admit(path, beat, opened[2], self.local_ms())
        if verdict is Verdict.ACCEPTED:
            self.accept(path, beat, opened[2])

    def accept(self, path: str, beat: Beat, sequence: int) -> None:
        sender = self.world.nodes[beat.node]
        assert isinstance(sender, Talker)
        age_ms = self.world.now_ms - sender.sent_at[beat.boot, sequence]
        if age_ms > FRESH_MS + LATE_MS + SLACK_MS:
            self.world.fail(f"{self.name} takes a beat of {beat.node} for life that is {age_ms:.0f} ms old")
        former = self.heard.get(beat.node)
        if former is not None and sender.boots.index(beat.boot) < sender.boots.index(former.boot):
            self.world.fail(f"{self.name} believes an earlier boot of {beat.node} again")
        if former is None or former.boot != beat.boot or beat.sequence > former.sequence:
            self.heard[beat.node] = beat
        new = sender.ring.new
        if new is not None:
            # An offer, as a beat carries it.
            self.ring = rotation.accept(self.ring, new)
        self.taken[path, beat.node] = self.world.now_ms
        self.step(Heard(path, beat))


def secret(key: Key, path: str, sender: str) -> bytes:
    return key.secret + path.encode() + sender.encode()


class Recorder(Network):
    """A network on which a stranger hears everything; he repeats it later, to any node."""

    def __init__(self, world: World, name: str, **more: Any) -> None:
        super().__init__(world, name, **more)
        self.recorded: list[tuple[str, bytes]] = []

    def send(self, source: str, target: str, payload: bytes) -> None:
        super().send(source, target, self.name.ljust(16).encode() + payload)
        if len(self.recorded) < 5_000:
            self.recorded.append((source, self.name.ljust(16).encode() + payload))

    def repeat(self, random: Random) -> None:
        """One second of a recording, from anywhere in it."""
        start = random.randrange(max(1, len(self.recorded)))
        for number, (source, payload) in enumerate(self.recorded[start:start + 60]):
            for target in NODES:
                if target != source:
                    self.world.after(number * 15, lambda a=source, b=target, c=payload: self._arrive(a, b, c))


def domain(seed: int, loss: float) -> tuple[World, dict[str, Recorder], list[Talker]]:
    world = World(seed)
    networks = {path: Recorder(world, path, loss=loss, duplicate=0.02) for path in PATHS}
    nodes = []
    for name in NODES:
        node = Talker(world, name, networks, drift_ppm=world.random.uniform(-300, 300))
        world.add(node)
        nodes.append(node)
    return world, networks, nodes


def everybody_hears_everybody(world: World, nodes: list[Talker]) -> None:
    for node in nodes:
        for path in PATHS:
            if node.view.lines[path].state is not PathState.OK:
                world.fail(f"{node.name}: {path} is {node.view.lines[path].state}")
            for other in node.others:
                last = node.taken.get((path, other))
                if last is None or world.now_ms - last > 1_000:
                    world.fail(f"{node.name} does not hear {other} on {path}")


@pytest.mark.parametrize("seed", seeds(25))
def test_recordings_are_no_life_and_nodes_find_each_other_again(seed: int) -> None:
    world, networks, nodes = domain(seed, loss=0.1)
    random = world.random
    for node in nodes:
        world.at(random.uniform(0, 300), node.start)
    for _ in range(8):
        node, at_ms = random.choice(nodes), random.uniform(2_000, 40_000)
        if random.random() < 0.5:
            world.at(at_ms, node.crash)
            world.at(at_ms + random.choice([0, 50, 400, 3_000]), node.start)
        else:
            world.at(at_ms, lambda node=node: node.stall(random.uniform(100, 4_000)))
    for _ in range(60):
        world.at(random.uniform(1_000, 44_000), lambda: networks[random.choice(PATHS)].repeat(random))
    world.run(44_000)
    for node in nodes:
        node.start()
    # Repetitions go on while they find each other.
    for at_ms in range(0, 4_000, 500):
        world.after(at_ms, lambda: networks[random.choice(PATHS)].repeat(random))
    world.run(6_000)
    everybody_hears_everybody(world, nodes)


@pytest.mark.parametrize("seed", seeds(25))
def test_a_rotation_never_makes_a_node_refuse_another(seed: int) -> None:
    """Without datagrams in flight that are older than the step that drops their key: latency is below a period."""
    world, _, nodes = domain(seed, loss=0.3)
    random = world.random
    for node in nodes:
        node.start()
    for number, node in enumerate(random.sample(nodes, random.choice([1, 2, 3]))):
        key = Key(2, f"{random.getrandbits(32):08x}", f"new {number}".encode())
        world.at(random.uniform(1_000, 1_200), lambda node=node, key=key: begin(node, key))
    for _ in range(4):
        node, at_ms = random.choice(nodes), random.uniform(1_000, 4_000)
        world.at(at_ms, node.crash)
        world.at(at_ms + random.uniform(0, 3_000), node.start)
    world.run(8_000)
    for node in nodes:
        node.start()
    world.run(10_000)
    rings = {node.ring for node in nodes}
    if len(rings) != 1 or len(rings.pop().keys) != 1 or nodes[0].ring.used == "aa":
        world.fail(f"the rotation has not ended: {[node.ring for node in nodes]}")


def begin(node: Talker, key: Key) -> None:
    if node.up and node.ring.new is None:
        node.ring = rotation.begin(node.ring, key.tag, key.secret)


def test_the_checker_sees_a_recording_that_is_taken_for_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Admission, "admit", lambda *_: Verdict.ACCEPTED)
    with pytest.raises(AssertionError, match="for life that is"):
        test_recordings_are_no_life_and_nodes_find_each_other_again(0)
