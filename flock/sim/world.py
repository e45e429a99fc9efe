# SPDX-License-Identifier: Apache-2.0
"""Virtual time, nodes that crash, stall and drift, and invariants that are checked after every event.

All randomness comes from the world's seed, so a failing seed fails again with the same transcript.
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
"""Returns a sentence about the broken invariant, or None."""


class WorldFailed(AssertionError):
    """An invariant is broken; the text holds seed, time and the last lines of the transcript."""


def seeds(count: int) -> range:
    """The seeds to run: ``scaled(count)`` of them, or the single one in FLOCK_SIM_SEED."""
    single = os.environ.get("FLOCK_SIM_SEED")
    if single is not None:
        return range(int(single), int(single) + 1)
    return range(scaled(count))


def scaled(count: int) -> int:
    """The number of random cases to run: ``count`` times FLOCK_SIM_SCALE (default 1)."""
    return count * int(os.environ.get("FLOCK_SIM_SCALE", "1"))


class World:
    """A simulation with time in milliseconds from 0. ``at`` and ``after`` schedule events, ``run`` executes them."""

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
        """Add a node to the world; returns it."""
        self.nodes[node.name] = node
        return node

    def always(self, checker: Checker) -> None:
        """Run ``checker`` after every event."""
        self._always.append(checker)

    def say(self, line: str) -> None:
        """Add a line to the transcript."""
        self.transcript.append(f"{self.now_ms:10.0f} ms  {line}")

    def at(self, when_ms: float, what: Callable[[], None]) -> None:
        """Call ``what`` at an absolute time, or now if that time is over."""
        heapq.heappush(self._queue, (max(when_ms, self.now_ms), next(self._order), what))

    def after(self, delay_ms: float, what: Callable[[], None]) -> None:
        """Call ``what`` after ``delay_ms``."""
        self.at(self.now_ms + delay_ms, what)

    def run(self, duration_ms: float) -> None:
        """Execute all events of the next ``duration_ms``; WorldFailed when an invariant is broken."""
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
    """One machine; subclasses override ``on_start`` and ``on_message``. Timers and messages wait while it stalls."""

    def __init__(self, world: World, name: str, *, drift_ppm: float = 0.0) -> None:
        self.world = world
        self.name = name
        self.up = False
        self._drift = 1.0 + drift_ppm / 1_000_000
        self._life = 0
        self._stalled_until_ms = 0.0

    def on_start(self) -> None:
        """Called after the node has started."""

    def on_message(self, source: str, payload: bytes) -> None:
        """Called for each message that arrives."""

    def local_ms(self) -> int:
        """Milliseconds on the node's monotonic clock, which drifts."""
        return int(self.world.now_ms * self._drift)

    def start(self) -> None:
        """Boot the node; no effect when it is up."""
        if not self.up:
            self.up = True
            self._life += 1
            self.world.say(f"{self.name} starts")
            self.on_start()

    def crash(self) -> None:
        """Stop the node and its timers at once; no effect when it is down."""
        if self.up:
            self.up = False
            self.world.say(f"{self.name} crashes")

    def stall(self, duration_ms: float) -> None:
        """Suspend the node like a busy scheduler or SIGSTOP: timers and messages wait."""
        self._stalled_until_ms = max(self._stalled_until_ms, self.world.now_ms + duration_ms)
        self.world.say(f"{self.name} stalls for {duration_ms:.0f} ms")

    def is_stalled(self) -> bool:
        """Whether the node is suspended now."""
        return self._stalled_until_ms > self.world.now_ms

    def timer(self, delay_ms: float, what: Callable[[], None]) -> None:
        """Call ``what`` after ``delay_ms`` on the node's clock, unless the node crashes before."""
        life = self._life
        self.world.after(delay_ms / self._drift, lambda: self._alive_then(life, what))

    def deliver(self, source: str, payload: bytes) -> None:
        """Deliver a message from the network; it is lost when the node is down."""
        life = self._life
        self._alive_then(life, lambda: self.on_message(source, payload))

    def _alive_then(self, life: int, what: Callable[[], None]) -> None:
        if not self.up or life != self._life:
            return
        if self.world.now_ms < self._stalled_until_ms:
            self.world.at(self._stalled_until_ms, lambda: self._alive_then(life, what))
        else:
            what()
