# SPDX-License-Identifier: Apache-2.0
"""The wire form of an alarm: the replies of GET and the bodies of POST and PUT."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flock.wire.resource import SYSTEM, Resource, attr
from flock.wire.times import without_zone
from flock.wire.types import Choice, Text
from fm.contract.causes import PROBABLE_CAUSES
from fm.contract.enums import AlarmState, AlarmType, Severity, reaches
from fm.contract.limits import ENTITY_MAX, TEXT_MAX
from fm.contract.validation import TIME_TO_LIVE_MAX_S
from fm.core.silencing import Silence

COLLAPSED = ("uuid", "alarm_id", "entity_instance_id", "timestamp", "severity", "reason_text", "suppression_status",
             "mgmt_affecting", "degrade_affecting")


class Alarm(Resource):
    """An active alarm in replies."""

    envelope = "alarms"
    time_format = staticmethod(without_zone)
    uuid = attr(str, writer=SYSTEM)
    alarm_id = attr(str)
    alarm_state = attr(str)
    entity_type_id = attr(str)
    entity_instance_id = attr(str)
    timestamp = attr(datetime)
    severity = attr(str)
    reason_text = attr(str, max_length=TEXT_MAX)
    alarm_type = attr(str)
    probable_cause = attr(str)
    proposed_repair_action = attr(str, max_length=TEXT_MAX)
    service_affecting = attr(bool)
    suppression = attr(bool)
    suppression_status = attr(str, writer=SYSTEM)
    mgmt_affecting = attr(str, writer=SYSTEM)
    degrade_affecting = attr(str, writer=SYSTEM)


ALARM_ID = Text(7, 0, r"[0-9]{3}\.[0-9]{3}", "Value must have the form GGG.EEE, three digits each.")
ENTITY = Text(ENTITY_MAX, 1)
CAUSE = Choice(tuple(PROBABLE_CAUSES))


class FullAlarm(Alarm):
    """An alarm with ``full=True``: adds freshness, flapping, silence and acknowledgement."""

    last_refreshed = attr(datetime, writer=SYSTEM, document="When its raiser last set it.")
    stale = attr(bool, writer=SYSTEM, document="It was not set again within its time to live.")
    flapping = attr(bool, writer=SYSTEM, document="It changed too often; its clears are held until it is quiet.")
    silenced_by = attr(str, writer=SYSTEM, document="Uuid of the silence that hides it longest.")
    silenced_until = attr(datetime, writer=SYSTEM, document="When that silence expires; null when it does not.")
    acknowledged_by = attr(str, writer=SYSTEM)
    acknowledge_comment = attr(str, writer=SYSTEM)
    acknowledged_at = attr(datetime, writer=SYSTEM)


class AlarmBody(Resource):
    """An alarm in the body of POST. Accepts and ignores the last four fields, because clients post whole records."""

    uuid = attr(str, document="Kept when it is a uuid; otherwise the manager makes one.")
    alarm_id = attr(ALARM_ID, mandatory=True)
    alarm_state = attr(AlarmState, mandatory=True)
    entity_type_id = attr(str, document="Derived from the entity instance when absent.")
    entity_instance_id = attr(ENTITY, mandatory=True)
    timestamp = attr(str, document="ISO 8601, UTC unless it names a zone; now when absent.")
    severity = attr(Severity, mandatory=True)
    reason_text = attr(str, max_length=TEXT_MAX)
    alarm_type = attr(AlarmType, mandatory=True)
    probable_cause = attr(CAUSE, mandatory=True)
    proposed_repair_action = attr(str, max_length=TEXT_MAX)
    service_affecting = attr(bool)
    suppression = attr(bool)
    inhibit_alarms = attr(bool)
    keep_existing_alarm = attr(bool)
    time_to_live_s = attr(int, min=0, max=TIME_TO_LIVE_MAX_S, document="Stale after so many seconds; 0 never.")
    suppression_status = attr(object)
    mgmt_affecting = attr(object)
    degrade_affecting = attr(object)
    links = attr(object)


class AlarmChange(AlarmBody):
    """The body of PUT: any of the fields, none required."""

    alarm_id = attr(ALARM_ID)
    alarm_state = attr(AlarmState)
    entity_instance_id = attr(ENTITY)
    severity = attr(Severity)
    alarm_type = attr(AlarmType)
    probable_cause = attr(CAUSE)


class Acknowledgement(Resource):
    """The body of an acknowledgement."""

    comment = attr(str, max_length=TEXT_MAX)


IGNORED = frozenset(("suppression_status", "mgmt_affecting", "degrade_affecting", "links"))


def wire_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored row plus the derived fields: the state, and whether the severity reaches the thresholds of the id."""
    severity = row["severity"]
    return {**row, "alarm_state": AlarmState.SET.value,
            "mgmt_affecting": str(reaches(severity, row["mgmt_threshold"])),
            "degrade_affecting": str(reaches(severity, row["degrade_threshold"]))}


def full_row(row: Mapping[str, Any], silence: Silence | None, stale: bool) -> dict[str, Any]:
    """``wire_row`` plus the fields of ``FullAlarm``; ``silence`` is the one that hides the alarm longest, or None."""
    return {**wire_row(row), "stale": stale,
            "silenced_by": silence.uuid if silence else None, "silenced_until": silence.expires_at if silence else None,
            "acknowledged_by": row["ack_user"] or None, "acknowledge_comment": row["ack_comment"] or None,
            "acknowledged_at": row["ack_at"]}
