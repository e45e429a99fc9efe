# SPDX-License-Identifier: Apache-2.0
"""What other services call to raise and clear alarms and to write customer logs: durable, in order, never blocking."""
from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

from flock import rpc
from flock.core.errors import DeadlineExceeded, FlockError, from_wire
from fm.contract.fault import Fault
from fm.contract.rpc import FaultOutcome, FaultRequest, FmManager
from fm.raiser import requests as make
from fm.raiser import spool as spools
from fm.raiser.delivery import Delivery, OnRefused
from fm.raiser.spool import Spool

LOG = logging.getLogger(__name__)
DELIVERY_DEADLINE_S = 4.0
SYNCHRONOUS_TIMEOUT_S = 5.0
SPOOL_LIMIT_MIB = 16


class Raiser:
    """Raises alarms through a local spool that outlives this process and a dead bus.

    ``transport`` is ``flock.rpc.transport(conf)``; ``spool_dir`` a directory of this daemon alone (several processes of
    one daemon may share it). ``manager`` replaces the bus, for tests. ``on_refused`` hears of requests that the manager
    would not take (default: a log line). Requests are delivered in the order of the calls by one thread.
    """

    def __init__(self, transport: Any, spool_dir: str | Path, *, manager: FmManager | None = None,
                 limit_mib: int = SPOOL_LIMIT_MIB, on_refused: OnRefused | None = None) -> None:
        self._transport = transport
        self._parent = Path(spool_dir)
        self._given_manager = manager
        self._limit_mib = limit_mib
        self._on_refused = on_refused or _log_refusal
        self._lock = threading.Lock()
        self._pid = 0
        self._spool: Spool
        self._delivery: Delivery
        self._manager: FmManager
        self._open()

    def raise_alarm(self, alarm_id: str, *, entity_instance_id: str | None = None, severity: str | None = None,
                    reason_text: str | None = None, reason: str | None = None, entity_type_id: str | None = None,
                    alarm_type: str | None = None, probable_cause: str | None = None,
                    proposed_repair_action: str | None = None, service_affecting: bool | None = None,
                    suppression: bool | None = None, inhibit_alarms: bool | None = None,
                    keep_existing_alarm: bool = False, uuid: str | None = None, timestamp: str | None = None,
                    **parts: str) -> str:
        """Set an alarm and return its request id, stored durably; what is not given comes from the catalogue.

        The entity is ``entity_instance_id``, or the catalogue's form filled with keywords: ``host="worker-0"``,
        ``process="sshd"``. InvalidFault, UnknownAlarmId: nothing was stored. SpoolFull: the spool is at its limit.
        """
        given = _given(locals())
        return self.store(make.alarm_request(alarm_id, entity_instance_id, parts, given))

    def clear_alarm(self, alarm_id: str, *, entity_instance_id: str | None = None, exact: bool = False,
                    **parts: str) -> str:
        """Clear ``alarm_id`` on the entity and, unless ``exact``, on everything below it. Returns the request id."""
        return self.store(make.clear_request(alarm_id, entity_instance_id, parts, exact))

    def clear_all(self, entity_instance_id: str) -> str:
        """Clear every alarm on the entity and below it. Returns the request id."""
        return self.store(make.clear_all_request(entity_instance_id))

    def log_event(self, alarm_id: str, *, entity_instance_id: str | None = None, severity: str | None = None,
                  reason_text: str | None = None, reason: str | None = None, entity_type_id: str | None = None,
                  alarm_type: str | None = None, probable_cause: str | None = None,
                  proposed_repair_action: str | None = None, service_affecting: bool | None = None,
                  timestamp: str | None = None, **parts: str) -> str:
        """Write a customer log (``msg``). Returns the request id."""
        given = _given(locals())
        return self.store(make.log_request(alarm_id, entity_instance_id, parts, given))

    def raise_now(self, alarm_id: str, *, entity_instance_id: str | None = None,
                  timeout_s: float = SYNCHRONOUS_TIMEOUT_S, **fields: Any) -> str:
        """Like ``raise_alarm``, answered by the manager after its commit: returns the uuid of the alarm.

        Nothing is spooled: Unavailable or DeadlineExceeded within ``timeout_s`` mean that the caller must try again.
        """
        names = set(Raiser.raise_alarm.__kwdefaults__ or {})
        parts = {name: value for name, value in fields.items() if name not in names}
        request = make.alarm_request(alarm_id, entity_instance_id, parts, _given({**fields, "self": None}))
        uuid = self.apply_now([request], timeout_s)[0].uuid
        return uuid or ""

    def clear_now(self, alarm_id: str, *, entity_instance_id: str | None = None, exact: bool = False,
                  timeout_s: float = SYNCHRONOUS_TIMEOUT_S, **parts: str) -> int:
        """Like ``clear_alarm``, answered by the manager after its commit: returns how many alarms were cleared."""
        return self.apply_now([make.clear_request(alarm_id, entity_instance_id, parts, exact)], timeout_s)[0].count

    def apply_now(self, requests: list[FaultRequest], timeout_s: float = SYNCHRONOUS_TIMEOUT_S) -> list[FaultOutcome]:
        """Have the manager apply ``requests`` after everything spooled so far; the first refused one is raised."""
        spool = self._opened()
        deadline = time.monotonic() + timeout_s
        if not spool.drained(spool.appended, timeout_s):
            raise DeadlineExceeded(what="delivery of earlier fault requests", timeout_s=f"{timeout_s:g}")
        outcomes = self._client(max(0.05, deadline - time.monotonic())).apply(requests=requests)
        for outcome in outcomes:
            if outcome.error is not None:
                raise from_wire(outcome.error)
        return outcomes

    def active(self, *, alarm_id: str | None = None, entity_instance_id: str | None = None, below: bool = True,
               timeout_s: float = SYNCHRONOUS_TIMEOUT_S) -> list[Fault]:
        """Active alarms as the manager knows them, suppressed and masked ones too. Unavailable, DeadlineExceeded."""
        return self._client(timeout_s).get_faults(alarm_id=alarm_id, entity_instance_id=entity_instance_id, below=below)

    def flush(self, timeout_s: float) -> bool:
        """True when everything spooled so far has been delivered within ``timeout_s``."""
        spool = self._opened()
        return spool.drained(spool.appended, timeout_s)

    def stop(self, timeout_s: float = 2.0) -> None:
        """Stop delivering and give the spool free; what is undelivered waits there for the next process."""
        with self._lock:
            if self._pid == os.getpid():
                self._delivery.stop(timeout_s)
                self._spool.close()
                self._pid = 0

    def store(self, request: FaultRequest) -> str:
        """Spool a request as it is (the manager checks it) and return its id. SpoolFull, Unavailable."""
        self._opened().append([make.to_record(request)])
        return request.request_id

    def _opened(self) -> Spool:
        """The spool of this process; after a fork the child gets a slot and a thread of its own."""
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    if self._pid:
                        self._spool.abandon()
                    self._open()
        return self._spool

    def _open(self) -> None:
        self._spool = spools.open_free_slot(self._parent, self._limit_mib, make.compact)
        self._manager = self._client(DELIVERY_DEADLINE_S)
        self._delivery = Delivery(self._spool, self._parent, lambda: self._manager, self._on_refused)
        self._pid = os.getpid()

    def _client(self, deadline_s: float) -> FmManager:
        if self._given_manager is not None:
            return self._given_manager
        return rpc.client(FmManager, self._transport, deadline_s=deadline_s)


_FIELDS = ("severity", "reason_text", "entity_type_id", "alarm_type", "probable_cause", "proposed_repair_action",
           "service_affecting", "suppression", "inhibit_alarms", "keep_existing_alarm", "uuid", "timestamp")


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The fault fields among the arguments of a call; ``reason`` is short for ``reason_text``."""
    given = {name: arguments.get(name) for name in _FIELDS}
    if given["reason_text"] is None:
        given["reason_text"] = arguments.get("reason")
    return given


def _log_refusal(request: FaultRequest, error: FlockError) -> None:
    subject = request.fault or request.clear or request.clear_all_below
    LOG.error("fault request %s was refused and is lost: %s (%s)", request.request_id, error, subject)
