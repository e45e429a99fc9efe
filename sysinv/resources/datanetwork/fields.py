# SPDX-License-Identifier: Apache-2.0
"""``datanetworks``: a network of the applications; the last four fields are null unless its type is vxlan."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, attr
from flock.wire.types import Choice, Integer, IpAddress, Text
from sysinv.contract.enums import DataNetworkType
from sysinv.resources.datanetwork.rules import MODES

MTU_MIN, MTU_MAX, MTU_DEFAULT = 576, 9216, 1500
PORT_MAX, TTL_MAX = 65535, 255
MTU = Integer(MTU_MIN, MTU_MAX)
NAME = Text(255, 1, r"[A-Za-z0-9_.\-]+", "Value may have letters, digits, '_', '.' and '-'.")


class DataNetwork(Record):
    """One data network."""

    envelope = "datanetworks"
    id = attr(int, writer=SYSTEM, nullable=False)
    network_type = attr(DataNetworkType, nullable=False)
    name = attr(NAME, nullable=False)
    description = attr(str)
    mtu = attr(MTU, nullable=False)
    multicast_group = attr(IpAddress())
    port_num = attr(int, min=1, max=PORT_MAX)
    ttl = attr(int, min=1, max=TTL_MAX)
    mode = attr(MODES)


class NewDataNetwork(Record):
    """Body of ``POST /v1/datanetworks``."""

    network_type = attr(Choice(tuple(map(str, DataNetworkType))), mandatory=True)
    name = attr(NAME, mandatory=True)
    description = attr(str)
    mtu = attr(MTU, default=MTU_DEFAULT)
    multicast_group = attr(IpAddress())
    port_num = attr(int, min=1, max=PORT_MAX)
    ttl = attr(int, min=1, max=TTL_MAX)
    mode = attr(MODES)
