# SPDX-License-Identifier: Apache-2.0
"""Decides whether an action may start now; refusals have StarlingX's texts."""
from __future__ import annotations

from mtce.contract.records import ActionReply, MtceHost
from mtce.contract.states import OPERATOR_ACTIONS, HostAction
from mtce.core.settings import Settings
from mtce.core.view import MaintainedHost
from sysinv.contract.enums import Administrative, Availability

OUT_OF_SERVICE = frozenset({HostAction.RESET, HostAction.REBOOT, HostAction.REINSTALL, HostAction.POWER_ON,
                            HostAction.POWER_OFF})
UNINTERRUPTIBLE = frozenset({HostAction.ADD, HostAction.FORCE_LOCK})
"""While one of these actions runs, another waits in the host's queue."""
NEEDS_BMC = frozenset({HostAction.RESET, HostAction.REINSTALL, HostAction.POWER_ON, HostAction.POWER_OFF})
SWACT = frozenset({HostAction.SWACT, HostAction.FORCE_SWACT})
NAMES = ("controller-0", "controller-1", "storage-0")
PASS = ActionReply("pass")


def parse_action(text: str) -> HostAction | None:
    """Return the action a request names; None when it is no operator action."""
    try:
        action = HostAction(text)
    except ValueError:
        return None
    return action if action in OPERATOR_ACTIONS else None


def refusal(view: MaintainedHost, action: HostAction, settings: Settings) -> ActionReply | None:
    """Return why ``action`` is refused on the host now; None when it starts at once or waits in the queue."""
    if action == _running(view) or any(action is queued for queued, _ in view.queued):
        return _no(f"User operation '{action}' already in-progress", "Wait until it completes")
    refused = start_refusal(view, action, settings)
    if refused is None and view.action in UNINTERRUPTIBLE and len(view.queued) >= settings.queued_actions_max:
        return _no(f"Action queue is full: {len(view.queued)} actions wait for the end of '{view.action}'",
                   "Wait until they complete and then retry")
    return refused


def start_refusal(view: MaintainedHost, action: HostAction, settings: Settings) -> ActionReply | None:
    """Return why ``action`` may not start on the host in its present states; None when it may."""
    if action in SWACT:
        return _swact_refusal(view, settings)
    if action in (HostAction.LOCK, HostAction.FORCE_LOCK) and view.is_active and not settings.simplex:
        return _no("Controller is Active", "Swact Controller and then Lock")
    if action in (HostAction.LOCK, HostAction.FORCE_LOCK) and view.administrative is Administrative.LOCKED:
        # sysinv checked a state from before the end of another operator's lock; a force-lock would reset the host.
        return _no("Host is already locked", "Nothing is left to do")
    if action in OUT_OF_SERVICE and view.administrative is Administrative.UNLOCKED:
        return _no("Host is Unlocked", "Lock the host and then retry")
    if action is HostAction.UNLOCK and view.is_enabled:
        return _no("Host is already in service", "Lock the host first")
    if action in NEEDS_BMC and not view.has_bmc:
        return _no("BMC not configured", "Configure the board management controller and then retry")
    if action is HostAction.RESET and view.availability is Availability.POWER_OFF:
        return _no("Cannot reset a powered off host", "Power-on the host and then retry")
    return None


def delete_refusal(view: MaintainedHost, known: MtceHost, revision: int) -> ActionReply | None:
    """Refuse to delete a host that is not locked, or whose ``known`` record is newer than the deletion."""
    if view.administrative is Administrative.UNLOCKED:
        return _no("Host is Unlocked", "Lock the host and then retry")
    if is_older(revision, known):
        return _no("The record of the host is newer than its deletion", "Delete the host again")
    return None


def is_older(revision: int, known: MtceHost) -> bool:
    """Whether the ``known`` record is newer than ``revision``; False when ``revision`` is 0, not counted."""
    return 0 < revision < known.revision


def deleted_refusal(revision: int, deleted: int | None) -> ActionReply | None:
    """Refuse a record of a host that was deleted with revision ``deleted``, unless ``revision`` is newer."""
    if deleted is None or revision > deleted:
        return None
    return _no("The host was deleted", "Add it as a new host")


def put_refusal(others: list[MaintainedHost], uuid: str, hostname: str, personality: str,
                mgmt_ip: str) -> ActionReply | None:
    """Refuse a record that collides with another host or uses a name reserved for another personality."""
    for other in others:
        if other.uuid == uuid:
            continue
        if other.hostname == hostname:
            return _no(f"duplicate hostname {hostname}", "Choose another hostname")
        if mgmt_ip and other.mgmt_ip == mgmt_ip:
            return _no(f"duplicate address {mgmt_ip}", "Choose another management address")
    if hostname in NAMES and not hostname.startswith(personality):
        return _no(f"{hostname} is a reserved name for another personality", "Choose another hostname")
    return None


def _running(view: MaintainedHost) -> HostAction:
    """Return the operator action that the present action carries out."""
    return HostAction.UNLOCK if view.action is HostAction.ENABLE else view.action


def _swact_refusal(view: MaintainedHost, settings: Settings) -> ActionReply | None:
    """Whether another controller can take over is checked by sysinv before, and by service management then."""
    if not view.is_controller or not view.is_active and settings.service_management:
        return _no("Swact not supported for this Host", "Select the active controller")
    if settings.service_management and not settings.simplex:
        if view.action is not HostAction.NONE:
            return _no(f"{view.action} is in progress", "Wait until it completes")
        return None
    return _no("No unlocked-enabled controller available", "Provision and unlock a standby controller")


def _no(reason: str, action: str) -> ActionReply:
    return ActionReply("fail", reason, action)
