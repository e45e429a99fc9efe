# SPDX-License-Identifier: Apache-2.0
"""Checks of a fault record; the raiser applies them before sending and the manager again on receipt."""
from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from flock.core.ids import is_uuid
from fm.contract.causes import PROBABLE_CAUSES
from fm.contract.entity import entity_type
from fm.contract.enums import ALARM_SEVERITIES, AlarmState, AlarmType, Severity
from fm.contract.errors import InvalidFault
from fm.contract.fault import Fault
from fm.contract.limits import ENTITY_MAX, TEXT_MAX

E = TypeVar("E", AlarmState, Severity, AlarmType)
TIME_TO_LIVE_MAX_S = 366 * 86400
_ALARM_ID = re.compile(r"\d{3}\.\d{3}", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def checked_fault(fault: Fault) -> Fault:
    """The record in stored form, or InvalidFault naming the first wrong field.

    Turns ``log`` into ``msg``, derives a missing entity type and drops an invalid uuid. Refuses severity ``clear`` for
    ``set``: such an alarm would look like a cleared one.
    """
    check_alarm_id(fault.alarm_id)
    check_entity("entity_instance_id", fault.entity_instance_id)
    state = member("alarm_state", fault.alarm_state, AlarmState)
    state = AlarmState.MSG if state is AlarmState.LOG else state
    severity = member("severity", fault.severity, Severity)
    if state is AlarmState.SET and severity not in ALARM_SEVERITIES:
        raise InvalidFault(field="severity", rule=f"must be one of {', '.join(sorted(ALARM_SEVERITIES))} for an alarm")
    kind = member("alarm_type", fault.alarm_type, AlarmType)
    if fault.probable_cause not in PROBABLE_CAUSES:
        raise InvalidFault(field="probable_cause", rule="is not a known probable cause")
    for name in ("service_affecting", "suppression", "inhibit_alarms", "keep_existing_alarm"):
        if not isinstance(getattr(fault, name), bool):
            raise InvalidFault(field=name, rule="must be true or false")
    ttl_s = fault.time_to_live_s
    if not isinstance(ttl_s, int) or isinstance(ttl_s, bool) or not 0 <= ttl_s <= TIME_TO_LIVE_MAX_S:
        raise InvalidFault(field="time_to_live_s", rule=f"must be a number of 0 to {TIME_TO_LIVE_MAX_S} seconds")
    entity_type_id = fault.entity_type_id or entity_type(fault.entity_instance_id)[:ENTITY_MAX]
    check_entity("entity_type_id", entity_type_id)
    if fault.timestamp is not None:
        parse_time("timestamp", fault.timestamp)
    return replace(
        fault, alarm_state=state, severity=severity, alarm_type=kind, entity_type_id=entity_type_id,
        reason_text=_text("reason_text", fault.reason_text),
        proposed_repair_action=_text("proposed_repair_action", fault.proposed_repair_action),
        uuid=checked_uuid(fault.uuid))


def checked_uuid(uuid: str | None) -> str | None:
    """The uuid if it has canonical form, else None: the manager then makes one."""
    return uuid if uuid is not None and is_uuid(uuid) else None


def check_entity(name: str, value: object) -> str:
    """Return ``value`` if it is a non-empty storable text of at most 255 characters; InvalidFault names ``name``."""
    if not isinstance(value, str) or not value:
        raise InvalidFault(field=name, rule="is required")
    return _fitting(name, value, ENTITY_MAX)


def check_alarm_id(value: object) -> str:
    """Return ``value`` if it is an id of the form GGG.EEE; InvalidFault otherwise."""
    if not isinstance(value, str) or not _ALARM_ID.fullmatch(value):
        raise InvalidFault(field="alarm_id", rule="must have the form GGG.EEE, three digits each")
    return value


def member(name: str, value: Any, kind: type[E]) -> E:
    """Return the member of the enum ``kind`` with this value; InvalidFault names ``name``."""
    try:
        return kind(value)
    except ValueError:
        raise InvalidFault(field=name, rule=f"must be one of {', '.join(kind)}") from None


def parse_time(name: str, text: str) -> datetime:
    """The aware UTC datetime of an ISO 8601 text (UTC if it has no offset); InvalidFault names ``name``."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, AttributeError, TypeError):
        raise InvalidFault(field=name, rule="must be a date such as 2026-02-01 10:20:30.000456") from None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise InvalidFault(field=name, rule="is outside the calendar") from None


def storable(text: str) -> bool:
    """True when every database can keep the text (no NUL, no lone surrogate)."""
    return _UNSTORABLE.search(text) is None


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidFault(field=name, rule="must be a text")
    return _fitting(name, value, TEXT_MAX)


def _fitting(name: str, text: str, chars_max: int) -> str:
    if len(text) > chars_max:
        raise InvalidFault(field=name, rule=f"must have at most {chars_max} characters")
    if not storable(text):
        raise InvalidFault(field=name, rule="must not contain NUL or unpaired surrogates")
    return text
