# SPDX-License-Identifier: Apache-2.0
"""The raising interface of StarlingX's ``fm_api.fm_api`` (``Fault``, ``FaultAPIs``, ``FaultAPIsV2``) on a ``Raiser``.

A call returns after the manager's commit or fails within ``timeout`` seconds. A call named ``_async`` returns once its
request is stored on the local disk.
"""
from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from flock.core.errors import FlockError
from flock.core.ids import new_uuid
from fm.contract.causes import NOT_APPLICABLE, PROBABLE_CAUSES
from fm.contract.entity import entity_type
from fm.contract.enums import SEVERITY_RANK, AlarmState, AlarmType, Severity
from fm.contract.fault import AlarmKey
from fm.contract.fault import Fault as FaultRecord
from fm.contract.limits import TEXT_MAX
from fm.contract.rpc import FaultOutcome, FaultRequest
from fm.contract.validation import check_entity, checked_fault
from fm.raiser.api import SYNCHRONOUS_TIMEOUT_S, Raiser
from fm.raiser.shared import shared_raiser

T = TypeVar("T")
_REQUIRED = (("alarm_id", "Alarm id"), ("alarm_state", "Alarm state"), ("severity", "Severity"),
             ("alarm_type", "Alarm type"), ("probable_cause", "Probable Cause"), ("entity_type_id", "Entity type id"),
             ("entity_instance_id", "Entity instance id"))
_MEMBERS = (("alarm_state", "State", frozenset(AlarmState)),
            ("severity", "Severity", frozenset(Severity) - {Severity.NOT_APPLICABLE}),
            ("alarm_type", "Type", frozenset(AlarmType)),
            ("probable_cause", "Probable Cause", PROBABLE_CAUSES - {NOT_APPLICABLE}))


class ClientException(Exception):
    """The fault record is wrong; nothing was sent."""


class APIException(Exception):
    """The manager could not be reached or refused the request."""


class LibraryFault:
    """A fault record in StarlingX's positional order; ``time_to_live_s`` is an addition (0 = never stale)."""

    def __init__(self, alarm_id: Any, alarm_state: Any, entity_type_id: Any, entity_instance_id: Any, severity: Any,  # noqa: PLR0913
                 reason_text: Any, alarm_type: Any, probable_cause: Any, proposed_repair_action: Any,
                 service_affecting: Any = False, suppression: Any = False, uuid: Any = None,
                 timestamp: Any = None, inhibit_alarms: Any = False, keep_existing_alarm: Any = False,
                 time_to_live_s: int = 0) -> None:
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
        self.time_to_live_s = time_to_live_s

    def as_dict(self) -> dict[str, Any]:
        """The fifteen fields of StarlingX by name."""
        return {name: value for name, value in self.__dict__.items() if name != "time_to_live_s"}


# The name by which StarlingX's services import it.
Fault = LibraryFault


