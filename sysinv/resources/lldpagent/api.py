# SPDX-License-Identifier: Apache-2.0
"""Read-only routes of ``lldp_agents``, also below a port."""
from __future__ import annotations

from flock.auth.policy import READER, Rule
from sysinv.api.inventory import ChildItems, Inventory, read_policy, read_routes
from sysinv.resources.lldpagent.fields import LldpAgent
from sysinv.resources.lldpagent.store import QUERY
from sysinv.resources.lldpagent.table import LLDP_AGENTS
from sysinv.resources.port.table import PORTS

INVENTORY = Inventory("lldp_agent", LldpAgent, QUERY, LLDP_AGENTS, LLDP_AGENTS.c.host_id)
BELOW_PORT = "/v1/ports/{uuid}/lldp_agents"

ROUTES = read_routes(INVENTORY) | {BELOW_PORT: ChildItems(INVENTORY, "port", "ports", PORTS, LLDP_AGENTS.c.port_id)}
POLICY = (*read_policy(INVENTORY), Rule("sysinv_api:lldp_agent:get", READER, "GET", BELOW_PORT))
