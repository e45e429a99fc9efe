# SPDX-License-Identifier: Apache-2.0
"""Domains for the tests of placement: the groups of a duplex system, on two to five nodes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flock.core.records import replace
from sm.contract.states import Condition, GroupState, Impact, RedundancyModel, Status
from sm.core.cluster import Assignment, Cluster, Decision, Health, Node
from sm.core.model import GroupSpec, MemberSpec
from sm.core.scheduler import schedule
from sm.core.simulate import simulate

C0, C1, C2 = "controller-0", "controller-1", "controller-2"
CONTROLLER, OAM, PATCHING, WEB = "controller-services", "oam-services", "patching-services", "web-services"
AGGREGATE = "controller-aggregate"


def group(name: str, aggregate: str = "", n_active: int = 1, m_standby: int = 1, **fields: Any) -> GroupSpec:
    model = fields.pop("model", RedundancyModel.N_PLUS_M)
    return GroupSpec(name, model, n_active, m_standby, (MemberSpec(f"{name}-member", Impact.CRITICAL),), aggregate,
                     **fields)


def active_active(name: str, n_active: int = 2) -> GroupSpec:
    return group(name, n_active=n_active, m_standby=0, model=RedundancyModel.N)


GROUPS = (group(CONTROLLER, AGGREGATE, fatal_error_reboot=True), group(OAM, AGGREGATE), group(PATCHING),
          active_active(WEB))


def new_domain(nodes: Sequence[str] = (C0, C1), groups: Sequence[GroupSpec] = GROUPS) -> Cluster:
    """A domain of which nothing is known yet."""
    return Cluster({each.name: each for each in groups}, {name: Node(name) for name in nodes},
                   {(each.name, name): Assignment(each.name, name) for each in groups for name in nodes})


def domain(nodes: Sequence[str] = (C0, C1), groups: Sequence[GroupSpec] = GROUPS) -> Cluster:
    """A domain at rest; the first node is active."""
    found = simulate(new_domain(nodes, groups), [])
    assert found.settled
    return found.cluster


def with_node(cluster: Cluster, name: str, **fields: Any) -> Cluster:
    return replace(cluster, nodes={**cluster.nodes, name: replace(cluster.nodes[name], **fields)})


def with_row(cluster: Cluster, name: str, node: str, **fields: Any) -> Cluster:
    row = replace(cluster.assignments[name, node], **fields)
    return replace(cluster, assignments={**cluster.assignments, (name, node): row})


def failed(cluster: Cluster, name: str, node: str, condition: Condition = Condition.RECOVERY_FAILURE,
           **fields: Any) -> Cluster:
    return with_row(cluster, name, node, status=Status.FAILED, condition=condition, health=Health(failed=1), **fields)


def decided(cluster: Cluster, name: str, node: str, now_ms: int = 0) -> Decision:
    return schedule(cluster, now_ms).decisions[name, node]


def wanted(cluster: Cluster, name: str, now_ms: int = 0) -> list[GroupState]:
    """What is decided for a group on every node, in order of name."""
    decisions = schedule(cluster, now_ms).decisions
    return [decisions[name, node].desired for node in sorted(cluster.nodes)]


def states(cluster: Cluster, name: str) -> list[GroupState]:
    return [cluster.assignments[name, node].state for node in sorted(cluster.nodes)]
