# SPDX-License-Identifier: Apache-2.0
"""Read-only routes of ``ports`` and ``ethernet_ports``."""
from __future__ import annotations

from sysinv.api.inventory import Inventory, read_policy, read_routes
from sysinv.resources.port.fields import EthernetPort, Port
from sysinv.resources.port.store import QUERY
from sysinv.resources.port.table import PORTS

ALL_PORTS = Inventory("port", Port, QUERY, PORTS, PORTS.c.host_id)
ETHERNET_PORTS = Inventory("ethernet_port", EthernetPort, QUERY.where(PORTS.c.type == "ethernet"), PORTS,
                           PORTS.c.host_id)
ROUTES = read_routes(ALL_PORTS) | read_routes(ETHERNET_PORTS)
POLICY = read_policy(ALL_PORTS) + read_policy(ETHERNET_PORTS)
