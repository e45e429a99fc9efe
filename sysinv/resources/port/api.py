# SPDX-License-Identifier: Apache-2.0
"""Read-only routes of ``ports`` and ``ethernet_ports``."""
from __future__ import annotations

from sysinv.api.inventory import Inventory, read_policy, read_routes
from sysinv.resources.interface.nested import of_interface, path_below, rule_below
from sysinv.resources.port.fields import EthernetPort, Port
from sysinv.resources.port.store import QUERY
from sysinv.resources.port.table import PORTS

# What is below an Ethernet port is served below the port that it is.
CHILDREN = {"lldp_agents": "ports", "lldp_neighbours": "ports"}
ALL_PORTS = Inventory("port", Port, QUERY, PORTS, PORTS.c.host_id, children=CHILDREN)
ETHERNET_PORTS = Inventory("ethernet_port", EthernetPort, QUERY.where(PORTS.c.type == "ethernet"), PORTS,
                           PORTS.c.host_id, children=CHILDREN)
ROUTES = read_routes(ALL_PORTS) | read_routes(ETHERNET_PORTS) | {
    path_below(ALL_PORTS): of_interface(ALL_PORTS, PORTS.c.interface_id)}
POLICY = (*read_policy(ALL_PORTS), *read_policy(ETHERNET_PORTS), rule_below(ALL_PORTS))
