# SPDX-License-Identifier: Apache-2.0
"""Commands about nodes that ``sm-api`` takes: whether a swact or a lock may begin, and the beginning of a swact."""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from flock.core.records import replace
from sm.contract.nodecommand import ALLOWED, ErrorCode, NodeAction, Verdict
from sm.contract.states import (
    Administrative,
    Condition,
    GroupState,
    Impact,
    Operational,
    RedundancyModel,
    SchedulingState,
    Status,
)
from sm.core.cluster import Assignment, Cluster, Node

SERVING = frozenset({GroupState.ACTIVE, GroupState.STANDBY})


def check(cluster: Cluster, node: str, action: NodeAction, running: Mapping[str, Iterable[str]],
          in_sync: bool = True) -> Verdict:
    """Whether ``action`` on ``node`` may begin; forced swacts, unlocks and events always may.

    ``running``: the services that are ``enabled-active``, by node (see ``sm.core.node.running``). ``in_sync``: whether
    both controllers have the same software deployment; True where that cannot be learned.
    """
    if node not in cluster.nodes:
        return Verdict(ErrorCode.HOST_NOT_FOUND, f"{node} is not a node of the service domain")
    if action in (NodeAction.SWACT_PRE_CHECK, NodeAction.SWACT):
        return swact_check(cluster, node, in_sync)
    if action in (NodeAction.LOCK_PRE_CHECK, NodeAction.LOCK):
        return lock_check(cluster, node, running)
    return ALLOWED


def swact_check(cluster: Cluster, node: str, in_sync: bool = True) -> Verdict:
    """Whether another node can take over all that ``node`` has active. Of several, one is enough."""
    if not in_sync:
        return Verdict(ErrorCode.ACTION_FAILED, "Deployment data in both controllers is not in sync.")
    refusals = []
    for name in sorted(cluster.nodes):
        if name != node and any(key[1] == name for key in cluster.assignments):
            refusal = _target_refusal(cluster, node, cluster.nodes[name])
            if refusal is None:
                return ALLOWED
            refusals.append(refusal)
    return Verdict(ErrorCode.ACTION_FAILED, refusals[0] if refusals else "no peer available")


def _target_refusal(cluster: Cluster, origin: str, target: Node) -> str | None:
    name = target.name
    if target.administrative is Administrative.LOCKED:
        return f"{name} is not ready to take service, {name} is locked"
    if target.operational is Operational.DISABLED or not target.ready:
        return f"{name} is not ready to take service, {name} is disabled"
    if not target.current:
        return f"{name} is not ready to take service, {name} does not communicate"
    if not (target.data_current or target.accept_loss):
        return f"{name} is not ready to take service, {name} lacks data that was accepted"
    for group in sorted(cluster.groups):
        spec = cluster.groups[group]
        row = cluster.assignments.get((group, name))
        if row is None or (spec.model is RedundancyModel.N and spec.n_active > 1):
            continue
        reason = _row_refusal(row, cluster.assignments.get((group, origin)))
        if reason is not None:
            return f"{group} on {name} is not ready to take service, {reason}"
    return None


def _row_refusal(row: Assignment, at_origin: Assignment | None) -> str | None:
    if row.state not in SERVING and (at_origin is None or at_origin.state is not row.state):
        return "service not in the active or standby state"
    if row.desired is not row.state:
        return "services transitioning state"
    if row.status is Status.FAILED:
        return "service is failed"
    if row.status is Status.DEGRADED:
        if row.condition is Condition.DATA_SYNCING:
            return "service is syncing data"
        if row.condition.startswith("data-"):
            return f"service is degraded, {row.condition}"
        return "service is degraded"
    return None


def lock_check(cluster: Cluster, node: str, running: Mapping[str, Iterable[str]]) -> Verdict:
    """Whether every critical service of the active/active groups on ``node`` also runs on another node."""
    here = set(running.get(node, ()))
    elsewhere = {service for name, services in running.items() if name != node for service in services}
    sole = sorted({member.service for group in cluster.groups.values()
                   if group.model is RedundancyModel.N and group.n_active > 1
                   for member in group.members
                   if member.impact is Impact.CRITICAL and member.service in here - elsewhere})
    if not sole:
        return ALLOWED
    return Verdict(ErrorCode.SOLE_PROVIDER, f"{node} is the sole provider of some services.", tuple(sole))


def begin_swact(cluster: Cluster, node: str, force: bool) -> Cluster:
    """The snapshot in which all N + M groups leave ``node``. One begun elsewhere ends: the last word counts."""
    mark = SchedulingState.SWACT_FORCE if force else SchedulingState.SWACT
    return replace(cluster, assignments={
        key: replace(row, scheduling=mark if row.node == node else SchedulingState.NONE)
        if row.group in cluster.groups and cluster.groups[row.group].movable else row
        for key, row in cluster.assignments.items()})


def swact_log(node: str, force: bool) -> tuple[str, str]:
    """Entity and text of log 401.007."""
    return f"host={node}", f"Swact{'-Force' if force else ''} issued against host {node}"
