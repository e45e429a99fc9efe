# SPDX-License-Identifier: Apache-2.0
"""A node as ``GET /v1/servicenode/{hostname}`` shows it: whether it provides service, and what of it a swact moves."""
from __future__ import annotations

from sm.contract.nodecommand import ServiceNode
from sm.contract.states import GroupState
from sm.core.cluster import Cluster

IN_SERVICE = frozenset({GroupState.ACTIVE, GroupState.GO_ACTIVE, GroupState.GO_STANDBY, GroupState.DISABLING,
                        GroupState.UNKNOWN})


def service_node(cluster: Cluster, hostname: str) -> ServiceNode:
    """The view of one node. A host that is not a node of the domain has unknown states."""
    node = cluster.nodes.get(hostname)
    if node is None:
        return ServiceNode(hostname)
    active = [row.group for row in cluster.assignments.values()
              if row.node == hostname and IN_SERVICE & {row.state, row.desired}]
    swactable = any(group in cluster.groups and cluster.groups[group].movable for group in active)
    return ServiceNode(hostname, node.administrative, node.operational, node.availability,
                       "yes" if active else "no", "yes" if swactable else "no")
