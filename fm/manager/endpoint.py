# SPDX-License-Identifier: Apache-2.0
"""The bus endpoint of fm-manager: implements ``FmManager`` with the writer and the stores."""
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.engine import Connection

from flock.core.errors import FlockError, from_wire
from flock.core.ids import is_uuid
from flock.db import Database, utcnow
from flock.rpc.caller import calling_host
from fm.contract.enums import AlarmState, SuppressionStatus
from fm.contract.errors import InvalidFault, SuppressionNotFound
from fm.contract.fault import Fault
from fm.contract.limits import TEXT_MAX, USER_MAX
from fm.contract.rpc import BATCH_MAX, PAGE_MAX, FaultOutcome, FaultPage, FaultRequest, FmManager, Refusal
from fm.contract.silence import SilenceChange, SilenceRequest
from fm.contract.validation import check_alarm_id, check_entity, storable
from fm.core.batch import Batch
from fm.core.records import Alarm
from fm.manager.refusals import HostRefusals
from fm.manager.silences import SilenceKeeper
from fm.manager.writer import Writer, is_too_many
from fm.resources.alarm import store as alarms
from fm.resources.event_suppression import store as suppression

FAULT_BYTES, PAGE_BYTES_MAX = 1024, 4 * 1024 * 1024


class Manager(FmManager):
    """Implements the bus interface ``FmManager``, which documents the methods."""

    def __init__(self, db: Database, writer: Writer, on_suppression: Callable[[Connection], None] | None = None,
                 clock: Callable[[], datetime] = utcnow, on_wait: Callable[[], None] | None = None,
                 refusals: HostRefusals | None = None) -> None:
        self._db = db
        self.silences = SilenceKeeper(db, on_suppression, clock, on_wait)
        self._writer = writer
        self._on_suppression = on_suppression or (lambda conn: None)
        self._clock = clock
        self._refusals = refusals or HostRefusals()

    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        host = calling_host()
        if host is None:
            self._refusals.gone(requests)
        else:
            self._refusals.check(host, requests)
        outcomes = self._writer.apply(requests, host)
        refused = [outcome.error for outcome in outcomes if outcome.error is not None and is_too_many(outcome)]
        if host is not None and refused:
            error: FlockError = from_wire(refused[-1])
            self._refusals.count(host, f"apply: {error}", len(refused))
        return outcomes

    def get_faults(self, *, alarm_id: str | None, entity_instance_id: str | None, below: bool) -> list[Fault]:
        _check_question(alarm_id, entity_instance_id)
        with self._db.reader() as conn:
            found = alarms.active_page(conn, alarm_id=alarm_id, entity=entity_instance_id, below=below, after=0,
                                       limit=PAGE_MAX + 1)
        # One reply holds them all, so there must not be many.
        if len(found) > PAGE_MAX:
            raise InvalidFault(field="entity_instance_id",
                               rule=f"must match at most {PAGE_MAX} alarms; get_faults_page gives more")
        return [fault_of(alarm) for _, alarm in found]

    def get_faults_page(self, *, alarm_id: str | None, entity_instance_id: str | None, below: bool,
                        after: int = 0) -> FaultPage:
        _check_question(alarm_id, entity_instance_id)
        with self._db.reader() as conn:
            rows = alarms.active_page(conn, alarm_id=alarm_id, entity=entity_instance_id, below=below, after=after,
                                      limit=PAGE_MAX + 1)
        return _page([(number, fault_of(alarm)) for number, alarm in rows])

    def delete_alarm(self, *, uuid: str) -> str:
        return self._writer.change(_usable([uuid]), lambda batch: batch.clear_uuid(uuid))

    def delete_alarms(self, *, uuids: list[str]) -> int:
        if len(uuids) > BATCH_MAX:
            raise InvalidFault(field="uuids", rule=f"must be at most {BATCH_MAX}")

        def clear(batch: Batch) -> int:
            return len(batch.clear_uuids(uuids))

        return self._writer.change(_usable(uuids), clear)

    def modify_alarm(self, *, uuid: str, fault: Fault) -> str:
        return self._writer.change(_usable([uuid]), lambda batch: batch.modify_uuid(uuid, fault))

    def update_suppression(self, *, uuid: str, status: SuppressionStatus) -> str:
        def change(conn: Connection) -> str:
            alarm_id = suppression.set_status(conn, uuid, status, self._clock()) if is_uuid(uuid) else None
            if alarm_id is None:
                raise SuppressionNotFound(field="uuid", rule="names no entry", id=uuid)
            self._on_suppression(conn)
            return alarm_id

        return self._db.transact(change)

    def acknowledge(self, *, uuid: str, user: str, comment: str) -> str:
        if len(user) > USER_MAX or not storable(user):
            raise InvalidFault(field="user", rule=f"must be a text of at most {USER_MAX} characters without NUL")
        if len(comment) > TEXT_MAX or not storable(comment):
            raise InvalidFault(field="comment", rule=f"must be a text of at most {TEXT_MAX} characters without NUL")
        return self._writer.change(_usable([uuid]), lambda batch: batch.acknowledge_uuid(uuid, user, comment))

    def note_refusals(self, *, refusals: list[Refusal]) -> None:
        self._refusals.note(refusals)

    def create_silence(self, *, silence: SilenceRequest) -> str:
        return self.silences.create(silence)

    def change_silence(self, *, uuid: str, change: SilenceChange) -> str:
        return self.silences.change(uuid, change)

    def delete_silence(self, *, uuid: str) -> str:
        return self.silences.delete(uuid)


def _usable(uuids: list[str]) -> set[str]:
    return {uuid for uuid in uuids if is_uuid(uuid)}


def _page(rows: list[tuple[int, Fault]]) -> FaultPage:
    """A page with as many of ``rows`` as one reply may hold; counts six bytes per character, for escaped ones."""
    size = 0
    for place, (_, fault) in enumerate(rows):
        size += FAULT_BYTES + 6 * (len(fault.reason_text) + len(fault.proposed_repair_action) +
                                   len(fault.entity_instance_id) + len(fault.entity_type_id))
        if place and (place == PAGE_MAX or size > PAGE_BYTES_MAX):
            return FaultPage([kept for _, kept in rows[:place]], rows[place - 1][0])
    return FaultPage([fault for _, fault in rows])


def _check_question(alarm_id: str | None, entity_instance_id: str | None) -> None:
    if alarm_id is not None:
        check_alarm_id(alarm_id)
    if entity_instance_id is not None:
        check_entity("entity_instance_id", entity_instance_id)


def fault_of(alarm: Alarm) -> Fault:
    """The fault record of an active alarm, in the form that raisers use."""
    return Fault(
        alarm_id=alarm.alarm_id, alarm_state=AlarmState.SET, entity_type_id=alarm.entity_type_id,
        entity_instance_id=alarm.entity_instance_id, severity=alarm.severity, reason_text=alarm.reason_text,
        alarm_type=alarm.alarm_type, probable_cause=alarm.probable_cause,
        proposed_repair_action=alarm.proposed_repair_action, service_affecting=alarm.service_affecting,
        suppression=alarm.suppression, uuid=alarm.uuid,
        timestamp=alarm.timestamp.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds"),
        inhibit_alarms=alarm.inhibit_alarms, time_to_live_s=alarm.time_to_live_s)
