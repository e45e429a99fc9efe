# SPDX-License-Identifier: Apache-2.0
"""What outputs send for a notice: the log line, the webhook body, the trap message. A notice travels as a dict."""
from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from fm.contract.causes import snmp_cause
from fm.contract.enums import SEVERITY_RANK, AlarmState, AlarmType
from fm.core.records import Notice, NoticeKind

TRAP_TEXT_MAX = 254
_LINE_KEYS = ("event_log_id", "reason_text", "entity_instance_id", "severity", "state", "proposed_repair_action",
              "timestamp")
_TRAP_OF_SEVERITY = {"critical": "wrsAlarmCritical", "major": "wrsAlarmMajor", "minor": "wrsAlarmMinor",
                     "warning": "wrsAlarmWarning"}
_TYPE_NUMBERS = {str(kind): number for number, kind in enumerate(AlarmType)}
WARM_START = {"operation_type": "warmStart", "alarm": {}}


def as_payload(notice: Notice) -> dict[str, Any]:
    """The notice as JSON values."""
    event = notice.event
    return {
        "kind": str(notice.kind), "uuid": event.uuid, "event_log_id": event.event_log_id, "state": str(event.state),
        "entity_type_id": event.entity_type_id, "entity_instance_id": event.entity_instance_id,
        "timestamp": event.timestamp.replace(tzinfo=None).isoformat(timespec="microseconds"),
        "severity": str(event.severity), "reason_text": event.reason_text, "event_log_type": str(event.event_log_type),
        "probable_cause": event.probable_cause, "proposed_repair_action": event.proposed_repair_action,
        "service_affecting": event.service_affecting, "suppression": event.suppression}


def log_line(payload: dict[str, Any]) -> str:
    """The line of the event log file: one JSON object."""
    return json.dumps({key: payload[key] for key in _LINE_KEYS}, ensure_ascii=False)


def webhook_body(payload: dict[str, Any]) -> dict[str, Any]:
    """The message that receivers of Prometheus Alertmanager understand."""
    resolved = payload["state"] == AlarmState.CLEAR
    labels = {"alertname": payload["event_log_id"].strip() or payload["kind"], "severity": payload["severity"],
              "entity_instance_id": payload["entity_instance_id"], "entity_type_id": payload["entity_type_id"].strip(),
              "alarm_type": payload["event_log_type"], "kind": payload["kind"]}
    annotations = {"summary": payload["reason_text"], "repair": payload["proposed_repair_action"],
                   "probable_cause": payload["probable_cause"]}
    moment = payload["timestamp"] + "Z"
    status = "resolved" if resolved else "firing"
    alert = {"status": status, "labels": labels, "annotations": annotations, "startsAt": moment,
             "endsAt": moment if resolved else "0001-01-01T00:00:00Z", "fingerprint": payload["uuid"]}
    return {"version": "4", "receiver": "flock", "status": status, "externalURL": "",
            "groupKey": f"{labels['alertname']}:{labels['entity_instance_id']}", "truncatedAlerts": 0,
            "groupLabels": {"alertname": labels["alertname"]}, "commonLabels": labels,
            "commonAnnotations": annotations, "alerts": [alert]}


def trap_message(payload: dict[str, Any], region_name: str, system_name: str) -> dict[str, Any]:
    """The message of the trap agent; all values are texts, long texts are cut."""
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
