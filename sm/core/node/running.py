# SPDX-License-Identifier: Apache-2.0
"""Which services run where, for the check before a lock, from what the nodes tell of their groups."""
from __future__ import annotations

from sm.contract.states import GroupState, ServiceState
from sm.core.cluster import Cluster
from sm.core.model import Catalogue
from sm.core.node.view import NodeView


def running(view: NodeView, catalogue: Catalogue, cluster: Cluster, locked: str) -> dict[str, list[str]]:
    """The services that run on each node, if ``locked`` shall be locked.

    Of other nodes only the states of groups are known. Where a member of a group has failed, any may be it: on
    ``locked`` all then count as running, elsewhere none does. A node that is not heard provides nothing.
    """
    found: dict[str, list[str]] = {}
    for name, node in cluster.nodes.items():
        if name == view.me:
            found[name] = [one.name for one in view.local.services.values()
                           if one.shown_state is ServiceState.ENABLED_ACTIVE]
        elif node.current:
            found[name] = [member.service for group in catalogue.groups.values() for member in group.members
                           if (row := cluster.assignments[group.name, name]).state is GroupState.ACTIVE
                           and (name == locked or row.health.failed == 0)]
    return found
