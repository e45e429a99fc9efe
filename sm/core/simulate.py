# SPDX-License-Identifier: Apache-2.0
"""What would happen if: the scheduler's own decisions on a copy of the domain, with nodes that do what they are told.

``sm simulate`` prints it. Nothing that runs is touched."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from flock.core.records import replace
from sm.contract.states import Administrative, Condition, GroupState, Status
from sm.core.cluster import Assignment, Cluster, Decision, Health, Key, Node
from sm.core.paths import score
from sm.core.scheduler import apply, complete, confirm, schedule
from sm.core.swact import begin_swact

ROUNDS_MAX = 100
ROUND_MS = 1_000


class BadChange(ValueError):
    """A change that cannot be made; the text names the word and the rule."""


@dataclass(frozen=True, slots=True)
class Step:
    """One round: what the leader decided, and what the nodes then reported. ``at_ms``: since the changes."""

    at_ms: int
    decisions: tuple[str, ...]
    reports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """``steps`` until nothing happens any more; ``settled``: whether that was reached. ``cluster``: the end."""

    steps: tuple[Step, ...]
    cluster: Cluster
    settled: bool

    def text(self) -> str:
        """The steps and the end, for an operator."""
        lines = []
        for step in self.steps:
            lines.append(f"+{step.at_ms // 1000} s")
            lines += [f"  leader: {line}" for line in step.decisions]
            lines += [f"  {line}" for line in step.reports]
        lines.append("nothing more happens" if self.settled else "it does not come to rest")
        lines += [f"  {line}" for line in placement(self.cluster)]
        return "\n".join(lines)


def simulate(cluster: Cluster, changes: Iterable[str], now_ms: int = 0) -> Simulation:
    """Make the changes at once, then run until nothing happens. Changes are words, see ``CHANGES``."""
    cluster = complete(cluster)
    for words in changes:
        cluster = change(cluster, words, now_ms)
    steps: list[Step] = []
    start_ms = now_ms
    for _ in range(ROUNDS_MAX):
        result = schedule(cluster, now_ms)
        cluster = apply(cluster, result, now_ms)
        before, cluster = cluster, obey(cluster, result.decisions, now_ms)
        reports = reported(before, cluster)
        if result.logs or reports:
            steps.append(Step(now_ms - start_ms, result.logs, reports))
        elif before == cluster:
            if result.again_ms is None:
                return Simulation(tuple(steps), cluster, True)
            now_ms = max(now_ms, result.again_ms - ROUND_MS)
        now_ms += ROUND_MS
    return Simulation(tuple(steps), cluster, False)


def obey(cluster: Cluster, decisions: Mapping[Key, Decision], now_ms: int) -> Cluster:
    """The nodes do one stage of what they were told; failures end when the node was told to try again, but count on.
    A node that was told to reboot does not return before the end."""
    rows = dict(cluster.assignments)
    for name in sorted({key[1] for key, decision in decisions.items() if decision.escalate}):
        cluster = _node(cluster, name, current=False, gone=True)
    for key, row in rows.items():
        if not cluster.nodes[row.node].current or key not in decisions:
            continue
        state = next_state(row)
        if state is not row.state:
            row = replace(row, state=state, changed_ms=now_ms)
        if decisions[key].recover and row.status is Status.FAILED and row.state is row.desired:
            row = replace(row, status=Status.NONE, condition=Condition.NONE)
        rows[key] = confirm(row)
    return replace(cluster, assignments=rows)


TRANSITIONS = {GroupState.ACTIVE: GroupState.GO_ACTIVE, GroupState.STANDBY: GroupState.GO_STANDBY,
               GroupState.DISABLED: GroupState.DISABLING}


def next_state(row: Assignment) -> GroupState:
    """The next stage of an assignment on the way to what is wanted."""
    through = TRANSITIONS.get(row.desired)
    if through is None or row.state in (row.desired, GroupState.SHUTDOWN):
        return row.state
    return row.desired if row.state is through else through


def reported(before: Cluster, after: Cluster) -> tuple[str, ...]:
    """What changed on the nodes, in words."""
    rebooting = [f"{name} reboots" for name, node in sorted(after.nodes.items())
                 if node.gone and not before.nodes[name].gone]
    return (*rebooting, *(f"{row.node}: {row.group} is {shown(row)}" for key, row in after.assignments.items()
                          if shown(row) != shown(before.assignments[key])))


def shown(row: Assignment) -> str:
    """State, status and condition as an operator reads them."""
    if row.status is Status.NONE:
        return row.state
    return f"{row.state} ({row.status}{f', {row.condition}' if row.condition is not Condition.NONE else ''})"


def placement(cluster: Cluster) -> list[str]:
    """Where every group is, one line for each."""
    return [f"{group}: " + ", ".join(f"{node} {_standing(cluster.nodes[node], cluster.assignments[group, node])}"
                                     for node in sorted(cluster.nodes))
            for group in sorted(cluster.groups)]


def _standing(node: Node, row: Assignment) -> str:
    if node.gone:
        return "stopped"
    return f"{shown(row)}, silent" if not node.current else shown(row)


def change(cluster: Cluster, words: str, now_ms: int = 0) -> Cluster:
    """The domain after one change, such as ``cut controller-0 mgmt``."""
    verb, *rest = words.split() or [""]
    if verb not in CHANGES:
        raise BadChange(f"{verb!r} is no change; the changes are: {'; '.join(USAGE)}")
    names, make = CHANGES[verb]
    least = sum(not name.startswith("[") for name in names)
    if not least <= len(rest) <= len(names):
        raise BadChange(f"{verb!r} takes: {' '.join(names) or 'nothing'}")
    for name, word in zip(names, rest, strict=False):
        if name == "node" and word not in cluster.nodes:
            raise BadChange(f"node {word!r} is not known; nodes are {', '.join(sorted(cluster.nodes))}")
        if name == "group" and word not in cluster.groups:
            raise BadChange(f"group {word!r} is not known; groups are {', '.join(sorted(cluster.groups))}")
        if name == "networks" and not set(word.split(",")) <= set(cluster.weights):
            raise BadChange(f"networks {word!r}: known are {', '.join(cluster.weights)}")
        if name == "[condition]" and word not in set(Condition):
            raise BadChange(f"condition {word!r}: known are {', '.join(each for each in Condition if each)}")
    return make(cluster, rest, now_ms)


def _node(cluster: Cluster, name: str, **fields: object) -> Cluster:
    return replace(cluster, nodes={**cluster.nodes, name: replace(cluster.nodes[name], **fields)})  # type: ignore[arg-type]


def _returns(cluster: Cluster, words: Sequence[str], now_ms: int) -> Cluster:
    name, = words
    rows = {key: replace(row, state=GroupState.DISABLED, changed_ms=now_ms, status=Status.NONE,
                         condition=Condition.NONE, health=Health()) if row.node == name else row
            for key, row in cluster.assignments.items()}
    there = cluster if not cluster.nodes[name].gone else replace(cluster, assignments=rows)
    return _node(there, name, current=True, gone=False)


def _cut(cluster: Cluster, words: Sequence[str], now_ms: int) -> Cluster:
    lost = frozenset(words[1].split(","))
    return _node(cluster, words[0], score=score(cluster.weights, lost))


def _fail(cluster: Cluster, words: Sequence[str], now_ms: int) -> Cluster:
    group, node, *rest = words
    row = cluster.assignments[group, node]
    failed = replace(row, status=Status.FAILED, condition=Condition(rest[0] if rest else Condition.RECOVERY_FAILURE),
                     health=Health(failed=max(1, row.health.failed)))
    return replace(cluster, assignments={**cluster.assignments, (group, node): failed})


def _heal(cluster: Cluster, words: Sequence[str], now_ms: int) -> Cluster:
    group, node = words
    row = replace(cluster.assignments[group, node], status=Status.NONE, condition=Condition.NONE, health=Health())
    return replace(cluster, assignments={**cluster.assignments, (group, node): row})


Maker = Callable[[Cluster, Sequence[str], int], Cluster]
CHANGES: Mapping[str, tuple[tuple[str, ...], Maker]] = {
    "silent": (("node",), lambda cluster, words, now_ms: _node(cluster, words[0], current=False)),
    "fence": (("node",), lambda cluster, words, now_ms: _node(cluster, words[0], current=False, gone=True)),
    "return": (("node",), _returns),
    "lock": (("node",), lambda cluster, words, now_ms: _node(cluster, words[0],
                                                             administrative=Administrative.LOCKED)),
    "unlock": (("node",), lambda cluster, words, now_ms: _node(cluster, words[0],
                                                               administrative=Administrative.UNLOCKED)),
    "unhealthy": (("node",), lambda cluster, words, now_ms: _node(cluster, words[0], ready=False)),
    "healthy": (("node",), lambda cluster, words, now_ms: _node(cluster, words[0], ready=True)),
    "outdate": (("node",), lambda cluster, words, now_ms: _node(cluster, words[0], data_current=False)),
    "update": (("node",), lambda cluster, words, now_ms: _node(cluster, words[0], data_current=True)),
    "cut": (("node", "networks"), _cut),
    "mend": (("node",), lambda cluster, words, now_ms: _node(cluster, words[0], score=0)),
    "fail": (("group", "node", "[condition]"), _fail),
    "heal": (("group", "node"), _heal),
    "swact": (("node",), lambda cluster, words, now_ms: begin_swact(cluster, words[0], force=False)),
    "swact-force": (("node",), lambda cluster, words, now_ms: begin_swact(cluster, words[0], force=True)),
    "maintenance": ((), lambda cluster, words, now_ms: replace(cluster, maintenance=True)),
    "resume": ((), lambda cluster, words, now_ms: replace(cluster, maintenance=False)),
}
"""Verb, the words that follow it (in brackets: may be left out), and what it does to the domain."""
USAGE = tuple(" ".join((verb, *names)) for verb, (names, _) in CHANGES.items())
