# SPDX-License-Identifier: Apache-2.0
"""Converts a stored notice to an SNMP notification with its variables in order. Pure."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fm.contract.enums import Severity
from fm.core.notice import WARM_START_KIND
from fm.core.records import NoticeKind
from fm.snmp.columns import ShownFault, active_value, event_value, from_event
from fm.snmp.objects import (
    ACTIVE_ENTRY,
    EVENT_ENTRY,
    NOTIFICATIONS,
    WARM_START,
    ActiveColumn,
    EventColumn,
    Oid,
    TrapNumber,
    Value,
)

# Variables of notifications do not belong to a row of a table, so they have instance 0, which no row has.
NO_ROW = 0
LOG_REPAIR = "N/A"
_OF_SEVERITY = {Severity.CRITICAL.value: TrapNumber.CRITICAL, Severity.MAJOR.value: TrapNumber.MAJOR,
                Severity.MINOR.value: TrapNumber.MINOR, Severity.WARNING.value: TrapNumber.WARNING}
RAISE_COLUMNS = tuple(column for column in ActiveColumn if column >= ActiveColumn.ALARM_ID)
CLEAR_COLUMNS = (ActiveColumn.ALARM_ID, ActiveColumn.ENTITY_INSTANCE_ID, ActiveColumn.DATE_AND_TIME,
                 ActiveColumn.REASON_TEXT)
HIERARCHICAL_COLUMNS = CLEAR_COLUMNS[1:]
MESSAGE_COLUMNS = tuple(column for column in EventColumn
                        if column >= EventColumn.EVENT_ID and column is not EventColumn.STATE)


@dataclass(frozen=True, slots=True)
class Notification:
    """``trap_oid`` is the value of snmpTrapOID.0; ``variables`` follow it in this order."""

    trap_oid: Oid
    variables: tuple[tuple[Oid, Value], ...] = ()


def notification(payload: Mapping[str, Any], region_name: str, system_name: str) -> Notification:
    """The notification of a payload made by ``fm.core.notice.as_payload``, or of ``{"kind": "warmStart"}``."""
    kind = payload["kind"]
    if kind == WARM_START_KIND:
        return Notification(WARM_START)
    fault = from_event(payload, f"region={region_name}.system={system_name}.")
    if kind == NoticeKind.CLEAR:
        return _active(TrapNumber.CLEAR, fault, CLEAR_COLUMNS)
    if kind == NoticeKind.HIERARCHICAL_CLEAR:
        return _active(TrapNumber.HIERARCHICAL_CLEAR, fault, HIERARCHICAL_COLUMNS)
    number = _OF_SEVERITY.get(fault.severity)
    if kind == NoticeKind.SET and number is not None:
        return _active(number, fault, RAISE_COLUMNS)
    log = replace(fault, repair=LOG_REPAIR, suppression=False)
    return Notification((*NOTIFICATIONS, TrapNumber.MESSAGE), tuple(
        ((*EVENT_ENTRY, column, NO_ROW), event_value(log, column)) for column in MESSAGE_COLUMNS))


def _active(number: TrapNumber, fault: ShownFault, columns: tuple[ActiveColumn, ...]) -> Notification:
    return Notification((*NOTIFICATIONS, number), tuple(
        ((*ACTIVE_ENTRY, column, NO_ROW), active_value(fault, column)) for column in columns))
