# SPDX-License-Identifier: Apache-2.0
"""How other services raise and clear alarms and write customer logs: stored on disk, delivered in order by a thread."""
from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flock import rpc
from flock.core.errors import DeadlineExceeded, FlockError, Unavailable, from_wire
from flock.rpc.text import size as wire_bytes
from fm.contract.fault import Fault
from fm.contract.rpc import BATCH_MAX, FaultOutcome, FaultRequest, FmManager
from fm.raiser import metrics, slots
from fm.raiser import requests as make
from fm.raiser.delivery import Delivery, OnRefused
from fm.raiser.spool import Spool

LOG = logging.getLogger(__name__)
DELIVERY_DEADLINE_S = 2.5
SYNCHRONOUS_TIMEOUT_S = 5.0
SPOOL_LIMIT_MIB = 16
CALL_BYTES_MAX = 4 * 1024 * 1024
_LIVING: weakref.WeakSet[Raiser] = weakref.WeakSet()


class Raiser:
    """Raises alarms through a local spool that survives the end of this process and an outage of the bus.

    ``transport`` is ``flock.rpc.transport(conf)``; ``spool_dir`` is a directory for this daemon alone (several
    processes of one daemon may share it). ``manager`` replaces the bus in tests. ``on_refused`` is called with each
    request that the manager refuses (default: a log line). One thread delivers requests in the order of the calls.
    While the directory cannot be used, each storing call tries to open it again and raises Unavailable; synchronous
    calls still work. Without a ``spool_dir`` only synchronous calls work.
    """

    def __init__(self, transport: Any, spool_dir: str | Path | None, *, manager: FmManager | None = None,
                 limit_mib: int = SPOOL_LIMIT_MIB, on_refused: OnRefused | None = None) -> None:
        self._transport = transport
        self._parent = Path(spool_dir) if spool_dir is not None else None
        self._given_manager = manager
        self._limit_mib = limit_mib
        self._on_refused = on_refused or _log_refusal
        self._lock = threading.Lock()
        self._opened: tuple[Spool, Delivery] | None = None
        _LIVING.add(self)
        metrics.watch(self)
        self._open_if_possible()

    def raise_alarm(self, alarm_id: str, *, entity_instance_id: str | None = None, severity: str | None = None,
                    reason_text: str | None = None, reason: str | None = None, entity_type_id: str | None = None,
                    alarm_type: str | None = None, probable_cause: str | None = None,
                    proposed_repair_action: str | None = None, service_affecting: bool | None = None,
                    suppression: bool | None = None, inhibit_alarms: bool | None = None,
                    keep_existing_alarm: bool = False, uuid: str | None = None, timestamp: str | None = None,
                    time_to_live_s: int = 0, **parts: str) -> str:
        """Store a request that sets an alarm and return its request id. Omitted fields come from the catalogue.

        The entity is ``entity_instance_id``, or the catalogue's form filled with keywords: ``host="worker-0"``,
        ``process="sshd"``. Raises InvalidFault, UnknownAlarmId, SpoolFull (limit reached or disk full) or Unavailable
        (disk error); then nothing was stored.
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
        """Store a request that writes a customer log (``msg``) and return its request id. Errors as ``raise_alarm``."""
        given = _given(locals())
        return self.store(make.log_request(alarm_id, entity_instance_id, parts, given))

    def raise_now(self, alarm_id: str, *, entity_instance_id: str | None = None,
                  timeout_s: float = SYNCHRONOUS_TIMEOUT_S, **fields: Any) -> str:
        """Raise an alarm synchronously: returns the uuid of the alarm after the manager's commit.

        Spools nothing: after Unavailable or DeadlineExceeded (within ``timeout_s``) the caller must try again.
        """
        names = set(Raiser.raise_alarm.__kwdefaults__ or {})
        parts = {name: value for name, value in fields.items() if name not in names}
        request = make.alarm_request(alarm_id, entity_instance_id, parts, _given(fields))
        return self.apply_now([request], timeout_s)[0].uuid or ""

    def clear_now(self, alarm_id: str, *, entity_instance_id: str | None = None, exact: bool = False,
                  timeout_s: float = SYNCHRONOUS_TIMEOUT_S, **parts: str) -> int:
        """Clear synchronously: returns how many alarms were cleared after the manager's commit."""
        return self.apply_now([make.clear_request(alarm_id, entity_instance_id, parts, exact)], timeout_s)[0].count

    def apply_now(self, requests: Sequence[FaultRequest],
                  timeout_s: float = SYNCHRONOUS_TIMEOUT_S) -> list[FaultOutcome]:
        """Have the manager apply ``requests`` after everything spooled so far; returns one outcome for each.

        Stops at the first refused request and raises its error. Requests before it stay applied; requests after it are
        not attempted. Unavailable, DeadlineExceeded.
        """
        deadline = time.monotonic() + timeout_s
        self._settle(timeout_s)
        outcomes: list[FaultOutcome] = []
        for part in _calls(requests):
            client = self._client(_remaining_s(deadline, timeout_s, "applying fault requests"))
            for outcome in client.apply(requests=part):
                if outcome.error is not None:
                    raise from_wire(outcome.error)
                outcomes.append(outcome)
        return outcomes

    def active(self, *, alarm_id: str | None = None, entity_instance_id: str | None = None, below: bool = True,
               timeout_s: float = SYNCHRONOUS_TIMEOUT_S) -> list[Fault]:
        """All active alarms after everything spooled so far was applied, oldest first.

        Includes suppressed, silenced and masked alarms. Unavailable, DeadlineExceeded.
        """
        deadline = time.monotonic() + timeout_s
        self._settle(timeout_s)
        found: list[Fault] = []
        after: int | None = 0
        while after is not None:
            page = self._client(_remaining_s(deadline, timeout_s, "reading active alarms")).get_faults_page(
                alarm_id=alarm_id, entity_instance_id=entity_instance_id, below=below, after=after)
            found += page.faults
            after = page.next_after
        return found

    def flush(self, timeout_s: float) -> bool:
        """True when everything spooled so far has been delivered within ``timeout_s``."""
        return self._parent is None or self._delivery().settled(timeout_s)

    def backlog(self) -> tuple[int, int]:
        """``(requests, bytes)`` not delivered yet; cheap enough for every scrape of metrics."""
        opened = self._opened
        return opened[1].backlog() if opened is not None else (0, 0)

    def stop(self, timeout_s: float = 2.0) -> None:
        """Stop delivering and release the spool; undelivered requests wait there for the next process."""
        with self._lock:
            if self._opened is not None:
                spool, delivery = self._opened
                delivery.stop(timeout_s)
                spool.close()
                self._opened = None

    def store(self, request: FaultRequest) -> str:
        """Spool a request without checking it (the manager does) and return its id. SpoolFull, Unavailable."""
        self._spool().append([make.to_record(request)])
        return request.request_id

    def after_fork(self) -> None:
        """Drop the parent's queue and thread in the child of a fork; the next call opens a queue for the child."""
        self._lock = threading.Lock()
        if self._opened is not None:
            self._opened[1].abandon()
            self._opened = None

    def _spool(self) -> Spool:
        return (self._opened or self._open())[0]

    def _delivery(self) -> Delivery:
        return (self._opened or self._open())[1]

    def _open(self) -> tuple[Spool, Delivery]:
        with self._lock:
            if self._opened is None:
                if self._parent is None:
                    raise Unavailable(service="fault spool", reason="this program has none")
                turn = slots.Turn(self._parent)
                spool = slots.open_slot(self._parent, self._limit_mib, make.compact, turn)
                manager = self._client(DELIVERY_DEADLINE_S)
                self._opened = spool, Delivery(spool, self._parent, turn, lambda: manager, self._on_refused)
            return self._opened

    def _open_if_possible(self) -> bool:
        if self._parent is None:
            return False
        try:
            self._delivery()
        except Unavailable as error:
            LOG.error("alarms cannot be stored durably: %s", error)
            return False
        return True

    def _settle(self, timeout_s: float) -> None:
        """Wait until earlier requests are delivered; returns at once without a usable spool. DeadlineExceeded."""
        opened = self._opened
        if opened is None and self._open_if_possible():
            opened = self._opened
        if opened is not None and not opened[1].settled(timeout_s):
            raise DeadlineExceeded(what="delivery of earlier fault requests", timeout_s=f"{timeout_s:g}")

    def _client(self, deadline_s: float) -> FmManager:
        if self._given_manager is not None:
            return self._given_manager
        return rpc.client(FmManager, self._transport, deadline_s=deadline_s)


