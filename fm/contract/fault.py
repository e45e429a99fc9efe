# SPDX-License-Identifier: Apache-2.0
"""The fault record that raisers send, in StarlingX's field order and names."""
from __future__ import annotations

from dataclasses import dataclass

from fm.contract.enums import AlarmState, AlarmType, Severity


@dataclass(frozen=True, slots=True)
class Fault:
    """One alarm to set, or one customer log (``alarm_state`` ``msg``).

    ``alarm_id`` is ``GGG.EEE``; ``entity_instance_id`` such as ``host=worker-0``; ``timestamp`` is ISO 8601 UTC
    without zone; None means the time when the manager applies it. Ids are at most 255 characters, texts at most 2048.
    The alarm becomes stale (flagged, never cleared) after ``time_to_live_s`` seconds without another set; 0 = never.
    """

    alarm_id: str
    alarm_state: AlarmState
    entity_type_id: str
    entity_instance_id: str
    severity: Severity
    reason_text: str
    alarm_type: AlarmType
    probable_cause: str
    proposed_repair_action: str = ""
    service_affecting: bool = False
    suppression: bool = False
    uuid: str | None = None
    timestamp: str | None = None
    inhibit_alarms: bool = False
    keep_existing_alarm: bool = False
    time_to_live_s: int = 0


@dataclass(frozen=True, slots=True)
class AlarmKey:
    """The identity of an alarm: two faults with the same key are the same alarm."""

    alarm_id: str
    entity_instance_id: str
