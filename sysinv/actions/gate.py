# SPDX-License-Identifier: Apache-2.0
"""Entry point for host actions: selects the rule that checks an action, and the plan of an accepted one."""
from __future__ import annotations

from sysinv.actions.facts import ActionFacts, ActionPlan
from sysinv.actions.lock import lock_plan, lock_refusal
from sysinv.actions.power import power_plan, power_refusal
from sysinv.actions.reinstall import reinstall_plan, reinstall_refusal
from sysinv.actions.swact import swact_plan, swact_refusal
from sysinv.actions.unlock import unlock_plan, unlock_refusal
from sysinv.contract.enums import LOCK_ACTIONS, SWACT_ACTIONS, UNLOCK_ACTIONS, OperatorAction
from sysinv.model.host import HostRefused


def parse_action(text: str) -> OperatorAction:
    """Return the action named ``text``; HostRefused when there is none."""
    try:
        return OperatorAction(text)
    except ValueError as error:
        raise HostRefused(detail=f"{text[:64]!a} is not a supported maintenance action") from error


def plan_action(facts: ActionFacts, action: OperatorAction) -> ActionPlan:
    """Return the plan of ``action``; raises HostRefused with a sentence for the operator."""
    refusal = _refusal(facts, action)
    if refusal is not None:
        raise HostRefused(detail=refusal)
    if action in LOCK_ACTIONS:
        return lock_plan(action)
    if action in UNLOCK_ACTIONS:
        return unlock_plan(action)
    if action in SWACT_ACTIONS:
        return swact_plan(action)
    if action is OperatorAction.REINSTALL:
        return reinstall_plan()
    return power_plan(action)


def _refusal(facts: ActionFacts, action: OperatorAction) -> str | None:
    if action in LOCK_ACTIONS:
        return lock_refusal(facts, action)
    if action in UNLOCK_ACTIONS:
        return unlock_refusal(facts, action)
    if action in SWACT_ACTIONS:
        return swact_refusal(facts, action)
    if action is OperatorAction.REINSTALL:
        return reinstall_refusal(facts)
    return power_refusal(facts, action)

