# SPDX-License-Identifier: Apache-2.0
"""The raising interface of StarlingX's ``fm_api.fm_api`` (``Fault``, ``FaultAPIs``, ``FaultAPIsV2``) on a ``Raiser``.

Answers are acknowledged: a call returns after the manager's commit or fails within ``timeout`` seconds.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from flock.core.errors import FlockError
from fm.contract.causes import PROBABLE_CAUSES
from fm.contract.entity import entity_type
from fm.contract.enums import SEVERITY_RANK, AlarmState, AlarmType, Severity
from fm.contract.fault import AlarmKey
from fm.contract.fault import Fault as FaultRecord
from fm.contract.rpc import BATCH_MAX, FaultOutcome, FaultRequest
from fm.contract.validation import check_entity
from fm.raiser.api import SYNCHRONOUS_TIMEOUT_S, Raiser
from fm.raiser.requests import new_id

T = TypeVar("T")
_REQUIRED = (("alarm_id", "Alarm id"), ("alarm_state", "Alarm state"), ("severity", "Severity"),
             ("alarm_type", "Alarm type"), ("probable_cause", "Probable Cause"), ("entity_type_id", "Entity type id"),
             ("entity_instance_id", "Entity instance id"))


class ClientException(Exception):
    """The fault record is wrong; nothing was sent."""


class APIException(Exception):
    """The manager could not be asked or refused."""


class Fault:
    """A fault record in StarlingX's positional order."""

    def __init__(self, alarm_id: Any, alarm_state: Any, entity_type_id: Any, entity_instance_id: Any, severity: Any,  # noqa: PLR0913
                 reason_text: Any, alarm_type: Any, probable_cause: Any, proposed_repair_action: Any,
                 service_affecting: bool = False, suppression: bool = False, uuid: str | None = None,
                 timestamp: Any = None, inhibit_alarms: bool = False, keep_existing_alarm: bool = False) -> None:
        self.alarm_id = alarm_id
        self.alarm_state = alarm_state
        self.entity_type_id = entity_type_id
        self.entity_instance_id = entity_instance_id
        self.severity = severity
        self.reason_text = reason_text
        self.alarm_type = alarm_type
        self.probable_cause = probable_cause
        self.proposed_repair_action = proposed_repair_action
        self.service_affecting = service_affecting
        self.suppression = suppression
        self.uuid = uuid
        self.timestamp = timestamp
        self.inhibit_alarms = inhibit_alarms
        self.keep_existing_alarm = keep_existing_alarm

    def as_dict(self) -> dict[str, Any]:
        """All fifteen fields by name."""
        return dict(self.__dict__)


