# SPDX-License-Identifier: Apache-2.0
"""Converts a notice to the payload stored for outputs (a dict), and a payload to a log line and a trap message."""
from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from fm.contract.causes import snmp_cause
from fm.contract.enums import SEVERITY_RANK, AlarmType
from fm.core.records import Notice, NoticeKind

TRAP_TEXT_MAX = 254
_LINE_KEYS = ("event_log_id", "reason_text", "entity_instance_id", "severity", "state", "proposed_repair_action",
              "timestamp")
_EVENT_KEYS = ("uuid", "event_log_id", "state", "entity_type_id", "entity_instance_id", "timestamp", "severity",
               "reason_text", "event_log_type", "probable_cause", "proposed_repair_action", "service_affecting",
               "suppression")
# Suppressed events are not published, and logs are never suppressed.
_STATUS_TOLD, _STATUS_OF_LOGS = "unsuppressed", "None"
_TRAP_OF_SEVERITY = {"critical": "wrsAlarmCritical", "major": "wrsAlarmMajor", "minor": "wrsAlarmMinor",
                     "warning": "wrsAlarmWarning"}
_TYPE_NUMBERS = {str(kind): number for number, kind in enumerate(AlarmType)}
# Messages to outputs that carry no event.
WARM_START_KIND = "warmStart"
WARM_START_NOTICE = {"kind": WARM_START_KIND}
REFRESH = {"kind": "refresh"}
WARM_START = {"operation_type": WARM_START_KIND, "alarm": {}}


def as_payload(notice: Notice) -> dict[str, Any]:
    """The payload of JSON values; ``uuid`` is the uuid of the event, the same at each delivery."""
    event = notice.event
    return {
        "alarm_uuid": notice.alarm_uuid, "raised_at": None if notice.raised_at is None else _time(notice.raised_at),
        "severity_before": None if notice.severity_before is None else str(notice.severity_before),
        "swept": notice.swept,
        "kind": str(notice.kind), "uuid": event.uuid, "event_log_id": event.event_log_id, "state": str(event.state),
        "entity_type_id": event.entity_type_id, "entity_instance_id": event.entity_instance_id,
        "timestamp": _time(event.timestamp),
        "severity": str(event.severity), "reason_text": event.reason_text, "event_log_type": str(event.event_log_type),
        "probable_cause": event.probable_cause, "proposed_repair_action": event.proposed_repair_action,
        "service_affecting": event.service_affecting, "suppression": event.suppression}


def expanded_event(payload: dict[str, Any]) -> dict[str, Any]:
    """The event as ``GET /v1/event_log?expand=True`` shows it, and the uuid of its alarm (null for a log)."""
    status = _STATUS_OF_LOGS if payload["kind"] == NoticeKind.LOG else _STATUS_TOLD
    return {**{key: payload[key] for key in _EVENT_KEYS}, "suppression_status": status,
            "timestamp": datetime.fromisoformat(payload["timestamp"]).isoformat(),
            "alarm_uuid": payload.get("alarm_uuid")}


def _time(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds")


def log_line(payload: dict[str, Any]) -> str:
    """The text of a system log line: one JSON object."""
    return json.dumps({key: payload[key] for key in _LINE_KEYS}, ensure_ascii=False)


def trap_message(payload: dict[str, Any], region_name: str, system_name: str) -> dict[str, Any]:
    """The message for the trap agent; all values are texts. Cuts reason and repair to ``TRAP_TEXT_MAX`` characters."""
    where = f"region={region_name}.system={system_name}.{payload['entity_instance_id']}"
    date = _trap_date(payload["timestamp"])
    kind = payload["kind"]
    if kind == NoticeKind.LOG:
        return {"operation_type": "wrsAlarmMessage",
                "alarm": _trap_fields("wrsEvent", payload, where, date, "EventId", suppression="0", repair="N/A")}
    prefix = "wrsAlarmActive"
    head = {f"{prefix}Uuid": payload["uuid"], f"{prefix}EntityInstanceId": where, f"{prefix}DateAndTime": date,
            f"{prefix}ReasonText": payload["reason_text"][:TRAP_TEXT_MAX]}
    if kind == NoticeKind.HIERARCHICAL_CLEAR:
        return {"operation_type": "wrsAlarmHierarchicalClear", "alarm": head}
    if kind == NoticeKind.CLEAR:
        return {"operation_type": "wrsAlarmClear", "alarm": {**head, f"{prefix}AlarmId": payload["event_log_id"]}}
    return {"operation_type": _TRAP_OF_SEVERITY[payload["severity"]],
            "alarm": _trap_fields(prefix, payload, where, date, "AlarmId", suppression=str(int(payload["suppression"])),
                                  repair=payload["proposed_repair_action"][:TRAP_TEXT_MAX])}


def _trap_fields(prefix: str, payload: dict[str, Any], where: str, date: str, id_name: str, *, suppression: str,
                 repair: str) -> dict[str, str]:
    severity_name = "Severity" if id_name == "EventId" else "AlarmSeverity"
    return {
        f"{prefix}Uuid": payload["uuid"], f"{prefix}{id_name}": payload["event_log_id"],
        f"{prefix}EntityInstanceId": where, f"{prefix}DateAndTime": date,
        f"{prefix}{severity_name}": str(SEVERITY_RANK[payload["severity"]]),
        f"{prefix}ReasonText": payload["reason_text"][:TRAP_TEXT_MAX],
        f"{prefix}EventType": str(_TYPE_NUMBERS[payload["event_log_type"]] % 11),
        f"{prefix}ProbableCause": str(snmp_cause(payload["probable_cause"])), f"{prefix}ProposedRepairAction": repair,
        f"{prefix}ServiceAffecting": str(int(payload["service_affecting"])), f"{prefix}SuppressionAllowed": suppression}


def _trap_date(timestamp: str) -> str:
    moment = datetime.fromisoformat(timestamp)
    return f"{moment:%Y-%m-%d,%H:%M:%S}.{moment.microsecond // 100000},+0:0"