class FaultAPIsBase:
    """Methods that both versions share; ``raiser`` delivers the requests (default: the raiser of this process).

    ``timeout`` bounds each synchronous call in seconds; each such call accepts a different timeout as last argument.
    """

    def __init__(self, raiser: Raiser | None = None, timeout: float = SYNCHRONOUS_TIMEOUT_S) -> None:
        self._given = raiser
        self._timeout = timeout

    @staticmethod
    def alarm_allowed(alarm_severity: str, threshold: str) -> bool:
        """True when ``alarm_severity`` ranks below ``threshold`` (``none`` is above all); TypeError for other texts."""
        for text in (alarm_severity, threshold):
            if text not in SEVERITY_RANK:
                raise TypeError(f"{text!r} is no severity; they are {', '.join(SEVERITY_RANK)}")
        return SEVERITY_RANK[alarm_severity] < SEVERITY_RANK[threshold]

    def set_fault_async(self, data: LibraryFault) -> str:
        """Store the fault on disk and return its request id; delivered in order once the manager is reachable.

        ClientException for a wrong record; APIException when it cannot be stored, for example because the disk or the
        spool is full.
        """
        record = record_of(data)
        return self._stored(lambda raiser: raiser.store(FaultRequest(new_uuid(), fault=checked_fault(record))))

    def clear_fault_async(self, alarm_id: str, entity_instance_id: str) -> str:
        """Store a clear and return its request id; APIException as in ``set_fault_async``."""
        return self._stored(lambda raiser: raiser.clear_alarm(alarm_id, entity_instance_id=entity_instance_id))

    def clear_all_async(self, entity_instance_id: str) -> str:
        """Store a clear of everything on and below the entity and return its request id; APIException."""
        return self._stored(lambda raiser: raiser.clear_all(entity_instance_id))

    def get_faults_strict(self, entity_instance_id: str,
                          timeout: float | None = None) -> list[LibraryFault] | bool | None:
        """Active alarms on or below the entity, None when there are none, False when the manager cannot be reached."""
        return self._strict(None, entity_instance_id, timeout)

    def get_faults_by_id_strict(self, alarm_id: str,
                                timeout: float | None = None) -> list[LibraryFault] | bool | None:
        """Active alarms of the id, None when there are none, False when the manager cannot be reached."""
        return self._strict(alarm_id, None, timeout)

    def _raiser(self) -> Raiser:
        return self._given if self._given is not None else shared_raiser()

    def _stored(self, store: Callable[[Raiser], str]) -> str:
        try:
            return store(self._raiser())
        except FlockError as error:
            raise APIException(str(error)) from error

    def _strict(self, alarm_id: str | None, entity: str | None,
                timeout: float | None) -> list[LibraryFault] | bool | None:
        try:
            return self._query(alarm_id, entity, True, timeout) or None
        except FlockError:
            return False

    def _query(self, alarm_id: str | None, entity: str | None, below: bool,
               timeout: float | None) -> list[LibraryFault]:
        found = self._raiser().active(alarm_id=alarm_id, entity_instance_id=entity, below=below,
                                      timeout_s=self._seconds(timeout))
        return [fault_of(record) for record in found]

    def _exactly(self, alarm_id: str, entity: str, timeout: float | None) -> LibraryFault | None:
        return next(iter(self._query(alarm_id, entity, False, timeout)), None)

    def _set(self, faults: Iterable[LibraryFault], timeout: float | None) -> list[FaultOutcome]:
        # The list checks all faults before the first is sent.
        return self._apply([FaultRequest(new_uuid(), fault=record_of(fault)) for fault in faults], timeout)

    def _clear(self, pairs: Iterable[tuple[str, str]], timeout: float | None) -> int:
        keys = [AlarmKey(ident, check_entity("entity_instance_id", entity)) for ident, entity in pairs]
        outcomes = self._apply([FaultRequest(new_uuid(), clear=key) for key in keys], timeout)
        return sum(outcome.count for outcome in outcomes)

    def _clear_all(self, entity: str, timeout: float | None) -> int:
        request = FaultRequest(new_uuid(), clear_all_below=check_entity("entity_instance_id", entity))
        return self._apply([request], timeout)[0].count

    def _apply(self, requests: Sequence[FaultRequest], timeout: float | None) -> list[FaultOutcome]:
        return self._raiser().apply_now(requests, self._seconds(timeout))

    def _seconds(self, timeout: float | None) -> float:
        return self._timeout if timeout is None else timeout


