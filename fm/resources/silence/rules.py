# SPDX-License-Identifier: Apache-2.0
"""Checks of silences to create and of their changes."""
from __future__ import annotations

from datetime import datetime
from typing import Any

from flock.core.errors import InvalidInput
from fm.contract.errors import InvalidFault, InvalidSilence
from fm.contract.limits import TEXT_MAX, USER_MAX
from fm.contract.silence import SilenceChange, SilenceRequest
from fm.contract.validation import check_alarm_id, check_entity, parse_time, storable

SILENCES_MAX = 1000


def checked(asked: SilenceRequest, now: datetime) -> dict[str, Any]:
    """The values to store for a new silence; InvalidSilence names the field that breaks a rule."""
    if asked.alarm_id is None and asked.entity_instance_id is None:
        raise InvalidSilence(field="alarm_id", rule="or entity_instance_id is required")
    try:
        if asked.alarm_id is not None:
            check_alarm_id(asked.alarm_id)
        if asked.entity_instance_id is not None:
            check_entity("entity_instance_id", asked.entity_instance_id)
    except InvalidFault as error:
        raise _renamed(error) from None
    return {"alarm_id": asked.alarm_id, "entity_instance_id": asked.entity_instance_id,
            "expires_at": None if asked.expires_at is None else _end(asked.expires_at, now),
            "comment": _text("comment", asked.comment, TEXT_MAX),
            "created_by": _text("created_by", asked.created_by, USER_MAX)}


def changed(asked: SilenceChange, now: datetime) -> dict[str, Any]:
    """The values to store for a change; InvalidSilence names the field that breaks a rule."""
    values: dict[str, Any] = {}
    if asked.without_end and asked.expires_at is not None:
        raise InvalidSilence(field="expires_at", rule="cannot be set and removed at once")
    if asked.without_end or asked.expires_at is not None:
        values["expires_at"] = None if asked.expires_at is None else _end(asked.expires_at, now)
    if asked.comment is not None:
        values["comment"] = _text("comment", asked.comment, TEXT_MAX)
    return values


def _end(text: str, now: datetime) -> datetime:
    try:
        end = parse_time("expires_at", text)
    except InvalidFault as error:
        raise _renamed(error) from None
    if end <= now:
        raise InvalidSilence(field="expires_at", rule="must be in the future")
    return end


def _text(name: str, value: str, length_max: int) -> str:
    if len(value) > length_max or not storable(value):
        raise InvalidSilence(field=name, rule=f"must be a text of at most {length_max} characters without NUL")
    return value


def _renamed(error: InvalidInput) -> InvalidSilence:
    return InvalidSilence(field=error.params["field"], rule=error.params["rule"])
