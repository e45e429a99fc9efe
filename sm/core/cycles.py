# SPDX-License-Identifier: Apache-2.0
"""Leaves out dependencies that close a cycle, so that services never wait for each other for ever."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from sm.contract.states import DependencyKind, ServiceAction, ServiceState

Step = tuple[str, str]
"""A service and what it has to do: ``up`` to standby, ``active``, or ``down``."""
STOPS = frozenset({ServiceAction.DISABLE, ServiceAction.GO_STANDBY})


class Row(Protocol):
    """A dependency."""

    @property
    def service(self) -> str: ...
    @property
    def action(self) -> ServiceAction: ...
    @property
    def dependent(self) -> str: ...
    @property
    def state(self) -> ServiceState: ...
    @property
    def kind(self) -> DependencyKind: ...


R = TypeVar("R", bound=Row)


def without_cycles(rows: Iterable[R]) -> tuple[list[R], list[R]]:
    """The rows that can be obeyed together, and the rows that each close a cycle with earlier ones.

    Starting and stopping are two orders: a service may start after another and also stop after it.
    """
    after: dict[Step, set[Step]] = {}
    kept: list[R] = []
    closing: list[R] = []
    for row in rows:
        first, then = _steps(row)
        for step in (first, then):
            if step[1] == "active":
                after.setdefault(step, {(step[0], "up")})
        if first == then or _leads(after, then, first):
            closing.append(row)
        else:
            after.setdefault(first, set()).add(then)
            kept.append(row)
    return kept, closing


def _steps(row: Row) -> tuple[Step, Step]:
    """What the service does, and what the other must have done before."""
    if row.kind is DependencyKind.ACTION and row.action in STOPS:
        return (row.service, "down"), (row.dependent, "down")
    promotes = row.kind is DependencyKind.ACTION and row.action is ServiceAction.GO_ACTIVE
    step = "active" if promotes else "up"
    return (row.service, step), (row.dependent, "up" if row.state is ServiceState.ENABLED_STANDBY else "active")


def _leads(after: dict[Step, set[Step]], start: Step, end: Step) -> bool:
    pending, seen = [start], {start}
    while pending:
        step = pending.pop()
        if step == end:
            return True
        fresh = after.get(step, set()) - seen
        seen |= fresh
        pending.extend(fresh)
    return False
