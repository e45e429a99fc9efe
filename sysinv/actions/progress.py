# SPDX-License-Identifier: Apache-2.0
"""Pure transitions of a host upon mtce's state reports, installation progress and timeouts."""
from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flock.core.errors import InvalidInput
from mtce.contract.records import STATE_SEQUENCE_MAX, HostStatus
from sysinv.contract.enums import (
    LOCK_ACTIONS,
    UNLOCK_ACTIONS,
    Administrative,
    Availability,
    InstallState,
    InvProvision,
    Operational,
    VimProgress,
)
from sysinv.contract.records import HostStateUpdate
from sysinv.model.host import InventoryHost

MTCE_REST = "none"
# Columns after the requested action has ended.
NO_ACTION: Mapping[str, Any] = {"ihost_action": None, "ihost_action_at": None, "action_text": None}
# mtce counts by one; what is this far ahead was not counted.
SEQUENCE_STEP_MAX = 10**9
UPTIME_MAX_S = 2**31 - 1
_TASK_MAX = 64
_ERROR_MAX = 255
_COPIED = ("administrative", "operational", "availability", "subfunction_oper", "subfunction_avail", "mtce_info")
_FIRST_TIME = (None, InvProvision.UNPROVISIONED, InvProvision.INVENTORIED, InvProvision.CONFIGURED)
_UNFINISHED = frozenset({InstallState.PREINSTALL, InstallState.INSTALLING, InstallState.POSTINSTALL})


def check_range(host: InventoryHost, update: HostStateUpdate) -> None:
    """InvalidInput for numbers that mtce cannot have reached, which would make all later updates look outdated."""
    highest = min(host.mtce_sequence + SEQUENCE_STEP_MAX, STATE_SEQUENCE_MAX)
    if not 0 <= update.sequence <= highest:
        raise InvalidInput(field="sequence", rule=f"must be from 0 to {highest}")
    if update.uptime_s is not None and not 0 <= update.uptime_s <= UPTIME_MAX_S:
        raise InvalidInput(field="uptime_s", rule=f"must be from 0 to {UPTIME_MAX_S}")


def state_changes(host: InventoryHost, update: HostStateUpdate) -> dict[str, Any] | None:
    """Return the columns to write for an update from mtce; None when it is older than the stored state."""
    if update.sequence <= host.mtce_sequence:
        return None
    changes: dict[str, Any] = {"mtce_sequence": update.sequence}
    for name in _COPIED:
        value = getattr(update, name)
        if value is not None:
            changes[name] = value
    if update.task is not None:
        changes["task"] = update.task[:_TASK_MAX] or None
        if host.ihost_action is not None:
            # From now on mtce's own task describes the action.
            changes["action_text"] = None
    if update.action is not None:
        changes["mtce_action"] = None if update.action == MTCE_REST else update.action
    if update.uptime_s is not None:
        changes["uptime"] = update.uptime_s
    changes.update(_provisioning(host, update))
    ended = _action_end(host, update)
    changes.update(ended)
    changes.update(_error(update, ended_well=bool(ended) and update.action_failed is None
                          and host.ihost_action not in UNLOCK_ACTIONS))
    if update.availability is not None:
        changes.update(_install_end(host, update.availability))
    return changes


def resynced(host: InventoryHost, status: HostStatus, asked_with: int, *, acting: bool) -> dict[str, Any]:
    """Return the columns to write for mtce's whole record of a host, whose number replaces the stored one.

    Empty when a newer update was stored since mtce was asked, with the number ``asked_with``. Unless an action is
    being carried out (``acting``), ends one that mtce does not carry out.
    """
    if host.mtce_sequence > status.sequence and host.mtce_sequence != asked_with:
        return {}
    update = HostStateUpdate(
        host_uuid=host.uuid, sequence=status.sequence, administrative=status.administrative,
        operational=status.operational, availability=status.availability, subfunction_oper=status.subfunction_oper,
        subfunction_avail=status.subfunction_avail, task=status.task, uptime_s=status.uptime_s, action=status.action)
    host = replace(host, mtce_sequence=status.sequence - 1)
    check_range(host, update)
    ended = NO_ACTION if not acting and status.action == MTCE_REST else {}
    return {**(state_changes(host, update) or {}), **ended}


