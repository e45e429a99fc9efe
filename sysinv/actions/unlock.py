# SPDX-License-Identifier: Apache-2.0
"""Rules and plan for unlocking a host. Its resources add checks of their own (``checks.py`` of each resource)."""
from __future__ import annotations

from sysinv.actions.checks import Check, Gate, first_refusal
from sysinv.actions.facts import ActionFacts, ActionPlan
from sysinv.contract.enums import (
    LOCK_ACTIONS,
    ActionState,
    Availability,
    InstallState,
    InvState,
    OperatorAction,
)


def unlock_refusal(facts: ActionFacts, action: OperatorAction) -> str | None:
    """Return the refusal for the operator, or None; ``force-unlock`` skips the checks of readiness."""
    return first_refusal(CHECKS, facts, Gate.UNLOCK, forced=action is OperatorAction.FORCE_UNLOCK)


def unlock_plan(action: OperatorAction) -> ActionPlan:
    """Return the plan of an accepted unlock; mtce has only one kind of unlock."""
    task = "Force Unlocking" if action is OperatorAction.FORCE_UNLOCK else "Unlocking"
    return ActionPlan(action=action, task=task, mtce_action="unlock")


def _installed(facts: ActionFacts) -> str | None:
    if facts.host.install_state == InstallState.FAILED:
        return f"Cannot unlock host {facts.host.name} that failed to install; reinstall it first."
    return None


def _not_unlocked(facts: ActionFacts) -> str | None:
    if not facts.host.is_locked:
        return f"Avoiding unlock action on already 'unlocked' host {facts.host.name}"
    if facts.host.ihost_action in LOCK_ACTIONS:
        return f"Cannot unlock host {facts.host.name} while its lock is still in progress."
    return None


def _powered(facts: ActionFacts) -> str | None:
    if facts.host.availability == Availability.POWER_OFF:
        return f"Can not 'unlock' a 'powered-off' host {facts.host.name}; Please Power-on first"
    return None


def _online(facts: ActionFacts) -> str | None:
    if facts.host.availability != Availability.ONLINE:
        return f"Host {facts.host.name} is not online. Wait for 'online' availability status and then 'unlock'"
    return None


def _identified(facts: ActionFacts) -> str | None:
    host = facts.host
    missing = [name for name, value in (
        ("mgmt_mac", host.mgmt_mac), ("hostname", host.hostname), ("personality", host.personality),
        ("subfunctions", host.subfunctions)) if not value]
    if missing:
        return f"Cannot unlock host {host.name} without {', '.join(missing)}"
    return None


def _not_reinstalling(facts: ActionFacts) -> str | None:
    if facts.host.action_state == ActionState.REINSTALLING:
        return f"Cannot unlock host {facts.host.name} undergoing reinstall. Wait for completion, then 'unlock'"
    return None


def _inventoried(facts: ActionFacts) -> str | None:
    if facts.host.inv_state != InvState.INVENTORIED:
        return f"Cannot unlock host {facts.host.name} that has not completed initial inventory. " \
               "Wait for inventory completion, then 'unlock'"
    return None


CHECKS = (
    Check(Gate.UNLOCK, 10, _installed), Check(Gate.UNLOCK, 20, _not_unlocked), Check(Gate.UNLOCK, 30, _powered),
    Check(Gate.UNLOCK, 40, _online, skipped_by_force=True), Check(Gate.UNLOCK, 50, _identified),
    Check(Gate.UNLOCK, 60, _not_reinstalling, skipped_by_force=True), Check(Gate.UNLOCK, 70, _inventoried))
