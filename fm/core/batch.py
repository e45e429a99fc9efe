# SPDX-License-Identifier: Apache-2.0
"""A batch of fault requests folded over the alarms it touches: answers, events, notices and the net change of rows."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from flock.core.errors import FlockError
from fm.contract.entity import containers
from fm.contract.enums import AlarmState
from fm.contract.errors import AlarmNotFound, InvalidFault, UnknownAlarmId, UuidInUse
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultOutcome, FaultRequest
from fm.contract.validation import ID_MAX, check_entity, checked_fault, parse_time, storable
from fm.core import lifecycle
from fm.core.records import Alarm, Event, Notice, NoticeKind


@dataclass(frozen=True, slots=True)
class Touched:
    """What a batch may read or change; the caller loads exactly this before it starts."""

    entities: frozenset[str]
    below: frozenset[str]
    alarm_ids: frozenset[str]
    uuids: frozenset[str]


@dataclass(frozen=True, slots=True)
class NetChange:
    """Difference between the rows before and after a batch."""

    deleted: tuple[str, ...]
    inserted: tuple[Alarm, ...]
    updated: tuple[Alarm, ...]


def touched(requests: Iterable[FaultRequest]) -> Touched:
    """Which rows the requests could touch; texts that no row can hold are left out (refused later)."""
    entities: set[str] = set()
    below: set[str] = set()
    ids: set[str] = set()
    uuids: set[str] = set()
    for request in requests:
        if request.fault is not None:
            entities.add(request.fault.entity_instance_id)
            ids.add(request.fault.alarm_id)
            if request.fault.uuid:
                uuids.add(request.fault.uuid)
        elif request.clear is not None:
            (entities if request.clear_exact else below).add(request.clear.entity_instance_id)
        elif request.clear_all_below is not None:
            below.add(request.clear_all_below)
    return Touched(_possible(entities), _possible(below), _possible(ids), _possible(uuids))


def _possible(texts: set[str]) -> frozenset[str]:
    return frozenset(text for text in texts if text and len(text) <= ID_MAX and storable(text))


class Batch:
    """Applies requests one after the other in memory; the caller stores ``net_change``, ``events`` and ``notices``.

    ``suppressed`` maps every known alarm id among the requests to whether the operator hides it; ``used_uuids`` are
    those of ``Touched.uuids`` that a stored alarm or event has already.
    """

    def __init__(self, alarms: Iterable[Alarm], suppressed: Mapping[str, bool], used_uuids: Iterable[str],
                 now: datetime, fresh_uuid: Callable[[], str], log_unchanged: bool = False) -> None:
        self._before = {alarm.uuid: alarm for alarm in alarms}
        self._alarms = {alarm.key: alarm for alarm in self._before.values()}
        # Keys of the alarms on or below each entity; a dict without values is a set that keeps its order.
        self._inside: dict[str, dict[tuple[str, str], None]] = {}
        for key in self._alarms:
            self._enter(key)
        self._suppressed = suppressed
        self._used = set(used_uuids)
        self._now = now
        self._fresh_uuid = fresh_uuid
        self._log_unchanged = log_unchanged
        self.events: list[Event] = []
        self.notices: list[Notice] = []

    def apply(self, request: FaultRequest) -> FaultOutcome:
        """Do one request; a refusal is put into the outcome and leaves everything as it was."""
        try:
            return self._apply(request)
        except FlockError as error:
            return FaultOutcome(request.request_id, error=error.to_wire())

    def clear_uuid(self, uuid: str) -> str:
        """Clear one alarm by uuid; AlarmNotFound when it is not active."""
        if not self.clear_uuids([uuid]):
            raise AlarmNotFound(id=uuid)
        return uuid

    def clear_uuids(self, uuids: Iterable[str]) -> list[str]:
        """Clear alarms by uuid; returns those that were active."""
        wanted = set(uuids)
        return self._clear([alarm for alarm in self._alarms.values() if alarm.uuid in wanted])

    def modify_uuid(self, uuid: str, fault: Fault) -> str:
        """Replace the changeable fields of an alarm, whatever id and entity the record carries; AlarmNotFound."""
        for alarm in self._alarms.values():
            if alarm.uuid == uuid:
                fault = replace(fault, alarm_id=alarm.alarm_id, entity_instance_id=alarm.entity_instance_id,
                                entity_type_id=alarm.entity_type_id, alarm_state=AlarmState.SET, uuid=None,
                                keep_existing_alarm=False)
                return self._set(checked_fault(fault))
        raise AlarmNotFound(id=uuid)

    def net_change(self) -> NetChange:
        """Rows to delete (by uuid), insert and update; deletes must be stored first."""
        after = {alarm.uuid: alarm for alarm in self._alarms.values()}
        return NetChange(
            deleted=tuple(uuid for uuid in self._before if uuid not in after),
            inserted=tuple(alarm for uuid, alarm in after.items() if uuid not in self._before),
            updated=tuple(alarm for uuid, alarm in after.items()
                          if uuid in self._before and self._before[uuid] != alarm))

    def _apply(self, request: FaultRequest) -> FaultOutcome:
        given = [request.fault, request.clear, request.clear_all_below]
        if sum(part is not None for part in given) != 1:
            raise InvalidFault(field="request", rule="must carry exactly one of fault, clear and clear_all_below")
        if request.clear is not None:
            return _cleared(request, self._clear_key(request.clear, request.clear_exact))
        if request.clear_all_below is not None:
            return _cleared(request, self._clear_below(request.clear_all_below))
        assert request.fault is not None  # noqa: S101 - the sum above says so
        fault = checked_fault(request.fault)
        if fault.alarm_state is AlarmState.CLEAR:
            key = AlarmKey(fault.alarm_id, fault.entity_instance_id)
            return _cleared(request, self._clear_key(key, exact=True))
        uuid = self._log(fault) if fault.alarm_state is AlarmState.MSG else self._set(fault)
        return FaultOutcome(request.request_id, uuid=uuid, count=1)

    def _set(self, fault: Fault) -> str:
        if fault.alarm_id not in self._suppressed:
            raise UnknownAlarmId(field="alarm_id", rule="is not in the catalogue", alarm_id=fault.alarm_id)
        existing = self._alarms.get((fault.alarm_id, fault.entity_instance_id))
        if existing is None:
            self._claim(fault.uuid)
        decision = lifecycle.decide_set(existing, fault, self._time_of(fault), self._now, self._fresh_uuid(),
                                        self._log_unchanged)
        if existing is None:
            self._enter(decision.alarm.key)
        self._alarms[decision.alarm.key] = decision.alarm
        if decision.event is not None:
            self._tell(NoticeKind.SET, decision.event, decision.alarm, before=existing)
        return decision.alarm.uuid

    def _log(self, fault: Fault) -> str:
        self._claim(fault.uuid)
        event = lifecycle.log_event(fault, self._time_of(fault), self._fresh_uuid())
        self._tell(NoticeKind.LOG, event)
        return event.uuid

    def _clear_key(self, key: AlarmKey, exact: bool) -> list[str]:
        check_entity("entity_instance_id", key.entity_instance_id)
        if exact:
            alarm = self._alarms.get((key.alarm_id, key.entity_instance_id))
            return self._clear([alarm] if alarm is not None else [])
        return self._clear([self._alarms[inner] for inner in self._inside.get(key.entity_instance_id, ())
                            if inner[0] == key.alarm_id])

    def _clear_below(self, entity_instance_id: str) -> list[str]:
        check_entity("entity_instance_id", entity_instance_id)
        cleared = self._clear([self._alarms[inner] for inner in self._inside.get(entity_instance_id, ())], swept=True)
        if cleared:
            event = lifecycle.hierarchical_clear(entity_instance_id, self._now, self._fresh_uuid())
            self.notices.append(Notice(NoticeKind.HIERARCHICAL_CLEAR, event))
        return cleared

    def _clear(self, alarms: list[Alarm], swept: bool = False) -> list[str]:
        for alarm in alarms:
            del self._alarms[alarm.key]
            for container in containers(alarm.entity_instance_id):
                del self._inside[container][alarm.key]
            self._tell(NoticeKind.CLEAR, lifecycle.clear_event(alarm, self._now, self._fresh_uuid()), alarm,
                       before=alarm, swept=swept)
        return [alarm.uuid for alarm in alarms]

    def _enter(self, key: tuple[str, str]) -> None:
        for container in containers(key[1]):
            self._inside.setdefault(container, {})[key] = None

    def _tell(self, kind: NoticeKind, event: Event, alarm: Alarm | None = None, *, before: Alarm | None = None,
              swept: bool = False) -> None:
        self.events.append(event)
        self._used.add(event.uuid)
        if alarm is None:
            self.notices.append(Notice(kind, event))
            return
        self.notices.append(Notice(
            kind, event, hidden=self._suppressed.get(event.event_log_id, False), swept=swept, alarm_uuid=alarm.uuid,
            raised_at=alarm.created_at, severity_before=None if before is None else before.severity))

    def _claim(self, uuid: str | None) -> None:
        if uuid is not None and uuid in self._used:
            raise UuidInUse(id=uuid)

    def _time_of(self, fault: Fault) -> datetime:
        return self._now if fault.timestamp is None else parse_time("timestamp", fault.timestamp)


def _cleared(request: FaultRequest, uuids: list[str]) -> FaultOutcome:
    return FaultOutcome(request.request_id, uuid=uuids[0] if uuids else None, count=len(uuids))
