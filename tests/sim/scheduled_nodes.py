# SPDX-License-Identifier: Apache-2.0
"""A leader that schedules, and nodes that obey after a while, fail, restart and fall silent, for simulations.

The leader's lease is not part of this: there is one leader, which may restart and forget. A node's permission to be
active (the grant) is counted from its own report that the leader echoed, so its end is what proves a silent node gone.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flock.core.records import replace
from flock.sim import Network, Node, World
from sm.contract.states import Condition, GroupState, Status
from sm.core import cluster as records
from sm.core.cluster import Assignment, Cluster, Decision, Health
from sm.core.model import GroupSpec
from sm.core.scheduler import apply, confirm, schedule
from sm.core.scheduler.posts import RUNNING
from sm.core.simulate import TRANSITIONS, next_state

BEAT_MS, SILENT_MS, GRANT_MS, MARGIN_MS, DEBOUNCE_MS = 200, 1_000, 4_000, 200, 20_000


@dataclass(frozen=True)
class Orders:
    """What the leader tells a node. ``echo_ms``: when the node sent the latest report that the leader has heard."""

    number: tuple[int, int]
    echo_ms: float
    decisions: Mapping[str, Decision]


@dataclass(frozen=True)
class Report:
    """What a node says; ``number`` is that of the orders that it carries out."""

    sent_ms: float
    number: tuple[int, int]
    rows: Mapping[str, Assignment]


@dataclass
class Faults:
    """How badly things go, as probabilities of one action to fail and of one repair to work."""

    start: float = 0.0
    repair: float = 0.5
    delay_ms: tuple[float, float] = (20, 2_000)


class Controller(Node):
    """A node: it runs groups, slowly, and stops them when its grant ends. ``serves``: what really runs active."""

    def __init__(self, world: World, name: str, groups: Mapping[str, GroupSpec], network: Network,
                 faults: Faults) -> None:
        super().__init__(world, name)
        self.groups, self.network, self.faults = groups, network, faults
        self.number, self.echo_ms = (0, 0), -1e9
        self.serves: set[str] = set()
        self.rows: dict[str, Assignment] = {}
        self.failed_ms: dict[str, float] = {}

    def on_start(self) -> None:
        self.rows = {name: Assignment(name, self.name) for name in self.groups}
        self.failed_ms = {}
        self.busy: dict[str, int] = {}
        self.tick()

    def crash(self) -> None:
        super().crash()
        self.serves.clear()

    def restart_daemon(self) -> None:
        """The groups run on; their states are not known until an order comes, and what was wanted is stored."""
        self.rows = {name: replace(row, state=GroupState.INITIAL) for name, row in self.rows.items()}
        self.busy.clear()

    def tick(self) -> None:
        self.timer(BEAT_MS / 4, self.tick)
        if self.serves and self.world.now_ms - self.echo_ms > GRANT_MS:
            self.world.say(f"{self.name} stops {sorted(self.serves)}: its grant has ended")
            self.serves.clear()
            self.busy.clear()
            self.rows = {name: replace(row, state=GroupState.DISABLED, desired=GroupState.DISABLED)
                         for name, row in self.rows.items()}
        if round(self.world.now_ms) // (BEAT_MS // 4) % 4 == 0:
            self.report()

    def report(self) -> None:
        now_ms = self.world.now_ms
        rows = {name: replace(row, health=self._health(name, row), reason="") for name, row in self.rows.items()}
        self.network.send(self.name, "leader", Report(now_ms, self.number, rows))  # type: ignore[arg-type]

    def _health(self, name: str, row: Assignment) -> Health:
        lately = self.world.now_ms - self.failed_ms.get(name, -1e9) < DEBOUNCE_MS
        return Health(failed=int(lately or row.status is Status.FAILED))

    def on_message(self, source: str, payload: Any) -> None:
        if payload.number <= self.number:
            return
        self.number, self.echo_ms = payload.number, max(self.echo_ms, payload.echo_ms)
        for name, decision in payload.decisions.items():
            row = self.rows[name]
            if decision.recover and row.status is Status.FAILED and name not in self.busy:
                self._repair(name)
            if decision.escalate:
                self.world.say(f"{self.name} reboots for {name}")
                self.crash()
                self.world.after(5_000, self.start)
                return
            if row.desired is not decision.desired:
                self.rows[name] = replace(row, desired=decision.desired)
                self.busy.pop(name, None)
        for name in self.rows:
            self.proceed(name)

    def _repair(self, name: str) -> None:
        if self.world.random.random() < self.faults.repair:
            self.rows[name] = replace(self.rows[name], status=Status.NONE, condition=Condition.NONE)

    def fail(self, name: str, condition: Condition) -> None:
        """A critical member of a group fails for good."""
        self.failed_ms[name] = self.world.now_ms
        self.rows[name] = replace(self.rows[name], status=Status.FAILED, condition=condition)
        self.world.say(f"{name} fails on {self.name}: {condition}")

    def proceed(self, name: str) -> None:
        """Begin, or go on with, what is wanted of a group."""
        row = self.rows[name]
        state = next_state(row)
        if state is row.state or name in self.busy:
            return
        if state in TRANSITIONS.values():
            if state is GroupState.GO_ACTIVE:
                self.serves.add(name)
            self._becomes(name, state)
        token = self.busy[name] = self.world.random.getrandbits(60)
        self.timer(self.world.random.uniform(*self.faults.delay_ms), lambda: self._end(name, token))

    def _end(self, name: str, token: int) -> None:
        if self.busy.get(name) != token:
            return
        del self.busy[name]
        if self.world.random.random() < self.faults.start:
            self.fail(name, Condition.ACTION_FAILURE)
            return
        row = self.rows[name]
        if row.condition is Condition.ACTION_FAILURE:
            self.rows[name] = replace(row, status=Status.NONE, condition=Condition.NONE)
        self._becomes(name, self.rows[name].desired)
        if self.rows[name].state is not GroupState.ACTIVE:
            self.serves.discard(name)
        self.report()

    def _becomes(self, name: str, state: GroupState) -> None:
        self.rows[name] = replace(self.rows[name], state=state, changed_ms=round(self.world.now_ms))


@dataclass
class Seen:
    """What the leader knows of the talk with a node. ``altered``: its latest orders that differ from those before."""

    sent_ms: float
    heard: bool = False
    altered: tuple[int, int] = (0, 0)
    wanted: Mapping[str, GroupState] = field(default_factory=dict)


class Leader(Node):
    """Hears reports, decides, tells. ``moves``: when a group was newly wanted active on a node."""

    def __init__(self, world: World, names: list[str], groups: Mapping[str, GroupSpec], network: Network) -> None:
        super().__init__(world, "leader")
        self.names, self.groups, self.network = names, groups, network
        self.term = 0
        self.moves: list[tuple[float, str, str]] = []
        self.attributes = {name: records.Node(name, current=False) for name in names}

    def on_start(self) -> None:
        self.term += 1
        self.sequence = 0
        self.seen = {name: Seen(self.world.now_ms) for name in self.names}
        self.cluster = Cluster(self.groups, {name: replace(node, current=False, gone=False)
                                             for name, node in self.attributes.items()},
                               {(group, name): Assignment(group, name) for group in self.groups for name in self.names})
        self.tick()

    def tick(self) -> None:
        self.timer(BEAT_MS, self.tick)
        for name, seen in self.seen.items():
            age_ms = self.world.now_ms - seen.sent_ms
            self.set(name, current=seen.heard and age_ms <= SILENT_MS, gone=age_ms > GRANT_MS + MARGIN_MS)
        self.decide()
        for name in self.names:
            self.tell(name)

    def set(self, name: str, **fields: Any) -> None:
        """Change what is known of a node."""
        self.cluster = replace(self.cluster, nodes={
            **self.cluster.nodes, name: replace(self.cluster.nodes[name], **fields)})
        self.attributes[name] = replace(self.attributes[name], **{
            key: value for key, value in fields.items() if key not in ("current", "gone")})

    def decide(self) -> None:
        now_ms = round(self.world.now_ms)
        result = schedule(self.cluster, now_ms)
        for key, decision in result.decisions.items():
            old = self.cluster.assignments[key]
            if not decision.reason:
                self.world.fail(f"no reason for {key}")
            if decision.desired is GroupState.ACTIVE is not old.desired:
                self.begins(key, old)
        for line in result.logs:
            self.world.say(line)
        self.result = result
        self.cluster = apply(self.cluster, result, now_ms)
        if result.logs and (again := schedule(self.cluster, now_ms)).logs:
            self.world.fail(f"not stable: {again.logs}")

    def begins(self, key: tuple[str, str], old: Assignment) -> None:
        node = self.cluster.nodes[key[1]]
        self.moves.append((self.world.now_ms, *key))
        running = any(row.state in RUNNING for row in self.cluster.assignments.values() if row.node == key[1])
        if self.groups[key[0]].movable and not running and not node.data_current:
            self.world.fail(f"{key} is made active with old data")

    def tell(self, name: str) -> None:
        """Orders for a node that is heard; others are only asked to answer."""
        if not self.cluster.nodes[name].current:
            self.ask(name)
            return
        seen = self.seen[name]
        self.sequence += 1
        decisions = {group: self.result.decisions[group, name] for group in self.groups}
        wanted = {group: decision.desired for group, decision in decisions.items()}
        if wanted != seen.wanted:
            seen.wanted, seen.altered = wanted, (self.term, self.sequence)
        self.network.send("leader", name, Orders((self.term, self.sequence), seen.sent_ms, decisions))  # type: ignore[arg-type]

    def on_message(self, source: str, payload: Any) -> None:
        seen = self.seen[source]
        if payload.sent_ms <= seen.sent_ms or self.world.now_ms - payload.sent_ms > SILENT_MS:
            return
        if payload.number[0] != self.term:
            # Nothing that an older leader ordered is on its way once the node has heard this one: ask first.
            self.ask(source)
            return
        first = not seen.heard
        seen.sent_ms, seen.heard = payload.sent_ms, True
        assignments = dict(self.cluster.assignments)
        for group, row in payload.rows.items():
            old = assignments[group, source]
            if first:
                told = row.desired is GroupState.ACTIVE
                old = replace(old, desired=row.desired, told_active=told, stopped=old.stopped and not told)
            new = replace(old, state=row.state, status=row.status, condition=row.condition, health=row.health,
                          changed_ms=row.changed_ms)
            assignments[group, source] = confirm(new) if payload.number >= seen.altered else new
        if assignments != self.cluster.assignments or not self.cluster.nodes[source].current:
            self.cluster = replace(self.cluster, assignments=assignments)
            self.set(source, current=True, gone=False)
            self.decide()

    def ask(self, name: str) -> None:
        self.sequence += 1
        self.network.send("leader", name, Orders((self.term, self.sequence), -1e9, {}))  # type: ignore[arg-type]
