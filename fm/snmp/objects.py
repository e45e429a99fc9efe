# SPDX-License-Identifier: Apache-2.0
"""Object identifiers of WRS-ALARM-MIB and of the standard objects in notifications. The numbers are wire facts."""
from __future__ import annotations

import enum

Oid = tuple[int, ...]
Value = int | bytes
"""A value of an object: INTEGER or OCTET STRING; the MIB uses no other syntax."""

ENTERPRISE: Oid = (1, 3, 6, 1, 4, 1, 731)
OBJECTS: Oid = (*ENTERPRISE, 1, 1, 1, 1)
NOTIFICATIONS: Oid = (*OBJECTS, 0)
ACTIVE_TABLE: Oid = (*OBJECTS, 1)
EVENT_TABLE: Oid = (*OBJECTS, 4)
ACTIVE_ENTRY: Oid = (*ACTIVE_TABLE, 1)
EVENT_ENTRY: Oid = (*EVENT_TABLE, 1)

SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SNMP_TRAP_OID: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
WARM_START: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 5, 2)


class ActiveColumn(enum.IntEnum):
    """Columns of wrsAlarmActiveTable."""

    INDEX = 1
    UUID = 2
    ALARM_ID = 3
    ENTITY_INSTANCE_ID = 4
    DATE_AND_TIME = 5
    ALARM_SEVERITY = 6
    REASON_TEXT = 7
    EVENT_TYPE = 8
    PROBABLE_CAUSE = 9
    PROPOSED_REPAIR_ACTION = 10
    SERVICE_AFFECTING = 11
    SUPPRESSION_ALLOWED = 12


class EventColumn(enum.IntEnum):
    """Columns of wrsEventTable."""

    INDEX = 1
    UUID = 2
    EVENT_ID = 3
    STATE = 4
    ENTITY_INSTANCE_ID = 5
    DATE_AND_TIME = 6
    SEVERITY = 7
    REASON_TEXT = 8
    EVENT_TYPE = 9
    PROBABLE_CAUSE = 10
    PROPOSED_REPAIR_ACTION = 11
    SERVICE_AFFECTING = 12
    SUPPRESSION_ALLOWED = 13


class TrapNumber(enum.IntEnum):
    """The last number of a notification's object identifier."""

    CRITICAL = 1
    MAJOR = 2
    MINOR = 3
    WARNING = 4
    MESSAGE = 5
    CLEAR = 9
    HIERARCHICAL_CLEAR = 99
