# SPDX-License-Identifier: Apache-2.0
"""The writing use cases of the alarm routes: make a fault record of the body and send the request to the manager."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flock.core.errors import from_wire
from flock.core.ids import is_uuid
from flock.db import Database, new_uuid
from fm.contract.entity import entity_type
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.errors import AlarmNotFound
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultOutcome, FaultRequest, FmManager
from fm.contract.validation import member
from fm.resources.alarm import store

_TEXTS = ("reason_text", "proposed_repair_action")
_FLAGS = ("service_affecting", "suppression", "inhibit_alarms", "keep_existing_alarm")


def fault_from(given: Mapping[str, Any]) -> Fault:
    """The fault record of a POST body (fields that were null count as absent); InvalidFault for unknown values."""
    values = {name: value for name, value in given.items() if value is not None}
    entity = values["entity_instance_id"]
    return Fault(
        alarm_id=values["alarm_id"], alarm_state=member("alarm_state", values["alarm_state"], AlarmState),
        entity_type_id=values.get("entity_type_id") or entity_type(entity), entity_instance_id=entity,
        severity=member("severity", values["severity"], Severity),
        alarm_type=member("alarm_type", values["alarm_type"], AlarmType), probable_cause=values["probable_cause"],
        reason_text=values.get("reason_text", ""), proposed_repair_action=values.get("proposed_repair_action", ""),
        uuid=values.get("uuid"), timestamp=values.get("timestamp"), time_to_live_s=values.get("time_to_live_s", 0),
        **{name: values.get(name, False) for name in _FLAGS})


def create(manager: FmManager, given: Mapping[str, Any]) -> str:
    """Set, log or clear by the ``alarm_state`` of the body; returns the uuid of the alarm or event.

    AlarmNotFound when there is nothing to clear.
    """
    fault = fault_from(given)
    if fault.alarm_state is not AlarmState.CLEAR:
        return _applied(manager, FaultRequest(new_uuid(), fault=fault)).uuid or ""
    if fault.uuid:
        return manager.delete_alarm(uuid=fault.uuid)
    key = AlarmKey(fault.alarm_id, fault.entity_instance_id)
    outcome = _applied(manager, FaultRequest(new_uuid(), clear=key, clear_exact=True))
    if outcome.count == 0:
        raise AlarmNotFound(id=f"{fault.alarm_id} {fault.entity_instance_id}")
    return outcome.uuid or ""


def modify(manager: FmManager, db: Database, uuid: str, given: Mapping[str, Any]) -> str:
    """Replace the given fields of an alarm and return its uuid. Ignores alarm id and entity. AlarmNotFound."""
    with db.reader() as conn:
        found = store.by_uuids(conn, [uuid]) if is_uuid(uuid) else []
    if not found:
        raise AlarmNotFound(id=uuid)
    alarm = found[0]
    present: dict[str, Any] = {name: getattr(alarm, name) for name in (
        "alarm_id", "entity_type_id", "entity_instance_id", "severity", "alarm_type", "probable_cause", *_TEXTS,
        "service_affecting", "suppression", "inhibit_alarms", "time_to_live_s")}
    changes = {name: value for name, value in given.items()
               if value is not None and name not in ("uuid", "alarm_id", "entity_instance_id", "entity_type_id")}
    fault = fault_from({**present, **changes, "alarm_state": AlarmState.SET.value})
    return manager.modify_alarm(uuid=uuid, fault=fault)


def _applied(manager: FmManager, request: FaultRequest) -> FaultOutcome:
    outcome = manager.apply(requests=[request])[0]
    if outcome.error is not None:
        raise from_wire(outcome.error)
    return outcome
