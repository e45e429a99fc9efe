# SPDX-License-Identifier: Apache-2.0
"""Bus interface of fm-manager, the only writer of alarms and events."""
from __future__ import annotations

from dataclasses import dataclass, field

from flock.rpc.interface import call, rpc_interface
from fm.contract.enums import SuppressionStatus
from fm.contract.fault import AlarmKey, Fault
from fm.contract.silence import SilenceChange, SilenceRequest

BATCH_MAX = 500
PAGE_MAX = 1000


@dataclass(frozen=True, slots=True)
class FaultRequest:
    """One element of a batch: exactly one of ``fault``, ``clear``, ``clear_all_below`` is set.

    ``request_id`` (uuid text) makes redelivery harmless: a request seen before is answered and not applied again.
    ``clear`` also takes alarms of the same id on contained entities, unless ``clear_exact``. ``only_after`` names an
    earlier request of the same call: when that one was refused, this one is not attempted (NotAttempted).
    """

    request_id: str
    fault: Fault | None = None
    clear: AlarmKey | None = None
    clear_all_below: str | None = None
    clear_exact: bool = False
    only_after: str | None = None


@dataclass(frozen=True, slots=True)
class FaultOutcome:
    """Answer to one request: ``uuid`` of the alarm or event set (or of the first alarm cleared), ``count`` set or
    cleared, or ``error`` as error wire. A raise that is held off answers with the uuid that its alarm will have."""

    request_id: str
    uuid: str | None = None
    count: int = 0
    error: dict[str, object] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class FaultPage:
    """Some active alarms, oldest first; ``next_after`` asks for those behind them, None when these are the last."""

    faults: list[Fault]
    next_after: int | None = None


@rpc_interface(topic="fm.manager", version="1.1")
class FmManager:
    """Everything that changes alarms or events goes through here; answered after the commit."""

    @call(timeout_s=30)
    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        """Apply up to 500 requests in order, in one transaction; one bad element does not stop the others."""
        raise TypeError("interface")

    @call(timeout_s=10)
    def get_faults(self, *, alarm_id: str | None, entity_instance_id: str | None, below: bool) -> list[Fault]:
        """Active alarms by id and/or entity; ``below`` also takes everything contained in the entity.

        Suppression, silences and masking hide none. A raise that is held off is not active yet; an alarm whose clear is
        held off is active still.
        """
        raise TypeError("interface")

    @call(timeout_s=10)
    def get_faults_page(self, *, alarm_id: str | None, entity_instance_id: str | None, below: bool,
                        after: int = 0) -> FaultPage:
        """As ``get_faults``, as many as fit into a message and at most PAGE_MAX: the oldest first, then by ``after``
        what follows.

        An alarm that is active from the first to the last page is in exactly one of them.
        """
        raise TypeError("interface")

    @call(timeout_s=10)
    def delete_alarm(self, *, uuid: str) -> str:
        """Clear one alarm by uuid and return its uuid; AlarmNotFound when there is none."""
        raise TypeError("interface")

    @call(timeout_s=10)
    def modify_alarm(self, *, uuid: str, fault: Fault) -> str:
        """Replace the changeable fields of one alarm and return its uuid; AlarmNotFound when there is none."""
        raise TypeError("interface")

    @call(timeout_s=10)
    def update_suppression(self, *, uuid: str, status: SuppressionStatus) -> str:
        """Suppress or show the alarm id of one suppression entry; returns the alarm id; SuppressionNotFound."""
        raise TypeError("interface")

    @call(timeout_s=10)
    def acknowledge(self, *, uuid: str, user: str, comment: str) -> str:
        """Note that ``user`` has seen the alarm; an empty user withdraws the note. Returns the uuid; AlarmNotFound."""
        raise TypeError("interface")

    @call(timeout_s=30)
    def delete_alarms(self, *, uuids: list[str]) -> int:
        """Clear up to 500 alarms by uuid in one transaction; absent ones are ignored. Returns how many were cleared."""
        raise TypeError("interface")

    @call(timeout_s=10)
    def create_silence(self, *, silence: SilenceRequest) -> str:
        """Hide what the silence matches from now on; returns its uuid. InvalidSilence, TooManySilences."""
        raise TypeError("interface")

    @call(timeout_s=10)
    def change_silence(self, *, uuid: str, change: SilenceChange) -> str:
        """Change end or comment of a silence in force and return its uuid; SilenceNotFound, InvalidSilence."""
        raise TypeError("interface")

    @call(timeout_s=10)
    def delete_silence(self, *, uuid: str) -> str:
        """End a silence and return its uuid; SilenceNotFound when none in force has it."""
        raise TypeError("interface")
