# SPDX-License-Identifier: Apache-2.0
"""Bus interface of fm-manager, the only writer of alarms and events."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flock.rpc.interface import SERVICES_ONLY, call, hosts_in, number_in, rpc_interface
from fm.contract.enums import SuppressionStatus
from fm.contract.fault import AlarmKey, Fault
from fm.contract.silence import SilenceChange, SilenceRequest

BATCH_MAX = 500
PAGE_MAX = 1000
API, ALARMS = ("fm-api",), ("sm-alarms",)
CONDUCTORS = ("mtce-conductor", "patching-conductor", "patching-orchestrator", "sysinv-conductor")
RAISING = API + CONDUCTORS + ALARMS
READING = (*CONDUCTORS, "sysinv-api")


@dataclass(frozen=True, slots=True)
class FaultRequest:
    """One element of a batch: exactly one of ``fault``, ``clear``, ``clear_all_below`` is set.

    ``request_id`` (uuid text) makes redelivery harmless: the manager returns the first outcome and does not apply the
    request again. ``clear`` also clears alarms of the same id on contained entities, unless ``clear_exact``.
    ``only_after`` names an earlier request of the same call: if that one was refused, the manager does not apply this
    one (NotAttempted).
    """

    request_id: str
    fault: Fault | None = None
    clear: AlarmKey | None = None
    clear_all_below: str | None = None
    clear_exact: bool = False
    only_after: str | None = None


@dataclass(frozen=True, slots=True)
class FaultOutcome:
    """Outcome of one request: ``uuid`` of the alarm or event set (or of the first alarm cleared), ``count`` of alarms
    set or cleared, or ``error`` in wire form. For a raise that is held off, ``uuid`` is the one its alarm will have."""

    request_id: str
    uuid: str | None = None
    count: int = 0
    error: dict[str, object] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Refusal:
    """``number`` messages of a host's agents were refused; ``reason`` is why the last one was."""

    hostname: str
    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class FaultPage:
    """A page of active alarms, oldest first; pass ``next_after`` as ``after`` for the next page, None on the last."""

    faults: list[Fault]
    next_after: int | None = None


def host_of(entity_instance_id: str | None) -> str | None:
    """The host to which an entity belongs (``host=worker-0.disk=sda``: ``worker-0``); None when to none."""
    kind, _, name = (entity_instance_id or "").split(".", 1)[0].partition("=")
    return name if kind == "host" and name else None


def _requested(arguments: Mapping[str, Any]) -> Iterator[str | None]:
    for request in arguments["requests"]:
        for entity in (request.fault and request.fault.entity_instance_id,
                       request.clear and request.clear.entity_instance_id, request.clear_all_below):
            if entity is not None:
                yield host_of(entity)


def _asked(arguments: Mapping[str, Any]) -> list[str | None]:
    return [host_of(arguments["entity_instance_id"])]


@rpc_interface(topic="fm.manager", version="1.2", speaks_for="host", callers=(*RAISING, "sysinv-api"))
class FmManager:
    """All changes of alarms and events; a call that changes them returns after the commit."""

    @call(timeout_s=30, about=hosts_in(_requested), callers=RAISING, weight=number_in("requests"))
    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        """Apply up to 500 requests in order, in one transaction; one bad element does not stop the others."""
        raise TypeError("interface")

    @call(timeout_s=10, about=hosts_in(_asked), callers=CONDUCTORS)
    def get_faults(self, *, alarm_id: str | None, entity_instance_id: str | None, below: bool) -> list[Fault]:
        """Active alarms by id and/or entity, at most PAGE_MAX; with ``below`` also those on contained entities.

        Includes suppressed, silenced and masked alarms, and alarms whose clear is held off; excludes raises that are
        held off.
        """
        raise TypeError("interface")

    @call(timeout_s=10, about=hosts_in(_asked), callers=READING)
    def get_faults_page(self, *, alarm_id: str | None, entity_instance_id: str | None, below: bool,
                        after: int = 0) -> FaultPage:
        """A page of ``get_faults``: as many alarms as fit into a message, at most PAGE_MAX, oldest first.

        ``after`` is ``next_after`` of the page before, 0 for the first. An alarm that is active while all pages are
        read is on exactly one of them.
        """
        raise TypeError("interface")

    @call(timeout_s=10, about=SERVICES_ONLY, callers=API)
    def delete_alarm(self, *, uuid: str) -> str:
        """Clear one alarm by uuid and return its uuid; AlarmNotFound when there is none."""
        raise TypeError("interface")

    @call(timeout_s=10, about=SERVICES_ONLY, callers=API)
    def modify_alarm(self, *, uuid: str, fault: Fault) -> str:
        """Replace the changeable fields of one alarm and return its uuid; AlarmNotFound when there is none."""
        raise TypeError("interface")

    @call(timeout_s=10, about=SERVICES_ONLY, callers=API)
    def update_suppression(self, *, uuid: str, status: SuppressionStatus) -> str:
        """Suppress or show the alarm id of one suppression entry; returns the alarm id; SuppressionNotFound."""
        raise TypeError("interface")

    @call(timeout_s=10, about=SERVICES_ONLY, callers=API)
    def acknowledge(self, *, uuid: str, user: str, comment: str) -> str:
        """Acknowledge the alarm for ``user``; an empty user withdraws the acknowledgement. Returns the uuid;
        AlarmNotFound."""
        raise TypeError("interface")

    @call(timeout_s=30, about=SERVICES_ONLY, callers=API)
    def delete_alarms(self, *, uuids: list[str]) -> int:
        """Clear up to 500 alarms by uuid in one transaction; absent ones are ignored. Returns how many were cleared."""
        raise TypeError("interface")

    @call(timeout_s=10, about=SERVICES_ONLY, callers=CONDUCTORS)
    def note_refusals(self, *, refusals: list[Refusal]) -> None:
        """Set the alarm of each of these hosts, at most 500; it clears when nothing was refused for ten minutes."""
        raise TypeError("interface")

    @call(timeout_s=10, about=SERVICES_ONLY, callers=API)
    def create_silence(self, *, silence: SilenceRequest) -> str:
        """Create a silence that takes effect at once and return its uuid; InvalidSilence, TooManySilences."""
        raise TypeError("interface")

    @call(timeout_s=10, about=SERVICES_ONLY, callers=API)
    def change_silence(self, *, uuid: str, change: SilenceChange) -> str:
        """Change end or comment of a silence in force and return its uuid; SilenceNotFound, InvalidSilence."""
        raise TypeError("interface")

    @call(timeout_s=10, about=SERVICES_ONLY, callers=API)
    def delete_silence(self, *, uuid: str) -> str:
        """End a silence and return its uuid; SilenceNotFound when none in force has it."""
        raise TypeError("interface")
