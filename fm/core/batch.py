# SPDX-License-Identifier: Apache-2.0
"""Applies a batch of fault requests to the alarms it touches: outcomes, events, notices and the net change of rows."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from flock.core.errors import FlockError
from fm.contract.enums import AlarmState
from fm.contract.errors import AlarmNotFound, InvalidFault
from fm.contract.fault import AlarmKey, Fault
from fm.contract.limits import ENTITY_MAX
from fm.contract.rpc import FaultOutcome, FaultRequest, host_of
from fm.contract.validation import check_entity, checked_fault, storable
from fm.core import lifecycle
from fm.core.ledger import Ledger, NetChange, Scene
from fm.core.life import AlarmLife, time_of
from fm.core.policy import PLAIN, LifePolicy
from fm.core.records import Alarm, Event, Notice, NoticeKind


@dataclass(frozen=True, slots=True)
class Touched:
    """The rows that a batch may read or change; the caller loads them before it starts."""

    entities: frozenset[str] = frozenset()
    below: frozenset[str] = frozenset()
    alarm_ids: frozenset[str] = frozenset()
    uuids: frozenset[str] = frozenset()


def touched(requests: Iterable[FaultRequest]) -> Touched:
    """The rows that the requests could touch. Omits texts that no row can hold; the batch refuses those requests."""
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
    return frozenset(text for text in texts if text and len(text) <= ENTITY_MAX and storable(text))


class Batch:
    """Applies requests in order in memory; the caller stores ``net_change``, ``events`` and ``notices``."""

    def __init__(self, scene: Scene, now: datetime, fresh_uuid: Callable[[], str], policy: LifePolicy = PLAIN) -> None:
        self._ledger = Ledger(scene, now, fresh_uuid)
        self._life = AlarmLife(self._ledger, policy)
        self._now = now

    @property
    def events(self) -> list[Event]:
        """Rows for the event log, in order."""
        return self._ledger.events

    @property
    def notices(self) -> list[Notice]:
        """Notices for the outputs, in order."""
        return self._ledger.notices

    def net_change(self) -> NetChange:
        """The changes of alarms, held changes and flap states to store."""
        return self._ledger.net_change()

    @property
    def growth(self) -> Mapping[str, int]:
        """How many more alarms and held raises each entity has on or below it."""
        return self._ledger.growth

    def apply(self, request: FaultRequest, within: str | None = None) -> FaultOutcome:
        """Apply one request. A refused request changes nothing and its outcome carries the error.

        ``within`` is the entity of the host that sent the request; a new alarm uses its quota, and events count in its
        share of the log.
        """
        self._ledger.attribute(within and host_of(within), in_bulk=request.clear_all_below is not None)
        try:
            return self._apply(request, within)
        except FlockError as error:
            return FaultOutcome(request.request_id, error=error.to_wire())

    def clear_uuid(self, uuid: str) -> str:
        """Clear one alarm by uuid at once, or drop its held raise; AlarmNotFound when there is neither."""
        if not self.clear_uuids([uuid]):
            raise AlarmNotFound(id=uuid)
        return uuid

    def clear_uuids(self, uuids: Iterable[str]) -> list[str]:
        """Clear alarms by uuid at once; returns those that were active or held."""
        self._ledger.attribute(None, in_bulk=True)
        return self._life.sweep(self._ledger.keys_of(set(uuids)))

    def modify_uuid(self, uuid: str, fault: Fault) -> str:
        """Replace the changeable fields of an alarm, whatever id and entity the record carries; AlarmNotFound.

        Does not cancel a held clear: an operator's correction is not a new raise.
        """
        alarm = self._active(uuid)
        fault = checked_fault(replace(
            fault, alarm_id=alarm.alarm_id, entity_instance_id=alarm.entity_instance_id,
            entity_type_id=alarm.entity_type_id, alarm_state=AlarmState.SET, uuid=None, keep_existing_alarm=False))
        return self._life.update(alarm, fault)

    def acknowledge_uuid(self, uuid: str, user: str, comment: str) -> str:
        """Acknowledge an active alarm for ``user``; an empty ``user`` withdraws the acknowledgement. AlarmNotFound."""
        alarm = self._active(uuid)
        self._ledger.put(replace(alarm, ack_user=user, ack_comment=comment if user else "",
                                 ack_at=self._now if user else None))
        return uuid

    def release_due(self) -> None:
        """Apply held changes that are due, and end the flapping of alarms that were quiet long enough."""
        self._ledger.attribute(None, in_bulk=True)
        self._life.release_due()

    def _active(self, uuid: str) -> Alarm:
        """The active alarm with that uuid; AlarmNotFound."""
        for key in self._ledger.keys_of({uuid}):
            alarm = self._ledger.alarm(key)
            if alarm is not None:
                return alarm
        raise AlarmNotFound(id=uuid)

    def _apply(self, request: FaultRequest, within: str | None) -> FaultOutcome:
        given = [request.fault, request.clear, request.clear_all_below]
        if sum(part is not None for part in given) != 1:
            raise InvalidFault(field="request", rule="must carry exactly one of fault, clear and clear_all_below")
        if request.clear is not None:
            return _cleared(request, self._clear_pair(request.clear, request.clear_exact))
        if request.clear_all_below is not None:
            return _cleared(request, self._clear_below(request.clear_all_below))
        assert request.fault is not None  # noqa: S101 - follows from the sum above
        fault = checked_fault(request.fault)
        if fault.alarm_state is AlarmState.CLEAR:
            key = AlarmKey(fault.alarm_id, fault.entity_instance_id)
            return _cleared(request, self._clear_pair(key, exact=True))
        uuid = self._log(fault) if fault.alarm_state is AlarmState.MSG else self._life.set(fault, within)
        return FaultOutcome(request.request_id, uuid=uuid, count=1)

    def _log(self, fault: Fault) -> str:
        self._ledger.claim(fault.uuid)
        event = lifecycle.log_event(fault, time_of(fault, self._now), self._ledger.fresh_uuid())
        self._ledger.record(NoticeKind.LOG, event)
        return event.uuid

    def _clear_pair(self, pair: AlarmKey, exact: bool) -> list[str]:
        """Clear a pair for its raiser: drops held raises; ends alarms at once or after the hold-off of the id.

        Returns the uuids of the alarms and held raises.
        """
        check_entity("entity_instance_id", pair.entity_instance_id)
        inside = [(pair.alarm_id, pair.entity_instance_id)] if exact else self._ledger.inside(pair.entity_instance_id)
        cleared: list[str] = []
        for key in inside:
            alarm, held = self._ledger.alarm(key), self._ledger.held(key)
            if key[0] != pair.alarm_id:
                continue
            if alarm is not None:
                self._life.clear(alarm)
                cleared.append(alarm.uuid)
            elif held is not None:
                self._ledger.unhold(key)
                cleared.append(held.uuid)
        return cleared

    def _clear_below(self, entity_instance_id: str) -> list[str]:
        """End all alarms on and below an entity at once, without hold-off: the entity no longer exists."""
        check_entity("entity_instance_id", entity_instance_id)
        keys = self._ledger.inside(entity_instance_id)
        active = any(self._ledger.alarm(key) is not None for key in keys)
        cleared = self._life.sweep(keys, swept=True)
        if active:
            self._ledger.record_sweep(
                lifecycle.hierarchical_clear(entity_instance_id, self._now, self._ledger.fresh_uuid()))
        return cleared


def _cleared(request: FaultRequest, uuids: list[str]) -> FaultOutcome:
    return FaultOutcome(request.request_id, uuid=uuids[0] if uuids else None, count=len(uuids))
