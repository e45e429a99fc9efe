# SPDX-License-Identifier: Apache-2.0
"""``interface_networks``: a platform network on an interface."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, Resource, attr
from flock.wire.types import Uuid


class InterfaceNetwork(Record):
    """One platform network on one interface."""

    envelope = "interface_networks"
    id = attr(int, writer=SYSTEM, nullable=False)
    forihostid = attr(int, writer=SYSTEM, nullable=False)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)
    interface_id = attr(int, writer=SYSTEM, nullable=False)
    interface_uuid = attr(str, nullable=False)
    ifname = attr(str, writer=SYSTEM, nullable=False)
    network_id = attr(int, writer=SYSTEM, nullable=False)
    network_uuid = attr(str, nullable=False)
    network_name = attr(str, writer=SYSTEM, nullable=False)
    network_type = attr(str, writer=SYSTEM, nullable=False)


class NewInterfaceNetwork(Resource):
    """Body of ``POST /v1/interface_networks``."""

    interface_uuid = attr(Uuid(), mandatory=True)
    network_uuid = attr(Uuid(), mandatory=True)
