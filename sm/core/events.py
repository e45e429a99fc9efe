# SPDX-License-Identifier: Apache-2.0
"""What happens to the services of this node; the shell reports it to the engines of groups and services."""
from __future__ import annotations

from dataclasses import dataclass

from sm.contract.states import ActionResult, Condition, GroupState, ServiceAction, ServiceState, Status


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; the engines look at their deadlines."""


@dataclass(frozen=True, slots=True)
class Order:
    """The leader wants ``group`` in ``desired``: active, standby or disabled.

    ``recover`` forgets failures and tries again; ``clear_fatal`` also brings back services that had given up;
    ``escalate`` reboots the node first where the group says so.
    """

    group: str
    desired: GroupState
    recover: bool = False
    clear_fatal: bool = False
    escalate: bool = False


@dataclass(frozen=True, slots=True)
class ActionDone:
    """An action ended after its retries. ``run_id`` is that of ``RunAction``; results of an older one are ignored.

    ``state``, ``status`` and ``condition`` are None where the plug-in says nothing about them.
    """

    service: str
    action: ServiceAction
    run_id: int
    result: ActionResult
    state: ServiceState | None = None
    status: Status | None = None
    condition: Condition | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProcessDied:
    """The process of a service ended without having been asked to."""

    service: str
    reason: str


@dataclass(frozen=True, slots=True)
class Restart:
    """An operator restarts a service; ``alone`` leaves its dependents running."""

    service: str
    alone: bool = False


@dataclass(frozen=True, slots=True)
class SetManaged:
    """An operator takes a service out of management, or gives it back."""

    service: str
    managed: bool


@dataclass(frozen=True, slots=True)
class AuditNow:
    """Something has changed in a service, such as the synchronization of its data; look now."""

    service: str


Event = Tick | Order | ActionDone | ProcessDied | Restart | SetManaged | AuditNow
