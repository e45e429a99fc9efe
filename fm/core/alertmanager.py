# SPDX-License-Identifier: Apache-2.0
"""Converts alarms to the two formats of Prometheus Alertmanager: webhook messages and alerts of its API."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from fm.contract.enums import AlarmState

NOT_ENDED = "0001-01-01T00:00:00Z"
RECEIVER = "flock"


def fingerprint(alarm_id: str, entity_instance_id: str) -> str:
    """16 hexadecimal digits, the same for all notices of one pair of alarm id and entity."""
    return hashlib.sha256(f"{alarm_id}\0{entity_instance_id}".encode()).hexdigest()[:16]


def webhook_message(payload: dict[str, Any], external_url: str = "") -> dict[str, Any]:
    """The webhook message of Alertmanager (version 4) for one notice."""
    # A customer log is sent as resolved, because no later notice would resolve it.
    resolved = payload["state"] in (AlarmState.CLEAR, AlarmState.LOG)
    labels = _labels(payload, payload["severity"])
    annotations = _annotations(payload) | {
        "state": payload["state"], "timestamp": _utc(payload["timestamp"]), "event_uuid": payload["uuid"]}
    status = "resolved" if resolved else "firing"
    alert = {
        "status": status, "labels": labels, "annotations": annotations, "startsAt": _started(payload),
        "endsAt": _utc(payload["timestamp"]) if resolved else NOT_ENDED, "generatorURL": external_url,
        "fingerprint": fingerprint(payload["event_log_id"], payload["entity_instance_id"])}
    group = {"alertname": labels["alertname"], "entity_instance_id": labels["entity_instance_id"]}
    return {"version": "4", "receiver": RECEIVER, "status": status, "externalURL": external_url,
            "groupKey": f'{{}}:{{alertname="{group["alertname"]}", entity="{group["entity_instance_id"]}"}}',
            "truncatedAlerts": 0, "groupLabels": group, "commonLabels": labels, "commonAnnotations": annotations,
            "alerts": [alert]}


def alerts(payload: dict[str, Any], now: datetime, hold: timedelta, external_url: str = "") -> list[dict[str, Any]]:
    """The body of ``POST /api/v2/alerts`` for one notice of an alarm.

    Alertmanager identifies an alert by its labels, including severity: after a change of severity the body also ends
    the old alert. Alertmanager ends an alert ``hold`` after ``now`` unless it is sent again before.
    """
    started, known_until = _started(payload), _rfc3339(now + hold)
    ended = _utc(payload["timestamp"])
    if payload["state"] == AlarmState.CLEAR:
        return [_alert(payload, payload["severity"], started, ended, external_url)]
    before = payload.get("severity_before")
    told = [_alert(payload, payload["severity"], started, known_until, external_url)]
    if before is not None and before != payload["severity"]:
        told.append(_alert(payload, before, started, ended, external_url))
    return told


def active_alerts(alarms: Iterable[dict[str, Any]], now: datetime, hold: timedelta,
                  external_url: str = "") -> list[dict[str, Any]]:
    """The body of ``POST /api/v2/alerts`` that repeats all active ``alarms`` (rows of the alarm list)."""
    return [_alert(_as_payload(row), row["severity"], _rfc3339(row["created_at"]), _rfc3339(now + hold), external_url)
            for row in alarms]


def _alert(payload: dict[str, Any], severity: str, starts: str, ends: str, url: str) -> dict[str, Any]:
    # Alertmanager refuses an end before the start; a raiser's clock that runs ahead could cause one.
    return {"labels": _labels(payload, severity), "annotations": _annotations(payload), "startsAt": min(starts, ends),
            "endsAt": ends, "generatorURL": url}


def _as_payload(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "event_log_id": row["alarm_id"], "event_log_type": row["alarm_type"]}


def _labels(payload: dict[str, Any], severity: str) -> dict[str, str]:
    return {"alertname": payload["event_log_id"], "severity": severity,
            "entity_instance_id": payload["entity_instance_id"], "entity_type_id": payload["entity_type_id"],
            "alarm_type": payload["event_log_type"]}


def _annotations(payload: dict[str, Any]) -> dict[str, str]:
    return {"summary": payload["reason_text"], "repair": payload["proposed_repair_action"],
            "probable_cause": payload["probable_cause"],
            "service_affecting": str(bool(payload["service_affecting"])).lower()}


def _started(payload: dict[str, Any]) -> str:
    return _utc(payload.get("raised_at") or payload["timestamp"])


def _utc(text: str) -> str:
    return text + "Z"


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
