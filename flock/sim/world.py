# SPDX-License-Identifier: Apache-2.0
"""Virtual time, nodes that crash, stall and drift, and invariants that are checked after every event.

Everything random comes from the world's seed: a failing seed fails again, with the same transcript.
"""
from __future__ import annotations

import heapq
import itertools
import os
from collections import deque
from collections.abc import Callable
from random import Random

TRANSCRIPT_LINES = 60
Checker = Callable[["World"], str | None]
"""Returns what is wrong, or None."""


class WorldFailed(AssertionError):
    """An invariant broke; the text holds seed, time and the last lines of the transcript."""


def seeds(count: int) -> range:
    """``count`` seeds; FLOCK_SIM_SEED runs a single one, ``scaled`` multiplies the number."""
    single = os.environ.get("FLOCK_SIM_SEED")
    if single is not None:
        return range(int(single), int(single) + 1)
    return range(scaled(count))


def scaled(count: int) -> int:
    """How many random cases to try: ``count``, times FLOCK_SIM_SCALE in long runs."""
    return count * int(os.environ.get("FLOCK_SIM_SCALE", "1"))


class World:
    """Time in milliseconds from 0. Use ``at`` and ``after`` to schedule, ``run`` to let it happen."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)  # noqa: S311 - repeatable on purpose
        self.now_ms = 0.0
        self.nodes: dict[str, Node] = {}
        self.transcript: deque[str] = deque(maxlen=TRANSCRIPT_LINES)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._always: list[Checker] = []

    def add(self, node: Node) -> Node:
        """Bring a node into the world."""
        self.nodes[node.name] = node
        return node

    def always(self, checker: Checker) -> None:
        """Check after every event."""
        self._always.append(checker)

    def say(self, line: str) -> None:
        """Add a line to the transcript."""
        self.transcript.append(f"{self.now_ms:10.0f} ms  {line}")

    def at(self, when_ms: float, what: Callable[[], None]) -> None:
        """Do ``what`` at an absolute time, not before now."""
        heapq.heappush(self._queue, (max(when_ms, self.now_ms), next(self._order), what))

    def after(self, delay_ms: float, what: Callable[[], None]) -> None:
        """Do ``what`` after ``delay_ms``."""
        self.at(self.now_ms + delay_ms, what)

    def run(self, duration_ms: float) -> None:
        """Let everything happen that is due within ``duration_ms``; WorldFailed when an invariant breaks."""
        end_ms = self.now_ms + duration_ms
        while self._queue and self._queue[0][0] <= end_ms:
            self.now_ms, _, what = heapq.heappop(self._queue)
            what()
            for checker in self._always:
                wrong = checker(self)
                if wrong is not None:
                    self.fail(wrong)
        self.now_ms = end_ms

    def fail(self, wrong: str) -> None:
        """Raise WorldFailed with the transcript."""
        lines = "\n".join(self.transcript)
        raise WorldFailed(f"seed {self.seed} at {self.now_ms:.0f} ms: {wrong}\n{lines}")


class Node:
    """One machine: subclasses override ``on_start`` and ``on_message``. A stalled node's timers wait."""

    def __init__(self, world: World, name: str, *, drift_ppm: float = 0.0) -> None:
        self.world = world
        self.name = name
        self.up = False
        self._drift = 1.0 + drift_ppm / 1_000_000
        self._life = 0
        self._stalled_until_ms = 0.0

    def on_start(self) -> None:
        """The node has just started."""

    def on_message(self, source: str, payload: bytes) -> None:
        """A message arrived."""

    def local_ms(self) -> int:
        """The node's own monotonic clock, which drifts."""
        return int(self.world.now_ms * self._drift)

    def start(self) -> None:
        """Boot; harmless when up."""
        if not self.up:
            self.up = True
            self._life += 1
            self.world.say(f"{self.name} starts")
            self.on_start()

    def crash(self) -> None:
        """Lose everything volatile at once; harmless when down."""
        if self.up:
            self.up = False
            self.world.say(f"{self.name} crashes")

    def stall(self, duration_ms: float) -> None:
        """Stand still (a busy scheduler, SIGSTOP): timers and messages wait."""
        self._stalled_until_ms = max(self._stalled_until_ms, self.world.now_ms + duration_ms)
        self.world.say(f"{self.name} stalls for {duration_ms:.0f} ms")

    def timer(self, delay_ms: float, what: Callable[[], None]) -> None:
        """Do ``what`` after ``delay_ms`` of the node's own clock, unless this life of the node ends before."""
        life = self._life
        self.world.after(delay_ms / self._drift, lambda: self._alive_then(life, what))

    def deliver(self, source: str, payload: bytes) -> None:
        """From the network: a message for this node; lost when it is down."""
        life = self._life
        self._alive_then(life, lambda: self.on_message(source, payload))

    def _alive_then(self, life: int, what: Callable[[], None]) -> None:
        if not self.up or life != self._life:
            return
        if self.world.now_ms < self._stalled_until_ms:
            self.world.at(self._stalled_until_ms, lambda: self._alive_then(life, what))
        else:
            what()
