# SPDX-License-Identifier: Apache-2.0
"""Rules for locking a host. The force variants skip checks that protect service, never those that protect the cloud."""
from __future__ import annotations

from sysinv.actions.checks import Check, Gate, first_refusal
from sysinv.actions.facts import ActionFacts, ActionPlan
from sysinv.contract.enums import OperatorAction

_TASKS = {
    OperatorAction.LOCK: "Locking",
    OperatorAction.FORCE_LOCK: "Force Locking",
    OperatorAction.FORCE_UNSAFE_LOCK: "Unsafely Force Locking",
}


def lock_refusal(facts: ActionFacts, action: OperatorAction) -> str | None:
    """Return the refusal for the operator, or None. The force variants omit checks with ``skipped_by_force``."""
    return first_refusal(CHECKS, facts, Gate.LOCK, forced=action is not OperatorAction.LOCK)


def lock_plan(action: OperatorAction) -> ActionPlan:
    """Return the plan of an accepted lock: the VIM first disables the services, then mtce locks the host."""
    mtce_action = "lock" if action is OperatorAction.LOCK else "force-lock"
    return ActionPlan(action=action, task=_TASKS[action], mtce_action=mtce_action, tells_vim=True)


def _unlocked(facts: ActionFacts) -> str | None:
    if facts.host.is_locked:
        return f"Avoiding lock action on already 'locked' host {facts.host.name}"
    return None


def _not_active(facts: ActionFacts) -> str | None:
    host = facts.host
    if host.is_controller and not facts.system.is_simplex and host.hostname == facts.active_controller:
        return f"{host.name} : Rejected: Can not lock an active controller."
    return None


CHECKS = (Check(Gate.LOCK, 10, _unlocked), Check(Gate.LOCK, 20, _not_active))