class _Synchronous(FaultAPIsBase, abc.ABC):
    """The methods whose failure has another result in each version."""

    def set_fault(self, data: LibraryFault, timeout: float | None = None) -> str | None:
        """The uuid of the alarm or event. Failure in version 1: None."""
        return self._outcome("set_fault", lambda: self._set([data], timeout)[0].uuid, None)

    def set_faults(self, faults: list[LibraryFault], timeout: float | None = None) -> bool | None:
        """True; None for an empty list. Failure in version 1: False.

        Elements before the first refused one stay applied.
        """
        return self._outcome("set_faults", lambda: bool(self._set(faults, timeout)), False) if faults else None

    def clear_fault(self, alarm_id: str, entity_instance_id: str, timeout: float | None = None) -> bool:
        """True when something was cleared. Failure in version 1: False."""
        return self._outcome("clear_fault", lambda: self._clear([(alarm_id, entity_instance_id)], timeout) > 0, False)

    def clear_faults_list(self, alarm_list: list[tuple[str, str]], timeout: float | None = None) -> bool:
        """True; pairs that are not active are ignored. Failure in version 1: False."""
        return self._outcome("clear_faults_list", lambda: self._clear(alarm_list, timeout) >= 0, False)

    def clear_all(self, entity_instance_id: str, timeout: float | None = None) -> bool:
        """True when something was cleared. Failure in version 1: False."""
        return self._outcome("clear_all", lambda: self._clear_all(entity_instance_id, timeout) > 0, False)

    def get_fault(self, alarm_id: str, entity_instance_id: str, timeout: float | None = None) -> LibraryFault | None:
        """The alarm of exactly this pair. Failure in version 1: None."""
        return self._outcome("get_fault", lambda: self._exactly(alarm_id, entity_instance_id, timeout), None)

    def get_faults(self, entity_instance_id: str, timeout: float | None = None) -> list[LibraryFault] | None:
        """Alarms on or below the entity; None when there are none. Failure in version 1: None."""
        return self._outcome("get_faults", lambda: self._query(None, entity_instance_id, True, timeout) or None, None)

    def get_faults_by_id(self, alarm_id: str, timeout: float | None = None) -> list[LibraryFault] | None:
        """Alarms of the id; None when there are none. Failure in version 1: None."""
        return self._outcome("get_faults_by_id", lambda: self._query(alarm_id, None, True, timeout) or None, None)

    def get_faults_by_id_n_eid(self, alarm_id: str, entity_instance_id: str,
                               timeout: float | None = None) -> list[LibraryFault] | None:
        """Alarms of the id on or below the entity; None when there are none. Failure in version 1: None."""
        return self._outcome("get_faults_by_id_n_eid",
                             lambda: self._query(alarm_id, entity_instance_id, True, timeout) or None, None)

    @abc.abstractmethod
    def _outcome(self, name: str, work: Callable[[], T], failed: T) -> T:
        """What ``work`` returns; ``failed`` or an exception after a failure. ``name`` is the caller's method."""


class FaultAPIs(_Synchronous):
    """Version 1: a failure returns None or False; only a wrong record raises an exception."""

    def _outcome(self, name: str, work: Callable[[], T], failed: T) -> T:
        try:
            return work()
        except FlockError:
            return failed


class FaultAPIsV2(_Synchronous):
    """Version 2: a failure raises APIException."""

    def set_fault(self, data: LibraryFault, timeout: float | None = None) -> str:
        """The uuid of the alarm or event; empty for a clear that cleared nothing."""
        return super().set_fault(data, timeout) or ""

    def _outcome(self, name: str, work: Callable[[], T], failed: T) -> T:
        try:
            return work()
        except FlockError as error:
            raise APIException(f"Failed to execute {name}.") from error


def record_of(fault: LibraryFault) -> FaultRecord:
    """The checked record of a caller's fault; ClientException names the field that is missing or wrong."""
    for name, label in _REQUIRED:
        if getattr(fault, name) is None:
            raise ClientException(f"{label} is required.")
    for name, label, known in _MEMBERS:
        if str(getattr(fault, name)) not in known:
            raise ClientException(f"Invalid Fault {label}: {getattr(fault, name)}")
    return FaultRecord(
        alarm_id=str(fault.alarm_id), alarm_state=AlarmState(fault.alarm_state),
        entity_type_id=str(fault.entity_type_id) or entity_type(str(fault.entity_instance_id)),
        entity_instance_id=str(fault.entity_instance_id), severity=Severity(fault.severity),
        reason_text=str(fault.reason_text or "")[:TEXT_MAX], alarm_type=AlarmType(fault.alarm_type),
        probable_cause=str(fault.probable_cause),
        proposed_repair_action=str(fault.proposed_repair_action or "")[:TEXT_MAX],
        service_affecting=_flag(fault.service_affecting), suppression=_flag(fault.suppression),
        uuid=None if fault.uuid is None else str(fault.uuid),
        timestamp=str(fault.timestamp) if fault.timestamp else None, inhibit_alarms=_flag(fault.inhibit_alarms),
        keep_existing_alarm=_flag(fault.keep_existing_alarm), time_to_live_s=int(fault.time_to_live_s))


def fault_of(record: FaultRecord) -> LibraryFault:
    """The manager's record in the caller's form; flags are booleans (``str(flag) == 'True'`` still holds)."""
    return LibraryFault(
        record.alarm_id, str(record.alarm_state), record.entity_type_id, record.entity_instance_id,
        str(record.severity), record.reason_text, str(record.alarm_type), record.probable_cause,
        record.proposed_repair_action, record.service_affecting, record.suppression, record.uuid, record.timestamp,
        record.inhibit_alarms, time_to_live_s=record.time_to_live_s)


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "1", "yes")
