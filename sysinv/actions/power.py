# SPDX-License-Identifier: Apache-2.0
"""Rules for reset, reboot, power-on and power-off. All require a locked host and a cloud with several hosts."""
from __future__ import annotations

from sysinv.actions.facts import ActionFacts, ActionPlan
from sysinv.contract.enums import OperatorAction

_TASKS = {
    OperatorAction.RESET: "Resetting", OperatorAction.REBOOT: "Rebooting",
    OperatorAction.POWER_ON: "Powering-on", OperatorAction.POWER_OFF: "Powering-off",
}
_SIMPLEX = {
    OperatorAction.RESET: "Can not 'Reset' a simplex system",
    OperatorAction.REBOOT: "Rebooting a simplex system is not allowed.",
    OperatorAction.POWER_ON: "Can not 'Power-On' a simplex system via system commands",
    OperatorAction.POWER_OFF: "Can not 'Power-Off' a simplex system via system commands",
}
_WORDS = {OperatorAction.RESET: "Reset", OperatorAction.REBOOT: "Reboot", OperatorAction.POWER_OFF: "Power-Off"}


def power_refusal(facts: ActionFacts, action: OperatorAction) -> str | None:
    """Return the refusal for the operator, or None."""
    host = facts.host
    if facts.system.is_simplex:
        return _SIMPLEX[action]
    if host.is_locked:
        if action is OperatorAction.REBOOT and host.was_never_installed:
            return f"Can not 'Reboot' {host.name} because nothing was ever installed on it."
        return None
    if action is OperatorAction.POWER_ON:
        return f"Can not 'Power-On' an already Powered-on and 'unlocked' host {host.name}"
    return f"Can not '{_WORDS[action]}' an 'unlocked' host {host.name}; Please 'Lock' first"


def power_plan(action: OperatorAction) -> ActionPlan:
    """Return the plan of an accepted reset, reboot, power-on or power-off."""
    return ActionPlan(action=action, task=_TASKS[action], mtce_action=str(action))
