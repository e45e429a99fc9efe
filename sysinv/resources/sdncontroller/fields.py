# SPDX-License-Identifier: Apache-2.0
"""``sdn_controllers``: SDN controllers."""
from __future__ import annotations

from flock.wire.resource import Record, Resource, attr
from flock.wire.types import Text
from sysinv.resources.sdncontroller.rules import ADDRESS_LENGTH_MAX, STATES, TRANSPORTS

ADDRESS = Text(ADDRESS_LENGTH_MAX, 1, r"[\x21-\x7e]+", "Value must be ASCII without spaces.")


class SdnController(Record):
    """One SDN controller."""

    envelope = "sdn_controllers"
    path = "sdn_controller"
    state = attr(STATES, label="administrative state", nullable=False)
    ip_address = attr(ADDRESS, label="ip address", nullable=False)
    port = attr(int, min=1, max=65535, label="remote port", nullable=False)
    transport = attr(TRANSPORTS, label="transport mode", nullable=False)


class NewSdnController(Resource):
    """The body of a POST."""

    state = attr(STATES)
    ip_address = attr(ADDRESS, mandatory=True)
    port = attr(int, min=1, max=65535, mandatory=True)
    transport = attr(TRANSPORTS)
