# SPDX-License-Identifier: Apache-2.0
"""Makes checked fault requests from a caller's arguments and the catalogue; converts them to and from spool records."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.core.ids import new_uuid
from fm.contract import catalogue
from fm.contract.catalogue import Entry
from fm.contract.causes import UNKNOWN
from fm.contract.entity import containers, entity_type, fill
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.errors import InvalidFault, UnknownAlarmId
from fm.contract.fault import AlarmKey, Fault
from fm.contract.limits import ENTITY_MAX, TEXT_MAX
from fm.contract.rpc import FaultRequest
from fm.contract.validation import check_alarm_id, check_entity, checked_fault, member

_CUT = "..."
_RECORD = codec_for(FaultRequest)


def alarm_request(alarm_id: str, entity: str | None, parts: Mapping[str, str],
                  given: Mapping[str, Any]) -> FaultRequest:
    """A request that sets an alarm; UnknownAlarmId or InvalidFault when it cannot be stored."""
    entry = catalogue.load().find(check_alarm_id(alarm_id))
    if entry is None or not entry.is_alarm:
        raise UnknownAlarmId(field="alarm_id", rule="is not in the catalogue", alarm_id=alarm_id)
    fault = _fault(alarm_id, AlarmState.SET, entry, entity_id(alarm_id, entity, parts), given)
    return FaultRequest(new_uuid(), fault=checked_fault(fault))


def log_request(alarm_id: str, entity: str | None, parts: Mapping[str, str], given: Mapping[str, Any]) -> FaultRequest:
    """A request that writes a customer log. Accepts ids outside the catalogue; InvalidFault."""
    entry = catalogue.load().find(check_alarm_id(alarm_id))
    fault = _fault(alarm_id, AlarmState.MSG, entry, entity_id(alarm_id, entity, parts), given)
    return FaultRequest(new_uuid(), fault=checked_fault(fault))


def clear_request(alarm_id: str, entity: str | None, parts: Mapping[str, str], exact: bool = False) -> FaultRequest:
    """A request that clears one alarm id on an entity and, unless ``exact``, on everything below it."""
    key = AlarmKey(check_alarm_id(alarm_id), check_entity("entity_instance_id", entity_id(alarm_id, entity, parts)))
    return FaultRequest(new_uuid(), clear=key, clear_exact=exact)


def clear_all_request(entity: str) -> FaultRequest:
    """A request that clears every alarm on an entity and below it."""
    return FaultRequest(new_uuid(), clear_all_below=check_entity("entity_instance_id", entity))


def entity_id(alarm_id: str, entity: str | None, parts: Mapping[str, str]) -> str:
    """The entity as given, or the catalogue's form for ``alarm_id`` filled with ``parts`` (``host="worker-0"``)."""
    if entity is not None:
        return entity
    entry = catalogue.load().find(alarm_id)
    filled = fill(entry.entities, parts) if entry is not None and parts else None
    if filled is None:
        forms = " or ".join(entry.entities) if entry is not None else "any"
        raise InvalidFault(field="entity_instance_id",
                           rule=f"is required; {alarm_id} has {forms}, given were {sorted(parts)}")
    return filled


def to_record(request: FaultRequest) -> str:
    """One line of JSON; InvalidInput when a field is of the wrong type or no Unicode text."""
    return _RECORD.encode(request, "request").decode("utf-8")


def from_record(record: str) -> FaultRequest | None:
    """The request of a spool record; None when it cannot be decoded. Ignores fields of a later version."""
    try:
        request: FaultRequest = _RECORD.decode(record, "record")
    except InvalidInput:
        return None
    return request


def compact(records: list[str]) -> list[int]:
    """Indexes of the records to keep, ascending. Drops requests whose whole effect a later request replaces.

    Keeps all logs and all records that cannot be decoded. The alarms that are active after delivery are the same as
    without compaction.
    """
    kept: list[int] = []
    decided = _Decided()
    for place in range(len(records) - 1, -1, -1):
        request = from_record(records[place])
        if request is not None:
            if decided.overtake(request):
                continue
            decided.note(request)
        kept.append(place)
    kept.reverse()
    return kept


