# SPDX-License-Identifier: Apache-2.0
"""Bodies for Alertmanager and its receivers, against the fields and types that it publishes."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.core import alertmanager
from fm.core.notice import as_payload, expanded_event
from fm.core.records import Event, Notice, NoticeKind

AT = datetime(2026, 3, 1, 10, 20, 30, 50000, tzinfo=UTC)
RAISED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
HOLD = timedelta(minutes=4)
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
ALERT = {"labels": TEXTS, "annotations": TEXTS, "startsAt": MOMENT, "endsAt": MOMENT,
         "generatorURL": {"type": "string"}}
# Version 4 of the webhook message: every field with its type, nothing else.
MESSAGE = {
    "type": "object", "additionalProperties": False,
    "required": ["version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
                 "commonAnnotations", "externalURL", "alerts"],
    "properties": {
        "version": {"const": "4"}, "groupKey": {"type": "string"}, "truncatedAlerts": {"type": "integer"},
        "status": {"enum": ["firing", "resolved"]}, "receiver": {"type": "string"}, "groupLabels": TEXTS,
        "commonLabels": TEXTS, "commonAnnotations": TEXTS, "externalURL": {"type": "string"},
        "alerts": {"type": "array", "minItems": 1, "items": {
            "type": "object", "additionalProperties": False,
            "required": ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"],
            "properties": {**ALERT, "status": {"enum": ["firing", "resolved"]},
                           "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{16}$"}}}}}}
# postableAlerts of the API, version 2.
POSTABLE = {"type": "array", "minItems": 1, "items": {
    "type": "object", "additionalProperties": False, "required": ["labels"], "properties": ALERT}}


def payload(kind: NoticeKind = NoticeKind.SET, severity: Severity = Severity.MAJOR, before: Severity | None = None,
            **fields: Any) -> dict[str, Any]:
    state = {NoticeKind.SET: AlarmState.SET, NoticeKind.CLEAR: AlarmState.CLEAR, NoticeKind.LOG: AlarmState.LOG}[kind]
    event = Event("e-1", "200.005", state, "host", "host=c-3", AT, severity, "degraded", AlarmType.COMMUNICATION,
                  "unknown", "look", True, True)
    about = {} if kind is NoticeKind.LOG else {"alarm_uuid": "a-1", "raised_at": RAISED, "severity_before": before}
    return as_payload(Notice(kind, event, **about)) | fields  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [NoticeKind.SET, NoticeKind.CLEAR, NoticeKind.LOG])
def test_the_message_has_the_published_fields(kind: NoticeKind) -> None:
    jsonschema.validate(alertmanager.webhook_message(payload(kind), "https://c:8443/alarms"), MESSAGE)


def test_firing_and_resolved() -> None:
    firing, = alertmanager.webhook_message(payload())["alerts"]
    assert (firing["status"], firing["startsAt"], firing["endsAt"]) == (
        "firing", "2026-03-01T09:00:00.000000Z", "0001-01-01T00:00:00Z")
    assert firing["labels"] == {"alertname": "200.005", "severity": "major", "entity_instance_id": "host=c-3",
                                "entity_type_id": "host", "alarm_type": "communication"}
    assert firing["annotations"] == {"summary": "degraded", "repair": "look", "probable_cause": "unknown",
                                     "service_affecting": "true", "state": "set", "event_uuid": payload()["uuid"],
                                     "timestamp": "2026-03-01T10:20:30.050000Z"}
    message = alertmanager.webhook_message(payload(NoticeKind.CLEAR, Severity.CRITICAL))
    resolved, = message["alerts"]
    assert message["status"] == resolved["status"] == "resolved"
    assert (resolved["startsAt"], resolved["endsAt"]) == ("2026-03-01T09:00:00.000000Z", "2026-03-01T10:20:30.050000Z")
    assert resolved["fingerprint"] == firing["fingerprint"], "whatever the severity"


def test_fingerprints_tell_pairs_apart() -> None:
    pairs = [("200.005", "host=a"), ("200.005", "host=b"), ("200.006", "host=a"), ("200.005h", "ost=a")]
    assert len({alertmanager.fingerprint(*pair) for pair in pairs}) == 4


def test_alerts_for_the_api() -> None:
    for kind in (NoticeKind.SET, NoticeKind.CLEAR):
        jsonschema.validate(alertmanager.alerts(payload(kind), AT, HOLD), POSTABLE)
    raised, = alertmanager.alerts(payload(), AT, HOLD)
    assert (raised["startsAt"], raised["endsAt"]) == ("2026-03-01T09:00:00.000000Z", "2026-03-01T10:24:30.050000Z")
    cleared, = alertmanager.alerts(payload(NoticeKind.CLEAR), AT + HOLD, HOLD)
    assert cleared["endsAt"] == "2026-03-01T10:20:30.050000Z" and cleared["labels"] == raised["labels"]


def test_another_severity_ends_the_alert_of_the_one_before() -> None:
    now, before = alertmanager.alerts(payload(severity=Severity.CRITICAL, before=Severity.MINOR), AT, HOLD)
    assert (now["labels"]["severity"], before["labels"]["severity"]) == ("critical", "minor")
    assert now["endsAt"] > before["endsAt"] == "2026-03-01T10:20:30.050000Z"
    assert len(alertmanager.alerts(payload(before=Severity.MAJOR), AT, HOLD)) == 1


def test_an_alert_never_ends_before_it_starts() -> None:
    alert, = alertmanager.alerts(payload(NoticeKind.CLEAR, raised_at="2026-03-01T11:00:00.000000"), AT, HOLD)
    assert alert["startsAt"] == alert["endsAt"]


def test_active_alarms_carry_the_same_labels_as_their_notices() -> None:
    row = {"alarm_id": "200.005", "alarm_type": "communication", "severity": "major", "entity_type_id": "host",
           "entity_instance_id": "host=c-3", "reason_text": "degraded", "proposed_repair_action": "look",
           "probable_cause": "unknown", "service_affecting": True, "created_at": RAISED}
    again = alertmanager.active_alerts([row], AT, HOLD)
    jsonschema.validate(again, POSTABLE)
    assert again == alertmanager.alerts(payload(), AT, HOLD)


def test_the_expanded_event_of_a_notification() -> None:
    told = expanded_event(payload())
    assert told["alarm_uuid"] == "a-1" and told["uuid"] == "e-1" and told["suppression_status"] == "unsuppressed"
    assert expanded_event(payload(timestamp="2026-03-01T10:20:30.000000"))["timestamp"] == "2026-03-01T10:20:30"
    log = expanded_event(payload(NoticeKind.LOG))
    assert log["alarm_uuid"] is None and log["suppression_status"] == "None"


def test_a_message_stored_by_an_older_version_is_still_told() -> None:
    old = {key: value for key, value in payload().items() if key not in ("alarm_uuid", "raised_at", "severity_before")}
    jsonschema.validate(alertmanager.webhook_message(old), MESSAGE)
    jsonschema.validate(alertmanager.alerts(old, AT, HOLD), POSTABLE)
    assert expanded_event(old)["alarm_uuid"] is None