def _provisioning(host: InventoryHost, update: HostStateUpdate) -> dict[str, Any]:
    administrative = update.administrative or host.administrative
    operational = update.operational or host.operational
    if update.administrative == Administrative.LOCKED and host.vim_progress_status == VimProgress.SERVICES_ENABLED:
        return {"vim_progress_status": VimProgress.SERVICES_DISABLED}
    if administrative == Administrative.UNLOCKED and operational == Operational.ENABLED:
        changes: dict[str, Any] = {}
        if host.ihost_action not in LOCK_ACTIONS or update.action_failed is not None:
            # During a lock the services are off although the host still counts as enabled.
            changes["vim_progress_status"] = VimProgress.SERVICES_ENABLED
        if host.invprovision != InvProvision.UPGRADING:
            changes["invprovision"] = InvProvision.PROVISIONED
        return changes
    if update.administrative == Administrative.UNLOCKED and host.invprovision in _FIRST_TIME:
        return {"invprovision": InvProvision.PROVISIONING}
    return {}


def _action_end(host: InventoryHost, update: HostStateUpdate) -> dict[str, Any]:
    if host.ihost_action is None:
        return {}
    if update.action_failed is not None:
        return dict(NO_ACTION)
    finished = dict(NO_ACTION)
    if host.ihost_action in LOCK_ACTIONS:
        return finished if update.administrative == Administrative.LOCKED else {}
    if host.ihost_action in UNLOCK_ACTIONS:
        return finished if update.administrative == Administrative.UNLOCKED else {}
    # Compares the action: the end of an earlier one may arrive after this one was requested.
    return finished if update.action == MTCE_REST and host.mtce_action == host.ihost_action else {}


def _error(update: HostStateUpdate, *, ended_well: bool) -> dict[str, Any]:
    """Keep the last error until the host is in service, or until an action that ends without service has succeeded."""
    if update.error is not None:
        return failed_with(update.error, _time(update.error_at))
    if update.operational == Operational.ENABLED or ended_well:
        return {"last_error": None, "last_error_at": None}
    return {}


def failed_with(reason: str, at: datetime.datetime) -> dict[str, Any]:
    """Return the columns with the reason and time of a failure."""
    return {"last_error": reason[:_ERROR_MAX], "last_error_at": at}


def _time(text: str | None) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(text or "").astimezone(datetime.UTC)
    except ValueError:
        raise InvalidInput(field="error_at", rule="must be an ISO 8601 time when there is an error") from None


def _install_end(host: InventoryHost, availability: str) -> dict[str, Any]:
    if availability == Availability.ONLINE and host.install_state in (InstallState.BOOTING, InstallState.FAILED):
        return {"install_state": InstallState.COMPLETED}
    return {}


def stored_install_state(reported: str) -> str:
    """Return the install state to store: ``installed`` becomes ``booting``, because the installer reboots next."""
    return InstallState.BOOTING if reported == InstallState.INSTALLED else reported


def install_audit(install_state: str | None, availability: str, silent_s: int,
                  limits: InstallLimits) -> str | None:
    """Return the install state to store, or None for no change; ``silent_s`` is the time since its last change."""
    if install_state in _UNFINISHED:
        return InstallState.FAILED if silent_s >= limits.install_silent_s else None
    if install_state == InstallState.BOOTING:
        if availability != Availability.OFFLINE:
            return InstallState.COMPLETED
        return InstallState.FAILED if silent_s >= limits.boot_silent_s else None
    if install_state == InstallState.FAILED and availability == Availability.ONLINE:
        return InstallState.COMPLETED
    return None


@dataclass(frozen=True, slots=True)
class InstallLimits:
    """Timeouts of an installation without progress (seconds)."""

    install_silent_s: int = 900
    boot_silent_s: int = 2400


@dataclass(frozen=True, slots=True)
class ActionLimits:
    """Timeouts of an action without a report from mtce (seconds)."""

    lock_clear_s: int = 600
    force_lock_resend_s: int = 120
    force_lock_clear_s: int = 240


@dataclass(frozen=True, slots=True)
class ActionAudit:
    """``clear`` empties ``ihost_action``; ``resend`` sends the action to mtce again."""

    clear: bool = False
    resend: bool = False


def action_audit(action: str | None, age_s: int, resent: bool, limits: ActionLimits) -> ActionAudit:
    """Return what to do with a lock after ``age_s`` seconds without a report from mtce."""
    if action not in LOCK_ACTIONS:
        return ActionAudit()
    if action == "lock":
        return ActionAudit(clear=age_s >= limits.lock_clear_s)
    if age_s >= limits.force_lock_clear_s:
        return ActionAudit(clear=True)
    return ActionAudit(resend=age_s >= limits.force_lock_resend_s and not resent)
