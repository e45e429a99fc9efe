# SPDX-License-Identifier: Apache-2.0
"""Scenarios of placement as texts: commands, a line of dashes, and what comes out.

``python -m tests.unit.sm.core.scheduler.transcripts`` writes the outputs anew; the difference is for review.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from flock.core.records import replace
from sm.contract.states import Condition, GroupState, Status
from sm.core.cluster import Cluster, Health
from sm.core.explain import explain
from sm.core.redundancy import HOLD_MS, Watch, watch
from sm.core.scheduler import apply, schedule
from sm.core.servicenode import service_node
from sm.core.simulate import CHANGES, change, obey, placement, reported, simulate
from sm.core.swact import NodeAction, check
from tests.unit.sm.core.scheduler.domains import domain, group, with_row

PLACE = Path(__file__).resolve().parents[5] / "tests/fixtures/sm/scenarios"
DASHES = "----"


class Session:
    """A duplex domain at rest, changed by commands."""

    def __init__(self) -> None:
        self.cluster: Cluster = domain()
        self.now_ms = 1_000_000
        self.watch, _ = watch(Watch(), self.cluster, "controller", self.now_ms)
        self.running = {node: ["web-services-member"] for node in self.cluster.nodes}

    def do(self, line: str) -> list[str]:
        """The output of one command."""
        verb, *words = line.split()
        if verb in CHANGES:
            self.cluster = change(self.cluster, line, self.now_ms)
            return []
        commands: dict[str, Callable[..., list[str]]] = {
            "run": self.run, "round": self.round, "state": self.state, "check": self.check, "alarms": self.alarms,
            "servicenode": self.servicenode, "explain": self.explain, "runs": self.runs, "add-group": self.add_group,
            "remove-group": self.remove_group, "placement": lambda: placement(self.cluster)}
        return commands[verb](*words)

    def run(self) -> list[str]:
        found = simulate(self.cluster, [], self.now_ms)
        self.cluster, self.now_ms = found.cluster, self.now_ms + 60_000
        return found.text().splitlines()

    def round(self) -> list[str]:
        result = schedule(self.cluster, self.now_ms)
        before = apply(self.cluster, result, self.now_ms)
        self.cluster = obey(before, result.decisions, self.now_ms)
        flags = [f"order to {node}: {name} {', '.join(words)}" for (name, node), each in result.decisions.items()
                 if (words := [word for word in ("recover", "escalate", "clear_fatal") if getattr(each, word)])]
        self.now_ms += 1_000
        return [f"leader: {line}" for line in result.logs] + flags + list(reported(before, self.cluster))

    def state(self, name: str, node: str, state: str, status: str = "", condition: str = "") -> list[str]:
        health = Health(*(int(status == word) for word in ("failed", "degraded", "warn")))
        reason = f"{name}-member({'disabled' if status == 'failed' else 'enabled-active'}, {status})" if status else ""
        self.cluster = with_row(self.cluster, name, node, state=GroupState(state), status=Status(status),
                                condition=Condition(condition), health=health, reason=reason)
        return []

    def runs(self, node: str, *services: str) -> list[str]:
        self.running[node] = list(services)
        return []

    def check(self, action: str, node: str) -> list[str]:
        verdict = check(self.cluster, node, NodeAction(action), self.running)
        status = 200 if verdict.allowed else NodeAction(action).refused_status
        impact = f"  impact: {', '.join(verdict.impact)}" if verdict.impact else ""
        return [f"{status} {verdict.code}  {verdict.details}{impact}"]

    def alarms(self) -> list[str]:
        """Seen now, and again when a loss has lasted."""
        lines = []
        for _ in range(2):
            self.watch, report = watch(self.watch, self.cluster, "controller", self.now_ms)
            self.now_ms += HOLD_MS
            lines += [f"log {log.id}: {log.text}" for log in report.logs]
            lines += [f"raise {alarm.id} {alarm.severity} {alarm.entity}: {alarm.text}" for alarm in report.raised]
            lines += [f"clear {alarm.id} {alarm.entity}" for alarm in report.cleared]
        return lines or ["nothing to raise, to clear or to log"]

    def servicenode(self, node: str) -> list[str]:
        view = service_node(self.cluster, node)
        return [f"{view.hostname} {view.admin} {view.oper} {view.avail} active_services={view.active_services} "
                f"swactable_services={view.swactable_services}"]

    def explain(self, name: str) -> list[str]:
        return explain(self.cluster, name, self.now_ms).text().splitlines()

    def add_group(self, name: str) -> list[str]:
        self.cluster = replace(self.cluster, groups={**self.cluster.groups, name: group(name)})
        return []

    def remove_group(self, name: str) -> list[str]:
        groups = {key: each for key, each in self.cluster.groups.items() if key != name}
        rows = {key: row for key, row in self.cluster.assignments.items() if key[0] != name}
        self.cluster = replace(self.cluster, groups=groups, assignments=rows)
        return []


def blocks(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """Commands and expected output of each block; blocks are parted by empty lines."""
    for part in text.strip().split("\n\n"):
        head, _, tail = part.partition(f"\n{DASHES}")
        yield head.splitlines(), tail.strip("\n").splitlines()


def played(text: str) -> str:
    """The text with the outputs that come out now."""
    session, parts = Session(), []
    for commands, _ in blocks(text):
        out = [line for command in commands if not command.startswith("#") for line in session.do(command)]
        parts.append("\n".join([*commands, DASHES, *out]))
    return "\n\n".join(parts) + "\n"


def files() -> list[Path]:
    return sorted(PLACE.glob("*.txt"))


if __name__ == "__main__":
    for path in files():
        path.write_text(played(path.read_text(encoding="utf-8")), encoding="utf-8")
