# SPDX-License-Identifier: Apache-2.0
import pytest

from flock.sim import Network, Node, World, WorldFailed


class Echo(Node):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.heard = []

    def on_message(self, source, payload):
        self.heard.append((round(self.world.now_ms), source, payload))


def pair(seed=1, **kwargs):
    world = World(seed)
    network = Network(world, "mgmt", **kwargs)
    nodes = [world.add(Echo(world, name)) for name in ("a", "b")]
    for node in nodes:
        node.start()
    return world, network, nodes


def story(seed):
    world, network, (_, b) = pair(seed, loss=0.3, duplicate=0.2)
    for at_ms in range(0, 1000, 10):
        world.at(at_ms, lambda at_ms=at_ms: network.send("a", "b", str(at_ms).encode()))
    world.run(2_000)
    return b.heard


def test_same_seed_same_story_other_seed_other_story():
    assert story(4) == story(4)
    assert story(4) != story(5)
    assert 40 < len(story(4)) < 110


def test_stalled_node_hears_later_and_a_crashed_one_never():
    world, network, (_, b) = pair()
    b.stall(500)
    network.send("a", "b", b"1")
    world.run(400)
    assert b.heard == []
    world.run(200)
    assert [(at, payload) for at, _, payload in b.heard] == [(500, b"1")]
    network.send("a", "b", b"2")
    b.crash()
    b.start()
    world.run(100)
    assert len(b.heard) == 2


def test_timers_die_with_the_life_that_set_them():
    world, _, (a, _) = pair()
    rung = []
    a.timer(100, lambda: rung.append("old"))
    a.crash()
    a.start()
    a.timer(100, lambda: rung.append("new"))
    world.run(1_000)
    assert rung == ["new"]


def test_cut_is_two_ways_and_heals():
    world, network, (a, b) = pair()
    network.cut("b")
    network.send("a", "b", b"x")
    network.send("b", "a", b"x")
    world.run(100)
    assert (a.heard, b.heard) == ([], [])
    network.heal("b")
    network.send("a", "b", b"y")
    world.run(100)
    assert len(b.heard) == 1


def test_broken_invariant_tells_seed_and_time():
    world, network, (_, b) = pair(seed=77)
    world.always(lambda w: "b heard" if b.heard else None)
    network.send("a", "b", b"x")
    with pytest.raises(WorldFailed, match="seed 77 .* b heard"):
        world.run(100)
