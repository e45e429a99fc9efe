# SPDX-License-Identifier: Apache-2.0
"""Makes held raises and clears, so that short-lived changes are never published. Time is an argument."""
from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from fm.contract.fault import Fault
from fm.core.records import Alarm, Held, HeldKind


def held_raise(held: Held | None, fault: Fault, at: datetime, now: datetime, delay_s: int, uuid: str) -> Held:
    """The raise to hold until it is due. If ``held`` exists, keeps its uuid and due time and takes the newer content.

    ``at`` is when the fault happened, ``uuid`` the uuid of a new raise.
    """
    kept = replace(fault, uuid=held.uuid if held else uuid, timestamp=at.isoformat())
    due_at = held.due_at if held else now + timedelta(seconds=delay_s)
    return Held(HeldKind.RAISE, fault.alarm_id, fault.entity_instance_id, kept.uuid or uuid, due_at, kept)


def held_clear(alarm: Alarm, now: datetime, delay_s: int) -> Held:
    """The clear of an active alarm to hold for ``delay_s`` seconds."""
    return Held(HeldKind.CLEAR, alarm.alarm_id, alarm.entity_instance_id, alarm.uuid, now + timedelta(seconds=delay_s))
