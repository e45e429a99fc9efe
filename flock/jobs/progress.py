# SPDX-License-Identifier: Apache-2.0
"""The state machine of an operation: pure functions from a record, an event and the time to the next record."""
from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flock.core.backoff import Backoff
from flock.core.errors import DeadlineExceeded, FlockError, Refused
from flock.jobs.steps import OperationRecord, State, Steps

RETRY = Backoff(1.0, 30.0)


class OperationCancelled(Refused):
    """A caller cancelled the operation."""

    code, http, text = "flock.jobs.cancelled", 409, "The operation was cancelled: {reason}"


class StepTimeout(DeadlineExceeded):
    """A step did not end in time; ``last`` is its last error."""

    code = "flock.jobs.step_timeout"
    text = "Step {step} did not end within {timeout_s} s: {last}"



def begin(record: OperationRecord, plan: Steps, now: datetime.datetime) -> OperationRecord:
    """Start a pending operation at its first step; fail it, with nothing to undo, if it is cancelled or overdue.

    A started operation continues. If an earlier release stored it at a step that the plan no longer has, all steps of
    the plan are done.
    """
    if record.state is State.RUNNING and record.step >= len(plan):
        return replace(record, step=len(plan) - 1, state=State.DONE, step_deadline=None, error=None)
    if record.state is State.UNDOING and record.step >= len(plan):
        return _undo_next(record, plan, now)
    if record.state is not State.PENDING:
        return record
    reason = _stop_reason(record, now)
    if reason is not None:
        return replace(record, state=State.FAILED, error=reason.to_wire())
    return _enter(replace(record, state=State.RUNNING), plan, 0, now)


def last_try(record: OperationRecord, now: datetime.datetime) -> OperationRecord:
    """The record, with ``last_try`` set if the deadline of its step has passed: the next call of the step is the last.

    The deadline may also pass while no process runs to call the step. The step's condition may have become true
    meanwhile, so the step gets one more call before it fails. The runner stores ``last_try`` before that call, so a
    step that crashes the process is not called again after each restart.
    """
    return replace(record, last_try=True) if _late(record, now) and not record.last_try else record


def overdue(record: OperationRecord, plan: Steps, now: datetime.datetime) -> OperationRecord:
    """The record, or its failure if it is cancelled, its own deadline has passed, or its step's last try is over."""
    step = plan[record.step]
    late = record.last_try and _late(record, now)
    if record.state is State.RUNNING:
        reason = _stop_reason(record, now)
        if reason is not None:
            return failed(record, plan, reason, now)
        if late:
            last = str(record.error["text"]) if record.error else "it has not ended"
            return failed(record, plan, StepTimeout(step=step.name, timeout_s=f"{step.timeout_s:g}", last=last), now)
    elif record.state is State.UNDOING and late:
        return failed(record, plan, DeadlineExceeded(what=f"undo of {step.name}", timeout_s=step.timeout_s), now)
    return record


def succeeded(record: OperationRecord, plan: Steps, data: Mapping[str, Any] | None,
              now: datetime.datetime) -> OperationRecord:
    """The current step, or its undo, has ended: enter the next one or end the operation."""
    record = replace(record, result={**record.result, **(data or {})})
    if record.state is State.UNDOING:
        return _undo_next(record, plan, now)
    record = replace(record, error=None)
    if record.step + 1 < len(plan):
        return _enter(record, plan, record.step + 1, now)
    return replace(record, state=State.DONE, step_deadline=None)


def waits(record: OperationRecord, seconds: float, data: Mapping[str, Any] | None,
          now: datetime.datetime) -> OperationRecord:
    """The current step returned Wait: call it again after ``seconds``, but not later than at a deadline."""
    again = now + datetime.timedelta(seconds=max(0.0, seconds))
    if record.step_deadline is not None:
        again = min(again, max(now, record.step_deadline))
    if record.deadline is not None and record.state is State.RUNNING:
        again = min(again, max(now, record.deadline))
    return replace(record, next_run_at=again, result={**record.result, **(data or {})})


def retried(record: OperationRecord, error: FlockError, now: datetime.datetime) -> OperationRecord:
    """The current step raised a transient error: call it again after a pause that doubles."""
    pause_s = RETRY.pause_s(record.attempts + 1)
    if record.state is State.RUNNING:
        record = replace(record, error=error.to_wire())
    return waits(replace(record, attempts=record.attempts + 1), pause_s, None, now)


def failed(record: OperationRecord, plan: Steps, error: FlockError, now: datetime.datetime) -> OperationRecord:
    """The current step failed permanently: undo it and the steps before it. Records a failed undo and continues."""
    if record.state is State.UNDOING:
        return _undo_next(replace(record, undo_failed=True), plan, now)
    record = replace(record, error=error.to_wire())
    first = plan.undo_from(record.step)
    if first is None:
        return replace(record, state=State.FAILED, step_deadline=None)
    return _enter(replace(record, state=State.UNDOING), plan, first, now)


def _late(record: OperationRecord, now: datetime.datetime) -> bool:
    return record.step_deadline is not None and now >= record.step_deadline


def _stop_reason(record: OperationRecord, now: datetime.datetime) -> FlockError | None:
    if record.cancel_reason is not None:
        return OperationCancelled(reason=record.cancel_reason)
    if record.deadline is not None and now >= record.deadline:
        total_s = round((record.deadline - record.created_at).total_seconds())
        return DeadlineExceeded(what=f"{record.kind} of {record.subject}", timeout_s=total_s)
    return None


def _undo_next(record: OperationRecord, plan: Steps, now: datetime.datetime) -> OperationRecord:
    index = plan.undo_from(record.step - 1)
    if index is not None:
        return _enter(record, plan, index, now)
    return replace(record, state=State.FAILED if record.undo_failed else State.UNDONE, step_deadline=None)


def _enter(record: OperationRecord, plan: Steps, index: int, now: datetime.datetime) -> OperationRecord:
    limit = now + datetime.timedelta(seconds=plan[index].timeout_s)
    return replace(record, step=index, attempts=0, step_deadline=limit, last_try=False, next_run_at=now)
