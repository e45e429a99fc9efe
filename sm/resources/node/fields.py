# SPDX-License-Identifier: Apache-2.0
"""``nodes``: the controllers."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Resource, attr
from sm.contract.states import Administrative, Availability, Operational


class Node(Resource):
    """One controller."""

    envelope = "nodes"
    id = attr(int, writer=SYSTEM, nullable=False, label="id")
    name = attr(str, writer=SYSTEM, nullable=False, label="name")
    administrative_state = attr(Administrative, writer=SYSTEM, nullable=False, label="administrative")
    operational_state = attr(Operational, writer=SYSTEM, nullable=False, label="operational")
    availability_status = attr(Availability, writer=SYSTEM, nullable=False, label="availability")
    ready_state = attr(Operational, writer=SYSTEM, nullable=False, label="ready_state")
