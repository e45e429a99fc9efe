# SPDX-License-Identifier: Apache-2.0
"""May this host be unlocked? The checks of the resources that exist, in the order operators see them."""
from __future__ import annotations

from collections.abc import Callable

from sysinv.actions.facts import ActionFacts, ActionPlan, NodeMemory
from sysinv.contract.enums import (
    LOCK_ACTIONS,
    ActionState,
    Availability,
    InstallState,
    InvState,
    OperatorAction,
    Personality,
)
from sysinv.model.topology import HostRole, required_reserve_mib

RESERVE_SHARE_MAX = 2 / 3
MEMORY_TOLERANCE_MIB = 32
PAGE_2M_MIB = 2
PAGE_1G_MIB = 1024

Check = Callable[[ActionFacts], str | None]


def unlock_refusal(facts: ActionFacts, action: OperatorAction) -> str | None:
    """The sentence that refuses, or None; ``force-unlock`` skips the checks of readiness."""
    forced = action is OperatorAction.FORCE_UNLOCK
    for check, skipped_by_force in _CHECKS:
        if forced and skipped_by_force:
            continue
        refusal = check(facts)
        if refusal is not None:
            return refusal
    return None


def unlock_plan(action: OperatorAction) -> ActionPlan:
    """What an accepted unlock does; mtce knows only one kind of unlock."""
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


def _oam(facts: ActionFacts) -> str | None:
    if facts.host.personality == Personality.CONTROLLER and not facts.has_oam_address:
        return "Can not unlock a controller host without an oam interface. " \
               "Add an oam interface before re-attempting this command."
    return None


def _memory(facts: ActionFacts) -> str | None:
    if not facts.host.has_worker_function:
        return None
    if not facts.memory:
        return f"Cannot unlock host {facts.host.name} without memory inventory."
    for node in facts.memory:
        refusal = _pages_fit(node)
        if refusal is not None:
            return refusal
    role = HostRole(
        controller=facts.host.is_controller, worker=True, simplex=facts.system.is_simplex,
        system_controller=facts.system.is_system_controller, virtual=facts.virtual)
    total = sum(node.node_memtotal_mib for node in facts.memory)
    required = min(required_reserve_mib(role, facts.physical_cores), int(total * RESERVE_SHARE_MAX))
    reserved = sum(node.platform_reserved_mib for node in facts.memory)
    if reserved + len(facts.memory) < required:  # one MiB per node may be lost by rounding
        return f"Host platform reserved memory {reserved} MiB is less than the required {required} MiB."
    return None


def _pages_fit(node: NodeMemory) -> str | None:
    wanted = node.platform_reserved_mib + node.vswitch_mib
    wanted += (node.pending_2m or 0) * PAGE_2M_MIB + (node.pending_1g or 0) * PAGE_1G_MIB
    if wanted > node.node_memtotal_mib + MEMORY_TOLERANCE_MIB:
        return f"Processor {node.numa_node}: pending huge pages and platform reserve need {wanted} MiB, " \
               f"the node has {node.node_memtotal_mib} MiB."
    return None


_CHECKS: tuple[tuple[Check, bool], ...] = (
    (_installed, False), (_not_unlocked, False), (_powered, False), (_online, True), (_identified, False),
    (_not_reinstalling, True), (_inventoried, False), (_oam, False), (_memory, False))