def _after_fork() -> None:
    for raiser in list(_LIVING):
        raiser.after_fork()


os.register_at_fork(after_in_child=_after_fork)

_FIELDS = ("severity", "reason_text", "entity_type_id", "alarm_type", "probable_cause", "proposed_repair_action",
           "service_affecting", "suppression", "inhibit_alarms", "keep_existing_alarm", "uuid", "timestamp",
           "time_to_live_s")


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The fault fields among the arguments of a call; ``reason`` is short for ``reason_text``."""
    given = {name: arguments.get(name) for name in _FIELDS}
    if given["reason_text"] is None:
        given["reason_text"] = arguments.get("reason")
    return given


def _calls(requests: Sequence[FaultRequest]) -> Iterator[list[FaultRequest]]:
    """Split ``requests`` into parts that fit into one message; in a part, each request is ``only_after`` the last."""
    part: list[FaultRequest] = []
    size = 0
    for request in requests:
        length = wire_bytes(make.to_record(request)) if len(requests) > 1 else 0
        if part and (len(part) == BATCH_MAX or size + length > CALL_BYTES_MAX):
            yield part
            part, size = [], 0
        part.append(replace(request, only_after=part[-1].request_id) if part else request)
        size += length
    if part:
        yield part


def _remaining_s(deadline: float, timeout_s: float, what: str) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise DeadlineExceeded(what=what, timeout_s=f"{timeout_s:g}")
    return left_s


def _log_refusal(request: FaultRequest, error: FlockError) -> None:
    subject = request.fault or request.clear or request.clear_all_below
    LOG.error("fault request %s was refused: %s (%s)", request.request_id, error, subject)
