# SPDX-License-Identifier: Apache-2.0
"""Converts alarms and events to values of MIB columns: cuts texts to the MIB's limit, encodes times and enums."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fm.contract.causes import snmp_cause
from fm.contract.enums import SEVERITY_RANK, AlarmState, AlarmType
from fm.snmp.objects import ActiveColumn, EventColumn, Value

TEXT_OCTETS_MAX = 255
EVENT_TYPE_MAX = 10
_STATES = {AlarmState.CLEAR.value: 0, AlarmState.SET.value: 1, AlarmState.LOG.value: 3, AlarmState.MSG.value: 3}
_TYPES = {str(kind): number for number, kind in enumerate(AlarmType)}


@dataclass(frozen=True, slots=True)
class ShownFault:
    """The fields of an alarm or event that tables and notifications use; ``timestamp`` is UTC."""

    uuid: str
    fault_id: str
    state: str
    entity: str
    timestamp: datetime
    severity: str
    reason: str
    event_type: str
    cause: str
    repair: str
    service_affecting: bool
    suppression: bool


def from_alarm(row: Mapping[str, Any], prefix: str) -> ShownFault:
    """The fields of a row of the alarm table; puts ``prefix`` before the entity."""
    return _fault(row, row["alarm_id"], row["alarm_type"], AlarmState.SET.value, prefix)


def from_event(row: Mapping[str, Any], prefix: str) -> ShownFault:
    """The fields of a row of the event log or of a stored notice; puts ``prefix`` before the entity."""
    return _fault(row, row["event_log_id"], row["event_log_type"], row["state"], prefix)


def active_value(fault: ShownFault, column: ActiveColumn) -> Value:
    """The value of a column of wrsAlarmActiveTable."""
    return _ACTIVE[column](fault)


def event_value(fault: ShownFault, column: EventColumn) -> Value:
    """The value of a column of wrsEventTable."""
    return _EVENT[column](fault)


def text(words: str) -> bytes:
    """The text in UTF-8, cut after the last whole character within 255 octets."""
    whole = words.encode("utf-8", errors="replace")
    if len(whole) <= TEXT_OCTETS_MAX:
        return whole
    return whole[:TEXT_OCTETS_MAX].decode("utf-8", errors="ignore").encode()


def date_and_time(moment: datetime) -> bytes:
    """DateAndTime of SNMPv2-TC in UTC: eleven octets, to a tenth of a second."""
    utc = moment.astimezone(UTC) if moment.tzinfo else moment
    return bytes((*divmod(utc.year, 256), utc.month, utc.day, utc.hour, utc.minute, utc.second,
                  utc.microsecond // 100_000, ord("+"), 0, 0))


def event_type(name: str) -> int:
    """The number of an alarm type; 0 (other) for types that the MIB does not define."""
    number = _TYPES.get(name, 0)
    return number if number <= EVENT_TYPE_MAX else 0


def _fault(row: Mapping[str, Any], fault_id: str, kind: str, state: str, prefix: str) -> ShownFault:
    moment = row["timestamp"]
    return ShownFault(
        uuid=row["uuid"], fault_id=fault_id, state=state, entity=prefix + row["entity_instance_id"],
        timestamp=datetime.fromisoformat(moment) if isinstance(moment, str) else moment, severity=row["severity"],
        reason=row["reason_text"], event_type=kind, cause=row["probable_cause"],
        repair=row["proposed_repair_action"], service_affecting=bool(row["service_affecting"]),
        suppression=bool(row["suppression"]))


_ACTIVE: Mapping[ActiveColumn, Callable[[ShownFault], Value]] = {
    ActiveColumn.UUID: lambda fault: text(fault.uuid),
    ActiveColumn.ALARM_ID: lambda fault: text(fault.fault_id),
    ActiveColumn.ENTITY_INSTANCE_ID: lambda fault: text(fault.entity),
    ActiveColumn.DATE_AND_TIME: lambda fault: date_and_time(fault.timestamp),
    ActiveColumn.ALARM_SEVERITY: lambda fault: min(SEVERITY_RANK.get(fault.severity, 0), 4),
    ActiveColumn.REASON_TEXT: lambda fault: text(fault.reason),
    ActiveColumn.EVENT_TYPE: lambda fault: event_type(fault.event_type),
    ActiveColumn.PROBABLE_CAUSE: lambda fault: snmp_cause(fault.cause),
    ActiveColumn.PROPOSED_REPAIR_ACTION: lambda fault: text(fault.repair),
    ActiveColumn.SERVICE_AFFECTING: lambda fault: int(fault.service_affecting),
    ActiveColumn.SUPPRESSION_ALLOWED: lambda fault: int(fault.suppression),
}
# The event table has the same columns as the alarm table under other names, plus the state.
_EVENT: Mapping[EventColumn, Callable[[ShownFault], Value]] = {
    EventColumn.UUID: _ACTIVE[ActiveColumn.UUID],
    EventColumn.EVENT_ID: _ACTIVE[ActiveColumn.ALARM_ID],
    EventColumn.STATE: lambda fault: _STATES.get(fault.state, 0),
    EventColumn.ENTITY_INSTANCE_ID: _ACTIVE[ActiveColumn.ENTITY_INSTANCE_ID],
    EventColumn.DATE_AND_TIME: _ACTIVE[ActiveColumn.DATE_AND_TIME],
    EventColumn.SEVERITY: _ACTIVE[ActiveColumn.ALARM_SEVERITY],
    EventColumn.REASON_TEXT: _ACTIVE[ActiveColumn.REASON_TEXT],
    EventColumn.EVENT_TYPE: _ACTIVE[ActiveColumn.EVENT_TYPE],
    EventColumn.PROBABLE_CAUSE: _ACTIVE[ActiveColumn.PROBABLE_CAUSE],
    EventColumn.PROPOSED_REPAIR_ACTION: _ACTIVE[ActiveColumn.PROPOSED_REPAIR_ACTION],
    EventColumn.SERVICE_AFFECTING: _ACTIVE[ActiveColumn.SERVICE_AFFECTING],
    EventColumn.SUPPRESSION_ALLOWED: _ACTIVE[ActiveColumn.SUPPRESSION_ALLOWED],
}
