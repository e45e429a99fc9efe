# SPDX-License-Identifier: Apache-2.0
"""Counts the replies to the heartbeats of a service, on a schedule that does not drift. Pure functions."""
from __future__ import annotations

from dataclasses import dataclass

from flock.core.records import replace
from sm.contract.states import Status
from sm.core.model import Heartbeat

INTERVAL_MS_MIN, INTERVAL_MS_MAX = 10, 3_600_000
MESSAGE_MAX_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Beat:
    """``missed``: messages in a row without a reply; ``due_ms``: when the next is sent (monotonic)."""

    due_ms: int
    missed: int = 0
    awaited: bool = False
    status: Status = Status.NONE


def problem(row: Heartbeat) -> str | None:
    """What is wrong with a row, as field and rule; None when nothing is."""
    if row.family not in ("unix", "udp"):
        return "family: must be unix or udp"
    if not INTERVAL_MS_MIN <= row.interval_ms <= INTERVAL_MS_MAX:
        return f"interval_ms: must be from {INTERVAL_MS_MIN} to {INTERVAL_MS_MAX}"
    if not 0 < row.missed_warn < row.missed_degrade < row.missed_fail:
        return "missed_fail: must be more than missed_degrade, and that more than missed_warn, which is at least 1"
    if not 0 < len(row.message.encode()) <= MESSAGE_MAX_BYTES:
        return f"message: must be 1 to {MESSAGE_MAX_BYTES} bytes"
    return None


def next_ms(due_ms: int, interval_ms: int, now_ms: int) -> int:
    """The first moment of the schedule after ``now_ms``; moments that were missed are left out, not made up for."""
    if now_ms < due_ms:
        return due_ms
    return due_ms + ((now_ms - due_ms) // interval_ms + 1) * interval_ms


def sent(beat: Beat, row: Heartbeat, now_ms: int) -> Beat:
    """A message was sent, or could not be; the one before counts as missed when nobody has replied to it."""
    missed = beat.missed + 1 if beat.awaited else 0
    return Beat(next_ms(beat.due_ms, row.interval_ms, now_ms), missed, True, status_of(row, missed))


def replied(beat: Beat) -> Beat:
    """Any reply: nothing is missed any more."""
    return replace(beat, missed=0, awaited=False, status=Status.NONE)


def status_of(row: Heartbeat, missed: int) -> Status:
    """The status that so many misses mean."""
    for limit, status in ((row.missed_fail, Status.FAILED), (row.missed_degrade, Status.DEGRADED),
                          (row.missed_warn, Status.WARN)):
        if missed > limit:
            return status
    return Status.NONE