class FaultAPIsBase:
    """What both versions share; ``raiser`` carries the requests."""

    def __init__(self, raiser: Raiser, timeout: float = SYNCHRONOUS_TIMEOUT_S) -> None:
        self._raiser = raiser
        self._timeout = timeout

    @staticmethod
    def alarm_allowed(alarm_severity: str, threshold: str) -> bool:
        """True when ``alarm_severity`` ranks below ``threshold`` (``none`` is above every severity)."""
        return SEVERITY_RANK.get(alarm_severity, 0) < SEVERITY_RANK.get(threshold, 0)

    def set_fault_async(self, data: Fault) -> str:
        """Spool the fault durably and return its request id; delivered in order whenever the manager is there."""
        return self._raiser.store(FaultRequest(new_id(), fault=record_of(data)))

    def clear_fault_async(self, alarm_id: str, entity_instance_id: str) -> str:
        """Spool a clear and return its request id."""
        return self._raiser.clear_alarm(alarm_id, entity_instance_id=entity_instance_id)

    def clear_all_async(self, entity_instance_id: str) -> str:
        """Spool a clear of everything on and below the entity and return its request id."""
        return self._raiser.clear_all(entity_instance_id)

    def get_faults_strict(self, entity_instance_id: str) -> list[Fault] | bool | None:
        """Active alarms on or below the entity, None when there are none, False when the manager cannot be asked."""
        return self._strict(None, entity_instance_id)

    def get_faults_by_id_strict(self, alarm_id: str) -> list[Fault] | bool | None:
        """Active alarms of the id, None when there are none, False when the manager cannot be asked."""
        return self._strict(alarm_id, None)

    def _strict(self, alarm_id: str | None, entity: str | None) -> list[Fault] | bool | None:
        try:
            return self._query(alarm_id, entity, below=True) or None
        except FlockError:
            return False

    def _query(self, alarm_id: str | None, entity: str | None, below: bool) -> list[Fault]:
        found = self._raiser.active(alarm_id=alarm_id, entity_instance_id=entity, below=below, timeout_s=self._timeout)
        return [fault_of(record) for record in found]

    def _exactly(self, alarm_id: str, entity: str) -> Fault | None:
        return next(iter(self._query(alarm_id, entity, below=False)), None)

    def _set(self, faults: Iterable[Fault]) -> list[FaultOutcome]:
        return self._apply([FaultRequest(new_id(), fault=record_of(fault)) for fault in faults])

    def _clear(self, pairs: Iterable[tuple[str, str]]) -> int:
        keys = [AlarmKey(ident, check_entity("entity_instance_id", entity)) for ident, entity in pairs]
        outcomes = self._apply([FaultRequest(new_id(), clear=key) for key in keys])
        return sum(outcome.count for outcome in outcomes)

    def _clear_all(self, entity: str) -> int:
        request = FaultRequest(new_id(), clear_all_below=check_entity("entity_instance_id", entity))
        return self._apply([request])[0].count

    def _apply(self, requests: list[FaultRequest]) -> list[FaultOutcome]:
        outcomes: list[FaultOutcome] = []
        for start in range(0, len(requests), BATCH_MAX):
            outcomes += self._raiser.apply_now(requests[start:start + BATCH_MAX], self._timeout)
        return outcomes


class FaultAPIs(FaultAPIsBase):
    """Version 1: a failure is an answer (None or False), never an exception."""

    def set_fault(self, data: Fault) -> str | None:
        """The uuid of the alarm or event, None on any failure."""
        return self._quiet(lambda: self._set([data])[0].uuid, None)

    def set_faults(self, faults: list[Fault]) -> bool | None:
        """True, False on failure, None for an empty list."""
        return self._quiet(lambda: bool(self._set(faults)), False) if faults else None

    def clear_fault(self, alarm_id: str, entity_instance_id: str) -> bool:
        """True when something was cleared."""
        return self._quiet(lambda: self._clear([(alarm_id, entity_instance_id)]) > 0, False)

    def clear_all(self, entity_instance_id: str) -> bool:
        """True when something was cleared."""
        return self._quiet(lambda: self._clear_all(entity_instance_id) > 0, False)

    def get_fault(self, alarm_id: str, entity_instance_id: str) -> Fault | None:
        """The alarm of exactly this pair."""
        return self._quiet(lambda: self._exactly(alarm_id, entity_instance_id), None)

    def get_faults(self, entity_instance_id: str) -> list[Fault] | None:
        """Alarms on or below the entity; None when there are none."""
        return self._quiet(lambda: self._query(None, entity_instance_id, below=True) or None, None)

    def get_faults_by_id(self, alarm_id: str) -> list[Fault] | None:
        """Alarms of the id; None when there are none."""
        return self._quiet(lambda: self._query(alarm_id, None, below=True) or None, None)

    def get_faults_by_id_n_eid(self, alarm_id: str, entity_instance_id: str) -> list[Fault] | None:
        """Alarms of the id on or below the entity; None when there are none."""
        return self._quiet(lambda: self._query(alarm_id, entity_instance_id, below=True) or None, None)

    def _quiet(self, work: Callable[[], T], failed: T) -> T:
        try:
            return work()
        except FlockError:
            return failed


