# SPDX-License-Identifier: Apache-2.0
"""Rules and plan for reinstalling a host."""
from __future__ import annotations

from sysinv.actions.facts import ActionFacts, ActionPlan
from sysinv.contract.enums import ActionState, Availability, InvState, OperatorAction


def reinstall_refusal(facts: ActionFacts) -> str | None:
    """Return the refusal for the operator, or None."""
    host = facts.host
    if facts.system.is_simplex:
        return "Reinstalling a simplex system is not allowed."
    if not host.is_locked:
        return f"Can not 'Reinstall' an 'unlocked' host {host.name}; Please 'Lock' first"
    if not host.personality:
        return f"Can not 'Reinstall' {host.name} before it has a personality"
    if host.hostname == facts.active_controller:
        return f"Can not 'Reinstall' the active controller {host.name}"
    if host.availability != Availability.ONLINE and not host.has_board_management:
        return f"Can not 'Reinstall' {host.name} while it is 'offline' and a board management controller is not " \
               "provisioned. Please provision the board management controller or wait until the host is 'online'."
    return None


def reinstall_plan() -> ActionPlan:
    """Return the plan of an accepted reinstall; it invalidates the old inventory."""
    return ActionPlan(
        action=OperatorAction.REINSTALL, task="Reinstalling", mtce_action="reinstall",
        extra={"action_state": ActionState.REINSTALLING, "inv_state": InvState.REINSTALLING,
               "install_state": None, "install_state_info": None})
