# SPDX-License-Identifier: Apache-2.0
"""Values that fm's decisions read and return: active alarms, held changes, flap states, events and notices."""
from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import Fault


@dataclass(frozen=True, slots=True)
class Alarm:
    """One active alarm; times are aware UTC.

    ``timestamp`` is the time of the last set as its raiser reported it, ``last_refreshed`` when the manager applied
    that set. ``flapping``: the alarm changes too often, so its clears are held.
    """

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
        """``(alarm_id, entity_instance_id)``, the identity of the alarm."""
        return self.alarm_id, self.entity_instance_id


class HeldKind(enum.StrEnum):
    """The kind of a held change."""

    RAISE = "raise"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Held:
    """A raise or clear that takes effect at ``due_at``; ``uuid`` is the uuid of its alarm.

    A pair of alarm id and entity has at most one. A held raise carries its ``fault`` and its alarm is not active; a
    held clear has an active alarm.
    """

    kind: HeldKind
    alarm_id: str
    entity_instance_id: str
    uuid: str
    due_at: datetime
    fault: Fault | None = None

    @property
    def key(self) -> tuple[str, str]:
        """``(alarm_id, entity_instance_id)``."""
        return self.alarm_id, self.entity_instance_id


@dataclass(frozen=True, slots=True)
class Flap:
    """Recent changes of one pair (milliseconds since the epoch, oldest first) and whether its alarm is flapping.

    Without another change the state ends at ``quiet_at`` and is deleted.
    """

    alarm_id: str
    entity_instance_id: str
    changes_ms: tuple[int, ...]
    flapping: bool
    quiet_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """``(alarm_id, entity_instance_id)``."""
        return self.alarm_id, self.entity_instance_id


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the event log; ``severity`` ``not-applicable`` stands for none.

    ``sender``: the host in whose share of the log the event counts; None for an event that counts for no host.
    """

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
    sender: str | None = None


class NoticeKind(enum.StrEnum):
    """The kind of a notice; the value is the event type of the notification on the bus."""

    SET = "fm.alarm.set"
    CLEAR = "fm.alarm.clear"
    LOG = "fm.event.log"
    HIERARCHICAL_CLEAR = "fm.alarm.hierarchical_clear"


@dataclass(frozen=True, slots=True)
class Notice:
    """One event to publish after the commit; of a hierarchical clear only entity and time matter.

    ``hidden``: suppressed or silenced, so only the system log gets it. ``swept``: a clear that a hierarchical clear
    covers. ``alarm_uuid``, ``raised_at`` and ``severity_before`` (None for a new alarm) are None for logs.
    """

    kind: NoticeKind
    event: Event
    hidden: bool = False
    swept: bool = False
    alarm_uuid: str | None = None
    raised_at: datetime | None = None
    severity_before: Severity | None = None