class _Decided:
    """The alarms whose state later requests decide: single alarms, an alarm id below an entity, all below an entity."""

    def __init__(self) -> None:
        self._alarms: set[tuple[str, str]] = set()
        self._branches: set[tuple[str | None, str]] = set()

    def overtake(self, request: FaultRequest) -> bool:
        """True when later requests replace everything that ``request`` changes."""
        fault = request.fault
        if fault is None:
            key = request.clear or AlarmKey("", request.clear_all_below or "")
            alone = request.clear_exact
        elif fault.alarm_state in (AlarmState.MSG, AlarmState.LOG) or fault.uuid:
            return False
        else:
            key, alone = AlarmKey(fault.alarm_id, fault.entity_instance_id), True
        if alone and (key.alarm_id, key.entity_instance_id) in self._alarms:
            return True
        return any((None, outer) in self._branches or (key.alarm_id, outer) in self._branches
                   for outer in containers(key.entity_instance_id))

    def note(self, request: FaultRequest) -> None:
        """Remember the alarms that ``request`` decides; a set with ``keep_existing_alarm`` decides none."""
        fault = request.fault
        if request.clear_all_below is not None:
            self._branches.add((None, request.clear_all_below))
        elif request.clear is not None:
            decided = self._alarms if request.clear_exact else self._branches
            decided.add((request.clear.alarm_id, request.clear.entity_instance_id))
        elif fault is not None and fault.alarm_state in (AlarmState.SET, AlarmState.CLEAR) and (
                not fault.keep_existing_alarm):
            self._alarms.add((fault.alarm_id, fault.entity_instance_id))


def _fault(alarm_id: str, state: AlarmState, entry: Entry | None, entity: str, given: Mapping[str, Any]) -> Fault:
    severity = _severity(entry, state, given.get("severity"))
    affecting = entry.service_affecting.get(str(severity), False) if entry is not None else False
    described = entry.description if entry is not None else ""
    repair = entry.proposed_repair if entry is not None else ""
    now = datetime.now(UTC).replace(tzinfo=None)

    def value(name: str, default: Any) -> Any:
        chosen = given.get(name)
        return default if chosen is None else chosen

    return Fault(
        alarm_id=alarm_id, alarm_state=state, entity_instance_id=entity,
        entity_type_id=value("entity_type_id", entity_type(entity)[:ENTITY_MAX]), severity=severity,
        reason_text=_short(value("reason_text", described)),
        alarm_type=member("alarm_type", value("alarm_type", _first(entry, "alarm_types", AlarmType.OTHER)), AlarmType),
        probable_cause=value("probable_cause", _first(entry, "probable_causes", UNKNOWN)),
        proposed_repair_action=_short(value("proposed_repair_action", repair)),
        service_affecting=value("service_affecting", affecting),
        suppression=value("suppression", entry.suppression_allowed if entry is not None else False),
        uuid=given.get("uuid"),
        timestamp=value("timestamp", now.isoformat(sep=" ", timespec="microseconds")),
        inhibit_alarms=value("inhibit_alarms", entry.inhibits_alarms if entry is not None else False),
        keep_existing_alarm=value("keep_existing_alarm", False), time_to_live_s=value("time_to_live_s", 0))


def _first(entry: Entry | None, name: str, default: Any) -> Any:
    return getattr(entry, name)[0] if entry is not None else default


def _severity(entry: Entry | None, state: AlarmState, given: object) -> Severity:
    if given is not None:
        return member("severity", given, Severity)
    if state is AlarmState.MSG:
        return Severity.CLEAR
    if entry is not None and len(entry.severities) == 1:
        return entry.severities[0]
    allowed = ", ".join(entry.severities) if entry is not None else "any"
    raise InvalidFault(field="severity", rule=f"is required; the catalogue has {allowed}")


def _short(text: Any) -> Any:
    """The text cut to the longest storable length: an alarm with a shortened reason is better than no alarm."""
    if isinstance(text, str) and len(text) > TEXT_MAX:
        return text[:TEXT_MAX - len(_CUT)] + _CUT
    return text
