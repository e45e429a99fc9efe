# SPDX-License-Identifier: Apache-2.0
"""What the decisions of fault management see and say: active alarms, events and notices. Plain values."""
from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import Fault


@dataclass(frozen=True, slots=True)
class Alarm:
    """One active alarm; times are aware UTC. ``timestamp`` is when its raiser says that it happened last,
    ``last_refreshed`` when the manager heard of it last; ``flapping``: it comes and goes, so its clears wait."""

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
    last_refreshed: datetime
    ack_user: str = ""
    ack_comment: str = ""
    ack_at: datetime | None = None
    time_to_live_s: int = 0
    flapping: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What makes two alarms the same alarm."""
        return self.alarm_id, self.entity_instance_id


class HeldKind(enum.StrEnum):
    """What waits for its time."""

    RAISE = "raise"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Held:
    """A raise or clear that takes effect at ``due_at``; ``uuid`` is that of the alarm it is about.

    A pair has at most one. A raise carries its ``fault`` and its alarm is not active; a clear has an active alarm.
    """

    kind: HeldKind
    alarm_id: str
    entity_instance_id: str
    uuid: str
    due_at: datetime
    fault: Fault | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The pair it is about."""
        return self.alarm_id, self.entity_instance_id


@dataclass(frozen=True, slots=True)
class Flap:
    """Recent changes of one pair (milliseconds since the epoch, oldest first) and whether it flaps.

    Without another change it is quiet at ``quiet_at``, and forgotten.
    """

    alarm_id: str
    entity_instance_id: str
    changes_ms: tuple[int, ...]
    flapping: bool
    quiet_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """The pair it is about."""
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
    """One thing to publish after the commit: the event, or for a hierarchical clear only entity and time.

    ``hidden``: the operator hides it, only the system log is told. ``swept``: a clear that one hierarchical clear tells
    as well. The rest is about the alarm and absent for logs: its uuid, when it was raised, its severity before.
    """

    kind: NoticeKind
    event: Event
    hidden: bool = False
    swept: bool = False
    alarm_uuid: str | None = None
    raised_at: datetime | None = None
    severity_before: Severity | None = None
