# SPDX-License-Identifier: Apache-2.0
"""The effect of one fault request on one alarm: set, keep, refresh, clear, log. Pure; ids and time are arguments."""
from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime

from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import Fault
from fm.core.records import Alarm, Event

HIERARCHICAL_REASON = "System initiated hierarchical alarm clear"
_DECISIVE = ("severity", "reason_text", "proposed_repair_action", "alarm_type", "probable_cause", "service_affecting",
             "suppression", "inhibit_alarms")
_ACKNOWLEDGEMENT = ("ack_user", "ack_comment", "ack_at")
_FIELDS = tuple(field.name for field in fields(Alarm))


@dataclass(frozen=True, slots=True)
class SetDecision:
    """The alarm to store and the event to log; ``event`` is None when nothing relevant changed."""

    alarm: Alarm
    event: Event | None


def decide_set(existing: Alarm | None, fault: Fault, at: datetime, now: datetime, uuid: str,
               log_unchanged: bool = False) -> SetDecision:
    """Set an alarm. ``at`` is when the fault happened, ``now`` the manager's time, ``uuid`` a fresh one.

    A new alarm takes the uuid of the fault or ``uuid`` and logs a ``set`` event of the same uuid. An existing alarm
    keeps its uuid; a change in a decisive field logs a ``set`` event with ``uuid`` and ends the acknowledgement; no
    change only refreshes its times. ``keep_existing_alarm`` only refreshes ``last_refreshed``.
    """
    if existing is None:
        alarm = _new_alarm(fault, at, now, fault.uuid or uuid)
        return SetDecision(alarm, event_of(alarm, AlarmState.SET, alarm.uuid, at))
    if fault.keep_existing_alarm:
        return SetDecision(replace(existing, last_refreshed=now), None)
    alarm = replace(
        existing, timestamp=at, entity_type_id=fault.entity_type_id, severity=fault.severity,
        reason_text=fault.reason_text, alarm_type=fault.alarm_type, probable_cause=fault.probable_cause,
        proposed_repair_action=fault.proposed_repair_action, service_affecting=fault.service_affecting,
        suppression=fault.suppression, inhibit_alarms=fault.inhibit_alarms, last_refreshed=now,
        time_to_live_s=fault.time_to_live_s)
    if changed(existing, alarm):
        return SetDecision(replace(alarm, ack_user="", ack_comment="", ack_at=None),
                           event_of(alarm, AlarmState.SET, uuid, at))
    return SetDecision(alarm, event_of(alarm, AlarmState.SET, uuid, at) if log_unchanged else None)


def changed(before: Alarm, after: Alarm) -> bool:
    """True when a decisive field differs, so that the change is logged as an event."""
    return any(getattr(before, name) != getattr(after, name) for name in _DECISIVE)


def written(before: Alarm, after: Alarm) -> tuple[str, ...]:
    """Names of the fields to store: only those that differ, because another transaction may have written the others.

    A change that is logged as an event ends an acknowledgement. So it also overwrites an acknowledgement that was
    stored after ``before`` was read.
    """
    ends_acknowledgement = changed(before, after)
    return tuple(name for name in _FIELDS if getattr(before, name) != getattr(after, name)
                 or (ends_acknowledgement and name in _ACKNOWLEDGEMENT))


def clear_event(alarm: Alarm, now: datetime, uuid: str) -> Event:
    """The event for the end of an alarm: the alarm's fields with the new ``uuid`` and the time ``now``."""
    return event_of(alarm, AlarmState.CLEAR, uuid, now)


def log_event(fault: Fault, at: datetime, uuid: str) -> Event:
    """The event of a customer log; its severity ``clear`` is stored as ``not-applicable``."""
    severity = Severity.NOT_APPLICABLE if fault.severity is Severity.CLEAR else fault.severity
    return Event(
        uuid=fault.uuid or uuid, event_log_id=fault.alarm_id, state=AlarmState.LOG, entity_type_id=fault.entity_type_id,
        entity_instance_id=fault.entity_instance_id, timestamp=at, severity=severity, reason_text=fault.reason_text,
        event_log_type=fault.alarm_type, probable_cause=fault.probable_cause,
        proposed_repair_action=fault.proposed_repair_action, service_affecting=fault.service_affecting,
        suppression=fault.suppression)


def hierarchical_clear(entity_instance_id: str, now: datetime, uuid: str) -> Event:
    """The event of the single notice that all alarms below an entity were cleared; the event log does not store it."""
    return Event(
        uuid=uuid, event_log_id=" ", state=AlarmState.CLEAR, entity_type_id=" ", entity_instance_id=entity_instance_id,
        timestamp=now, severity=Severity.NOT_APPLICABLE, reason_text=HIERARCHICAL_REASON,
        event_log_type=AlarmType.OTHER, probable_cause="not-applicable", proposed_repair_action="",
        service_affecting=False, suppression=False)


def event_of(alarm: Alarm, state: AlarmState, uuid: str, at: datetime) -> Event:
    """An event with the alarm's fields."""
    return Event(
        uuid=uuid, event_log_id=alarm.alarm_id, state=state, entity_type_id=alarm.entity_type_id,
        entity_instance_id=alarm.entity_instance_id, timestamp=at, severity=alarm.severity,
        reason_text=alarm.reason_text,
        event_log_type=alarm.alarm_type, probable_cause=alarm.probable_cause,
        proposed_repair_action=alarm.proposed_repair_action, service_affecting=alarm.service_affecting,
        suppression=alarm.suppression)


def _new_alarm(fault: Fault, at: datetime, now: datetime, uuid: str) -> Alarm:
    return Alarm(
        uuid=uuid, alarm_id=fault.alarm_id, entity_type_id=fault.entity_type_id,
        entity_instance_id=fault.entity_instance_id, timestamp=at, severity=fault.severity,
        reason_text=fault.reason_text, alarm_type=fault.alarm_type, probable_cause=fault.probable_cause,
        proposed_repair_action=fault.proposed_repair_action, service_affecting=fault.service_affecting,
        suppression=fault.suppression, inhibit_alarms=fault.inhibit_alarms, created_at=now,
        last_refreshed=now, time_to_live_s=fault.time_to_live_s)
