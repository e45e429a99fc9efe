# SPDX-License-Identifier: Apache-2.0
"""``services``: the services of this controller."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Resource, attr
from sm.contract.states import ServiceState, Status


class Service(Resource):
    """One service."""

    envelope = "services"
    id = attr(int, writer=SYSTEM, nullable=False, label="id")
    name = attr(str, writer=SYSTEM, nullable=False, label="service_name")
    desired_state = attr(ServiceState, writer=SYSTEM, nullable=False)
    state = attr(ServiceState, writer=SYSTEM, nullable=False, label="state")
    status = attr(Status, writer=SYSTEM, nullable=False)
