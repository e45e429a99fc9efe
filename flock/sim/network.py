# SPDX-License-Identifier: Apache-2.0
"""A datagram network between the nodes of a world: latency, loss, duplication, disconnected ports."""
from __future__ import annotations

from collections.abc import Iterable

from flock.sim.world import World


class Network:
    """Delivers to nodes by name. ``loss`` and ``duplicate`` are probabilities per datagram and receiver."""

    def __init__(self, world: World, name: str, *, latency_ms: tuple[float, float] = (0.1, 2.0), loss: float = 0.0,
                 duplicate: float = 0.0) -> None:
        self.world = world
        self.name = name
        self.latency_ms = latency_ms
        self.loss = loss
        self.duplicate = duplicate
        self.sent = 0
        self._cut: set[str] = set()
        self._parted: set[tuple[str, str]] = set()

    def cut(self, node: str) -> None:
        """Disconnect a node from this network."""
        self._cut.add(node)
        self.world.say(f"{node} is cut from {self.name}")

    def heal(self, node: str) -> None:
        """Reconnect a node; no effect when it is connected."""
        if node in self._cut:
            self._cut.discard(node)
            self.world.say(f"{node} is back on {self.name}")

    def part(self, one: str, other: str, *, one_way: bool = False) -> None:
        """Lose all datagrams between two nodes, whose ports stay connected; ``one_way``: only from ``one``."""
        self._parted |= {(one, other)} if one_way else {(one, other), (other, one)}
        self.world.say(f"{other} no longer hears {one} on {self.name}{'' if one_way else ', nor the other way'}")

    def join(self, one: str, other: str) -> None:
        """End ``part``; no effect when they are joined."""
        both = {(one, other), (other, one)}
        if both & self._parted:
            self._parted -= both
            self.world.say(f"{one} and {other} are joined on {self.name}")

    def is_cut(self, node: str) -> bool:
        """Whether the node's port is disconnected."""
        return node in self._cut

    def carries(self, one: str, other: str) -> bool:
        """Whether datagrams from ``one`` arrive at ``other``, losses aside."""
        return not (one in self._cut or other in self._cut or (one, other) in self._parted)

    def send(self, source: str, target: str, payload: bytes) -> None:
        """Send one datagram to one node."""
        self.sent += 1
        if not self.carries(source, target):
            return
        random = self.world.random
        copies = 2 if self.duplicate and random.random() < self.duplicate else 1
        for _ in range(copies):
            if self.loss and random.random() < self.loss:
                continue
            self.world.after(random.uniform(*self.latency_ms), lambda: self._arrive(source, target, payload))

    def multicast(self, source: str, targets: Iterable[str], payload: bytes) -> None:
        """Send one datagram to many nodes; each receiver loses it independently."""
        for target in targets:
            self.send(source, target, payload)

    def _arrive(self, source: str, target: str, payload: bytes) -> None:
        node = self.world.nodes.get(target)
        if node is not None and self.carries(source, target):
            node.deliver(source, payload)
