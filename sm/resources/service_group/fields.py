# SPDX-License-Identifier: Apache-2.0
"""``service_groups`` and ``sm_sda``: the groups, one element for each group on each controller."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Resource, attr
from sm.contract.states import Condition, GroupState, Status


class ServiceGroup(Resource):
    """One group on one controller; ``name`` is that of the domain."""

    envelope = "service_groups"
    id = attr(int, writer=SYSTEM, nullable=False)
    uuid = attr(str, writer=SYSTEM, nullable=False, label="uuid")
    name = attr(str, writer=SYSTEM, nullable=False)
    node_name = attr(str, writer=SYSTEM, nullable=False, label="hostname")
    service_group_name = attr(str, writer=SYSTEM, nullable=False, label="service_group_name")
    desired_state = attr(GroupState, writer=SYSTEM, nullable=False)
    state = attr(GroupState, writer=SYSTEM, nullable=False, label="state")
    status = attr(Status, writer=SYSTEM, nullable=False)
    condition = attr(Condition, writer=SYSTEM, nullable=False)


class ServiceGroupAssignment(ServiceGroup):
    """The same, under the name that sysinv asks for."""

    envelope = "sm_sda"
