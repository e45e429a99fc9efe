# SPDX-License-Identifier: Apache-2.0
"""Whether a network reaches anything, from the answers of the targets that are probed on it, such as its gateway."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

PROBE_MS = 1_000
SILENT_PROBES = 3
TARGETS_MIN, TARGETS_MAX = 2, 4


@dataclass(slots=True)
class _Target:
    unanswered: int = 0
    heard: bool = False


@dataclass(slots=True)
class Reachability:
    """The targets of one network. A network without answers counts as cut off only with two targets or more, since
    one that is silent may be down itself, and only when they answered before."""

    targets: dict[str, _Target] = field(default_factory=dict)

    def watch(self, targets: Iterable[str]) -> None:
        """Replace the targets; those that stay keep what is known of them."""
        self.targets = {target: self.targets.get(target, _Target()) for target in targets}

    def on_probe(self, target: str) -> None:
        """A probe has left for ``target``."""
        if target in self.targets:
            self.targets[target].unanswered += 1

    def on_answer(self, target: str) -> None:
        """``target`` has answered its latest probe."""
        if target in self.targets:
            self.targets[target] = _Target(0, True)

    @property
    def reachable(self) -> bool | None:
        """Whether any target answers; None where that cannot be told."""
        rows = self.targets.values()
        if any(row.heard and row.unanswered <= SILENT_PROBES for row in rows):
            return True
        silent = [row for row in rows if row.unanswered > SILENT_PROBES]
        if len(silent) < TARGETS_MIN or len(silent) < len(rows) or not any(row.heard for row in rows):
            return None
        return False
