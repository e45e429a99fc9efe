# SPDX-License-Identifier: Apache-2.0
"""``interface_datanetworks``: a data network on an interface."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, Resource, attr
from flock.wire.types import Uuid
from sysinv.resources.datanetwork.fields import NAME


class InterfaceDataNetwork(Record):
    """One data network on one interface."""

    envelope = "interface_datanetworks"
    id = attr(int, writer=SYSTEM, nullable=False)
    forihostid = attr(int, writer=SYSTEM, nullable=False)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)
    interface_id = attr(int, writer=SYSTEM, nullable=False)
    interface_uuid = attr(str, nullable=False)
    ifname = attr(str, writer=SYSTEM, nullable=False)
    datanetwork_id = attr(int, writer=SYSTEM, nullable=False)
    datanetwork_uuid = attr(str, nullable=False)
    datanetwork_name = attr(str, writer=SYSTEM, nullable=False)
    network_type = attr(str, writer=SYSTEM, nullable=False)


class NewInterfaceDataNetwork(Resource):
    """Body of ``POST /v1/interface_datanetworks``; the data network by uuid, id or name."""

    interface_uuid = attr(Uuid(), mandatory=True)
    datanetwork_uuid = attr(NAME, mandatory=True)
