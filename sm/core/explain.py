# SPDX-License-Identifier: Apache-2.0
"""Why a group is where it is, what would move it, and what stops a move: ``sm explain <group>``.

The answers are the scheduler's own decisions, on the domain as it is and on copies in which something has happened."""
from __future__ import annotations

from dataclasses import dataclass

from flock.core.records import replace
from sm.contract.states import GroupState
from sm.core.cluster import Cluster, Node
from sm.core.model import GroupSpec
from sm.core.scheduler import complete, schedule
from sm.core.scheduler.orders import can_stand_by, silence
from sm.core.scheduler.posts import Post, Unit, may_be_active, node_bar, posts_of, unit_of
from sm.core.simulate import shown, simulate
from sm.core.swact import swact_check


@dataclass(frozen=True, slots=True)
class Explanation:
    """``places``: the group on every node and why. ``moves``: what would happen if. ``stops``: by what no node, or no
    other node, can take it now."""

    group: str
    kind: str
    places: tuple[str, ...]
    moves: tuple[str, ...]
    stops: tuple[str, ...]

    def text(self) -> str:
        """The explanation for an operator."""
        parts = [("", (f"{self.group}: {self.kind}", *self.places)), ("What would move it:", self.moves),
                 ("What stops a move now:", self.stops or ("nothing",))]
        return "\n".join("\n".join(([title] if title else []) + [f"  {line}" if title or index else line
                                                                 for index, line in enumerate(lines)])
                         for title, lines in parts)


def explain(cluster: Cluster, group: str, now_ms: int) -> Explanation:
    """Explain a group that exists; KeyError: it does not."""
    cluster = complete(cluster)
    spec = cluster.groups[group]
    unit = unit_of(cluster.groups, group)
    decisions = schedule(cluster, now_ms).decisions
    places = tuple(f"{node} {shown(row)}, wanted {decisions[group, node].desired}: {decisions[group, node].reason}"
                   for node in sorted(cluster.nodes) if (row := cluster.assignments[group, node]))
    posts = posts_of(unit, cluster.nodes, cluster.assignments,
                     {name: node_bar(node) for name, node in cluster.nodes.items()})
    return Explanation(group, _kind(spec, unit), places, _moves(cluster, spec, unit, now_ms),
                       _stops(cluster, spec, posts))


def _kind(spec: GroupSpec, unit: Unit) -> str:
    others = [group.name for group in unit.groups if group.name != spec.name]
    places = f"{spec.n_active} active and {spec.m_standby} standby" if spec.movable else f"{spec.n_active} active"
    return f"{places}, moves together with {', '.join(others)}" if others else f"{places}, moves alone"


def _moves(cluster: Cluster, spec: GroupSpec, unit: Unit, now_ms: int) -> tuple[str, ...]:
    """What the scheduler would do if something happened to the nodes where the group is active."""
    alone = replace(
        cluster, groups={group.name: group for group in unit.groups}, maintenance=False,
        assignments={key: row for key, row in cluster.assignments.items()
                     if key[0] in {group.name for group in unit.groups}})
    lines = []
    for name, node in sorted(alone.nodes.items()):
        if not may_be_active(alone.assignments[spec.name, name], node):
            continue
        for case, words in _cases(spec, node):
            lines.append(f"if {case}: {_outcome(alone, spec.name, words, now_ms)}")
        if spec.movable and node.current:
            verdict = swact_check(cluster, name)
            outcome = _outcome(alone, spec.name, f"swact {name}", now_ms) if verdict.allowed else (
                f"refused: {verdict.details}")
            lines.append(f"on host-swact {name}: {outcome}")
    return tuple(lines)


def _cases(spec: GroupSpec, node: Node) -> list[tuple[str, str]]:
    """What can happen to a node, in words for an operator and for the simulation."""
    name = node.name
    cases = [(f"{name} is fenced or its permission to be active ends", f"fence {name}")]
    if node.current:
        cases += [(f"{name} falls silent", f"silent {name}"),
                  (f"{spec.name} fails on {name} beyond repair", f"fail {spec.name} {name}")]
        if spec.movable and not node.score:
            cases.append((f"{name} loses the oam network", f"cut {name} oam"))
    return cases


def active_on(cluster: Cluster, group: str) -> list[str]:
    """The nodes on which a group is active or wanted active, as far as they are not stopped."""
    return sorted(row.node for row in cluster.assignments.values()
                  if row.group == group and not cluster.nodes[row.node].gone
                  and GroupState.ACTIVE in (row.state, row.desired))


def _outcome(cluster: Cluster, group: str, words: str, now_ms: int) -> str:
    before, after = active_on(cluster, group), active_on(simulate(cluster, [words], now_ms).cluster, group)
    if after == before:
        return f"it stays on {' and '.join(after)}"
    return f"it becomes active on {' and '.join(after)}" if after else "it is active nowhere"


def _stops(cluster: Cluster, spec: GroupSpec, posts: dict[str, Post]) -> tuple[str, ...]:
    lines = ["the domain is in maintenance mode"] if cluster.maintenance else []
    if len(posts) == 1:
        lines.append("there is no other controller")
    for name, post in sorted(posts.items()):
        if post.silent and post.holds:
            lines.append(silence(post))
        elif post.active:
            continue
        elif post.start_bar:
            lines.append(post.start_bar + ("" if can_stand_by(post) else f"; {spec.name} cannot be standby there"))
        elif post.beyond_repair is not None:
            lines.append(f"{post.beyond_repair.group} has failed on {name} ({post.beyond_repair.condition})")
        elif not post.rests:
            moving = ", ".join(f"{row.group} {shown(row)}" for row in post.rows if row.state is not row.desired)
            lines.append(f"{name} is still changing: {moving}")
        elif spec.movable and not post.standing_by:
            lines.append(f"{name} is not standby and healthy with all that moves together")
    return tuple(lines)
