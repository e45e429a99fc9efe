# SPDX-License-Identifier: Apache-2.0
"""What the decisions of fault management see and say: active alarms, events and notices. Plain values."""
from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from fm.contract.enums import AlarmState, AlarmType, Severity


@dataclass(frozen=True, slots=True)
class Alarm:
    """One active alarm. ``timestamp`` is when it was raised or last refreshed (aware UTC)."""

    uuid: str
    alarm_id: str
    entity_type_id: str
    entity_instance_id: str
    timestamp: datetime
    severity: Severity
    reason_text: str
    alarm_type: AlarmType
    probable_cause: str
    proposed_repair_action: str
    service_affecting: bool
    suppression: bool
    inhibit_alarms: bool
    created_at: datetime
    ack_user: str = ""
    ack_comment: str = ""
    ack_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes two alarms the same alarm."""
        return self.alarm_id, self.entity_instance_id


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the event log; ``severity`` ``not-applicable`` stands for none."""

    uuid: str
    event_log_id: str
    state: AlarmState
    entity_type_id: str
    entity_instance_id: str
    timestamp: datetime
    severity: Severity
    reason_text: str
    event_log_type: AlarmType
    probable_cause: str
    proposed_repair_action: str
    service_affecting: bool
    suppression: bool


class NoticeKind(enum.StrEnum):
    """What outputs are told; the value names the notification on the bus."""

    SET = "fm.alarm.set"
    CLEAR = "fm.alarm.clear"
    LOG = "fm.event.log"
    HIERARCHICAL_CLEAR = "fm.alarm.hierarchical_clear"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to publish after the commit: the event, or for a hierarchical clear only entity and time."""

    kind: NoticeKind
    event: Event
