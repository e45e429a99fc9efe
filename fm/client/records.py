# SPDX-License-Identifier: Apache-2.0
"""Types of the API's objects. Times are texts in UTC without zone. Comments mark fields of expanded and full replies.
"""
from __future__ import annotations

from typing import NotRequired, TypedDict


class Alarm(TypedDict):
    """An active alarm. ``mgmt_affecting`` and ``degrade_affecting`` are the texts True and False."""

    uuid: str
    alarm_id: str
    entity_instance_id: str
    timestamp: str
    severity: str
    reason_text: str
    suppression_status: str
    mgmt_affecting: str
    degrade_affecting: str
    # Only in expanded replies.
    alarm_state: NotRequired[str]
    entity_type_id: NotRequired[str]
    alarm_type: NotRequired[str]
    probable_cause: NotRequired[str]
    proposed_repair_action: NotRequired[str]
    service_affecting: NotRequired[bool]
    suppression: NotRequired[bool]
    # Only in full replies.
    last_refreshed: NotRequired[str | None]
    stale: NotRequired[bool]
    flapping: NotRequired[bool]
    silenced_by: NotRequired[str | None]
    silenced_until: NotRequired[str | None]
    acknowledged_by: NotRequired[str | None]
    acknowledge_comment: NotRequired[str | None]
    acknowledged_at: NotRequired[str | None]


class Event(TypedDict):
    """An event of an alarm (state ``set`` or ``clear``) or a customer log (state ``log``)."""

    uuid: str
    event_log_id: str
    state: str
    entity_instance_id: str
    timestamp: str
    severity: str
    reason_text: str
    suppression_status: str
    # Only in expanded replies.
    entity_type_id: NotRequired[str]
    event_log_type: NotRequired[str]
    probable_cause: NotRequired[str]
    proposed_repair_action: NotRequired[str]
    service_affecting: NotRequired[bool]
    suppression: NotRequired[bool]


class Suppression(TypedDict):
    """Whether the operator suppresses an alarm id (``suppressed`` or ``unsuppressed``)."""

    uuid: str
    alarm_id: str
    description: str
    suppression_status: str


class Silence(TypedDict):
    """A silence of an id, an entity or both; ``expires_at`` None means that it does not expire."""

    uuid: str
    alarm_id: str | None
    entity_instance_id: str | None
    expires_at: str | None
    comment: str | None
    created_by: str | None
    created_at: str


class Acknowledgement(TypedDict):
    """The acknowledgement of an alarm; user, comment and timestamp are None without one."""

    uuid: str
    user: str | None
    comment: str | None
    timestamp: str | None


class Counts(TypedDict):
    """Numbers of visible alarms by severity, and the resulting status: OK, degraded or critical."""

    critical: int
    major: int
    minor: int
    warnings: int
    status: str


class Part(Counts):
    """The counts of one host or one alarm group."""

    host: NotRequired[str]
    group: NotRequired[str]


class Summary(Counts):
    """The counts of the cloud; ``parts`` only when the request had ``by``."""

    parts: NotRequired[list[Part]]
