# SPDX-License-Identifier: Apache-2.0
"""Timing and memory figures, and how they are printed: median, p99, memory, ratio to the goal."""
from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True)
class Figure:
    """One measured number: ``goal`` in the same unit (smaller is better unless ``more_is_better``)."""

    name: str
    value: float
    unit: str
    p99: float | None = None
    goal: float | None = None
    more_is_better: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better than the goal (1.0 = exactly the goal)."""
        if not self.goal or not self.value:
            return None
        return self.value / self.goal if self.more_is_better else self.goal / self.value


def timed_ms(action: Callable[[], object], rounds: int, warm_up: int = 3) -> list[float]:
    """Milliseconds of each of ``rounds`` calls after ``warm_up`` calls that are not counted."""
    for _ in range(warm_up):
        action()
    taken: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        action()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def latency(name: str, taken_ms: Sequence[float], goal_ms: float | None = None, note: str = "") -> Figure:
    """Median and 99th percentile of a series of milliseconds."""
    ordered = sorted(taken_ms)
    return Figure(name, statistics.median(ordered), "ms", ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
                  goal_ms, note=note)


def table(figures: Sequence[Figure]) -> str:
    """The figures as aligned text."""
    rows = [("figure", "median", "p99", "unit", "goal", "ratio", "note")]
    for figure in figures:
        rows.append((figure.name, f"{figure.value:.2f}", "" if figure.p99 is None else f"{figure.p99:.2f}", figure.unit,
                     "" if figure.goal is None else f"{figure.goal:g}",
                     "" if figure.ratio is None else f"{figure.ratio:.2f}", figure.note))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)


@contextlib.contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL statements of all engines of this process, without those that begin a transaction, while it lasts."""
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)
