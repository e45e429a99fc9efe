# SPDX-License-Identifier: Apache-2.0
"""The wire format of the lists of services, controllers and groups, which sm-api serves and sysinv passes on."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Resource, attr
from sm.contract.states import Administrative, Availability, Condition, GroupState, Operational, ServiceState, Status


class Service(Resource):
    """One service of the active controller; only sysinv adds ``node_name``."""

    envelope = "services"
    id = attr(int, writer=SYSTEM, nullable=False, label="id")
    name = attr(str, writer=SYSTEM, nullable=False, label="service_name")
    desired_state = attr(ServiceState, writer=SYSTEM, nullable=False)
    state = attr(ServiceState, writer=SYSTEM, nullable=False, label="state")
    status = attr(Status, writer=SYSTEM, nullable=False)
    node_name = attr(str, writer=SYSTEM, nullable=False, optional=True, label="hostname")


class Node(Resource):
    """One controller."""

    envelope = "nodes"
    id = attr(int, writer=SYSTEM, nullable=False, label="id")
    name = attr(str, writer=SYSTEM, nullable=False, label="name")
    administrative_state = attr(Administrative, writer=SYSTEM, nullable=False, label="administrative")
    operational_state = attr(Operational, writer=SYSTEM, nullable=False, label="operational")
    availability_status = attr(Availability, writer=SYSTEM, nullable=False, label="availability")
    ready_state = attr(Operational, writer=SYSTEM, nullable=False, label="ready_state")


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