class FaultAPIsV2(FaultAPIsBase):
    """Version 2: a failure raises APIException."""

    def set_fault(self, data: Fault) -> str:
        """The uuid of the alarm or event."""
        return self._loud("set_fault", lambda: self._set([data])[0].uuid or "")

    def set_faults(self, faults: list[Fault]) -> bool | None:
        """True; None for an empty list."""
        return self._loud("set_faults", lambda: bool(self._set(faults))) if faults else None

    def clear_fault(self, alarm_id: str, entity_instance_id: str) -> bool:
        """True when something was cleared, False when there was nothing."""
        return self._loud("clear_fault", lambda: self._clear([(alarm_id, entity_instance_id)]) > 0)

    def clear_faults_list(self, alarm_list: list[tuple[str, str]]) -> bool:
        """True; pairs that are not active are ignored."""
        return self._loud("clear_faults_list", lambda: self._clear(alarm_list) >= 0)

    def clear_all(self, entity_instance_id: str) -> bool:
        """True when something was cleared, False when there was nothing."""
        return self._loud("clear_all", lambda: self._clear_all(entity_instance_id) > 0)

    def get_fault(self, alarm_id: str, entity_instance_id: str) -> Fault | None:
        """The alarm of exactly this pair."""
        return self._loud("get_fault", lambda: self._exactly(alarm_id, entity_instance_id))

    def get_faults(self, entity_instance_id: str) -> list[Fault] | None:
        """Alarms on or below the entity; None when there are none."""
        return self._loud("get_faults", lambda: self._query(None, entity_instance_id, below=True) or None)

    def get_faults_by_id(self, alarm_id: str) -> list[Fault] | None:
        """Alarms of the id; None when there are none."""
        return self._loud("get_faults_by_id", lambda: self._query(alarm_id, None, below=True) or None)

    def get_faults_by_id_n_eid(self, alarm_id: str, entity_instance_id: str) -> list[Fault] | None:
        """Alarms of the id on or below the entity; None when there are none."""
        return self._loud("get_faults_by_id_n_eid",
                          lambda: self._query(alarm_id, entity_instance_id, below=True) or None)

    def _loud(self, name: str, work: Callable[[], T]) -> T:
        try:
            return work()
        except FlockError as error:
            raise APIException(f"Failed to execute {name}.") from error


def record_of(fault: Fault) -> FaultRecord:
    """A checked record of what a caller gave; ClientException names the field that is missing or wrong."""
    for name, label in _REQUIRED:
        if getattr(fault, name) is None:
            raise ClientException(f"{label} is required.")
    members = (("alarm_state", "Alarm State", AlarmState), ("severity", "Severity", Severity),
               ("alarm_type", "Alarm Type", AlarmType), ("probable_cause", "Probable Cause", PROBABLE_CAUSES))
    for name, label, known in members:
        if str(getattr(fault, name)) not in set(known):
            raise ClientException(f"Invalid Fault {label}: {getattr(fault, name)}")
    return FaultRecord(
        alarm_id=str(fault.alarm_id), alarm_state=AlarmState(fault.alarm_state),
        entity_type_id=str(fault.entity_type_id) or entity_type(str(fault.entity_instance_id)),
        entity_instance_id=str(fault.entity_instance_id), severity=Severity(fault.severity),
        reason_text=str(fault.reason_text or "")[:2048], alarm_type=AlarmType(fault.alarm_type),
        probable_cause=str(fault.probable_cause), proposed_repair_action=str(fault.proposed_repair_action or "")[:2048],
        service_affecting=_flag(fault.service_affecting), suppression=_flag(fault.suppression), uuid=fault.uuid,
        timestamp=str(fault.timestamp) if fault.timestamp else None, inhibit_alarms=_flag(fault.inhibit_alarms),
        keep_existing_alarm=_flag(fault.keep_existing_alarm))


def fault_of(record: FaultRecord) -> Fault:
    """A record of the manager as callers know it; flags are booleans (``str(flag) == 'True'`` still holds)."""
    return Fault(
        record.alarm_id, str(record.alarm_state), record.entity_type_id, record.entity_instance_id,
        str(record.severity), record.reason_text, str(record.alarm_type), record.probable_cause,
        record.proposed_repair_action, record.service_affecting, record.suppression, record.uuid, record.timestamp,
        record.inhibit_alarms)


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "1", "yes")
