# SPDX-License-Identifier: Apache-2.0
"""The parts of a stored operation: steps with undo, the view that a step gets, the stored record. No database here.

A step may be called more than once: after ``Wait``, after a transient error, and after a crash before its end was
stored. It must check what is already done before it acts.
"""
from __future__ import annotations

import datetime
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


class State(enum.StrEnum):
    """State of an operation. ``failed``: it failed and was not (or not fully) undone; ``undone``: all was undone."""

    PENDING = "pending"
    RUNNING = "running"
    UNDOING = "undoing"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


ACTIVE = (State.PENDING, State.RUNNING, State.UNDOING)


@dataclass(frozen=True, slots=True)
class Wait:
    """A step's result "not yet": call it again after ``seconds``; ``data`` is merged into ``result`` now."""

    seconds: float
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class OperationView:
    """The argument of a step. ``result`` merges what earlier steps (and earlier calls of this step) returned."""

    uuid: str
    kind: str
    subject: str
    params: Mapping[str, Any]
    result: Mapping[str, Any]
    step: str
    attempts: int
    step_deadline: datetime.datetime | None
    deadline: datetime.datetime | None
    error: str | None


# A step returns None or a dict to merge into ``result`` when it is done, or Wait to be called again.
StepFunction = Callable[[OperationView], Wait | Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Step:
    """``do`` must end within ``timeout_s``, counted over all its calls; ``undo`` likewise.

    When that time is over, even if no process ran meanwhile, the step gets one last call before it fails.

    ``undo`` also runs for the step that failed, because that step may have done part of its work.
    """

    name: str
    do: StepFunction
    undo: StepFunction | None = None
    timeout_s: float = 60.0


class Steps:
    """The plan of one kind of operation."""

    def __init__(self, kind: str, *steps: Step) -> None:
        if not steps:
            raise ValueError(f"operation {kind} has no steps")
        if len({step.name for step in steps}) != len(steps):
            raise ValueError(f"operation {kind} has two steps of the same name")
        self.kind = kind
        self.steps = steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> Step:
        return self.steps[index]

    def undo_from(self, index: int) -> int | None:
        """The index of the last step at or before ``index`` that has an undo; None when there is none."""
        for number in range(min(index, len(self.steps) - 1), -1, -1):
            if self.steps[number].undo is not None:
                return number
        return None


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """One stored operation. ``error`` is the wire form of an error; ``step`` is an index into the plan.

    ``last_try``: the deadline of the step has passed and its last call has begun.
    """

    uuid: str
    kind: str
    subject: str
    params: dict[str, Any]
    state: State
    created_at: datetime.datetime
    next_run_at: datetime.datetime
    step: int = 0
    attempts: int = 0
    result: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    undo_failed: bool = False
    cancel_reason: str | None = None
    step_deadline: datetime.datetime | None = None
    last_try: bool = False
    deadline: datetime.datetime | None = None

    @property
    def active(self) -> bool:
        """True until the operation has ended."""
        return self.state in ACTIVE

    def view(self, plan: Steps) -> OperationView:
        """The argument for the current step."""
        return OperationView(
            uuid=self.uuid, kind=self.kind, subject=self.subject, params=self.params, result=self.result,
            step=plan[self.step].name, attempts=self.attempts, step_deadline=self.step_deadline,
            deadline=self.deadline, error=str(self.error["text"]) if self.error else None)
