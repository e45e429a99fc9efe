# SPDX-License-Identifier: Apache-2.0
"""Rules and plan for moving the active role to the other controller."""
from __future__ import annotations

from collections.abc import Sequence

from sysinv.actions.checks import Check, Gate, first_refusal
from sysinv.actions.facts import ActionFacts, ActionPlan
from sysinv.contract.enums import LOCK_ACTIONS, Availability, Operational, OperatorAction
from sysinv.model.host import InventoryHost


def swact_refusal(facts: ActionFacts, action: OperatorAction) -> str | None:
    """Return the refusal for the operator, or None; even ``force-swact`` requires an enabled peer."""
    return first_refusal(CHECKS, facts, Gate.SWACT, forced=action is OperatorAction.FORCE_SWACT)


def _has_role(facts: ActionFacts) -> str | None:
    host = facts.host
    if not host.is_controller:
        return f"Swact action not allowed for non controller host {host.name}."
    if host.is_locked:
        return "Controller is Locked ; No services to Swact"
    if facts.system.is_simplex:
        return "Swact action not allowed for a simplex system."
    return None


def _peer_enabled(facts: ActionFacts) -> str | None:
    peer = facts.peer
    if peer is not None and not peer.is_locked and peer.operational == Operational.ENABLED:
        return None
    name = peer.name if peer is not None else "the other controller"
    return f"{name} is not enabled and has operational state {_oper(peer)}. Standby controller must be " \
           f"operational enabled."


def _oper(peer: InventoryHost | None) -> str:
    return peer.operational if peer is not None else "missing"


def _peer_ready(facts: ActionFacts) -> str | None:
    peer = facts.peer
    if peer is None:
        return None
    if peer.ihost_action in LOCK_ACTIONS:
        return f"{peer.name} is being locked. Swact is not possible until the lock has finished."
    if peer.availability not in (Availability.AVAILABLE, Availability.DEGRADED):
        return f"{peer.name} is {peer.availability}. Standby controller must be available."
    if peer.has_worker_function and peer.subfunction_oper != Operational.ENABLED:
        return f"{peer.name} subfunction is not enabled and has operational state {peer.subfunction_oper}. " \
               "Standby controller subfunction must be operational enabled."
    if peer.config_target and peer.config_applied != peer.config_target:
        return f"{peer.name} target Config {peer.config_target} not yet applied. " \
               "Apply target Config via Lock/Unlock prior to Swact"
    return None


def degraded_refusal(peer: InventoryHost | None, alarms: Sequence[str]) -> str | None:
    """Return why no swact may lead to a controller that ``alarms`` (ids) degrade; ``force-swact`` is not asked."""
    if peer is None or peer.availability != Availability.DEGRADED or not alarms:
        return None
    return f"{peer.name} has degraded availability status because of alarm {', '.join(alarms)}. " \
           "Standby controller must be in available status; repair it first, or force the swact."


def swact_plan(action: OperatorAction) -> ActionPlan:
    """Return the plan of an accepted swact."""
    task = "Force-Swacting" if action is OperatorAction.FORCE_SWACT else "Swacting"
    return ActionPlan(action=action, task=task, mtce_action=str(action))


CHECKS = (Check(Gate.SWACT, 10, _has_role), Check(Gate.SWACT, 20, _peer_enabled),
          Check(Gate.SWACT, 30, _peer_ready, skipped_by_force=True))
