# SPDX-License-Identifier: Apache-2.0
"""Decides when an alarm starts to flap and when it stops. Time is an argument."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from fm.contract.enums import AlarmState
from fm.contract.limits import TEXT_MAX
from fm.core.lifecycle import event_of
from fm.core.records import Alarm, Event, Flap


@dataclass(frozen=True, slots=True)
class FlapLimits:
    """An alarm flaps after more than ``changes_max[alarm_id]`` changes within ``window_s`` seconds; other ids never."""

    changes_max: Mapping[str, int] = field(default_factory=dict)
    window_s: int = 300

    def watches(self, alarm_id: str) -> bool:
        """True when changes of this id are counted."""
        return alarm_id in self.changes_max


def counted(flap: Flap | None, key: tuple[str, str], now: datetime, limits: FlapLimits) -> Flap:
    """The flap state after one more change. An alarm stays flapping until it was quiet for a whole window."""
    now_ms = round(now.timestamp() * 1000)
    allowed = limits.changes_max.get(key[0])
    earlier = () if flap is None else flap.changes_ms
    recent = (*(moment for moment in earlier if now_ms - moment < limits.window_s * 1000), now_ms)
    flaps = (flap is not None and flap.flapping) or (allowed is not None and len(recent) > allowed)
    return Flap(*key, changes_ms=recent[-(1 + (allowed or 0)):], flapping=flaps,
                quiet_at=now + timedelta(seconds=limits.window_s))


def start_event(alarm: Alarm, now: datetime, uuid: str, limits: FlapLimits) -> Event:
    """The ``set`` event for the start of flapping; its reason text names the limit that was exceeded."""
    note = (f" [flapping: more than {limits.changes_max.get(alarm.alarm_id, 0)} changes within {limits.window_s} s; "
            "the alarm stays until it is quiet as long]")
    text = alarm.reason_text[:TEXT_MAX - len(note)] + note
    return event_of(replace(alarm, reason_text=text), AlarmState.SET, uuid, now)
