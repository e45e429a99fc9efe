# SPDX-License-Identifier: Apache-2.0
"""``servicegroup``: the groups of services on each controller."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Resource, attr
from sm.contract.states import Condition, GroupState, Status


class ServiceGroup(Resource):
    """One group on one controller; ``name`` is that of the domain."""

    envelope = "sm_servicegroup"
    status = attr(Status, writer=SYSTEM, nullable=False)
    state = attr(GroupState, writer=SYSTEM, nullable=False, label="state")
    desired_state = attr(GroupState, writer=SYSTEM, nullable=False)
    name = attr(str, writer=SYSTEM, nullable=False)
    service_group_name = attr(str, writer=SYSTEM, nullable=False, label="service_group_name")
    node_name = attr(str, writer=SYSTEM, nullable=False, label="hostname")
    condition = attr(Condition, writer=SYSTEM, nullable=False)
    uuid = attr(str, writer=SYSTEM, nullable=False, label="uuid")
