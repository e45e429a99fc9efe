# SPDX-License-Identifier: Apache-2.0
"""Read-only routes of ``lldp_neighbours``, also below a port."""
from __future__ import annotations

from flock.auth.policy import READER, Rule
from sysinv.api.inventory import ChildItems, Inventory, read_policy, read_routes
from sysinv.resources.lldpneighbour.fields import LldpNeighbour
from sysinv.resources.lldpneighbour.store import QUERY
from sysinv.resources.lldpneighbour.table import LLDP_NEIGHBOURS
from sysinv.resources.port.table import PORTS

INVENTORY = Inventory("lldp_neighbour", LldpNeighbour, QUERY, LLDP_NEIGHBOURS, LLDP_NEIGHBOURS.c.host_id)
BELOW_PORT = "/v1/ports/{uuid}/lldp_neighbours"

ROUTES = read_routes(INVENTORY) | {BELOW_PORT: ChildItems(INVENTORY, "port", "ports", PORTS, LLDP_NEIGHBOURS.c.port_id)}
POLICY = (*read_policy(INVENTORY), Rule("sysinv_api:lldp_neighbour:get", READER, "GET", BELOW_PORT))
