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

    def cut(self, node: str) -> None:
        """Disconnect a node from this network."""
        self._cut.add(node)
        self.world.say(f"{node} is cut from {self.name}")

    def heal(self, node: str) -> None:
        """Reconnect a node."""
        self._cut.discard(node)
        self.world.say(f"{node} is back on {self.name}")

    def send(self, source: str, target: str, payload: bytes) -> None:
        """Send one datagram to one node."""
        self.sent += 1
        if source in self._cut or target in self._cut:
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
        if node is not None and target not in self._cut:
            node.deliver(source, payload)
