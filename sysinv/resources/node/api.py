# SPDX-License-Identifier: Apache-2.0
"""Routes of ``inodes``."""
from __future__ import annotations

from sysinv.api.inventory import Inventory, read_policy, read_routes
from sysinv.resources.node.fields import Node
from sysinv.resources.node.store import QUERY
from sysinv.resources.node.table import I_NODE

INVENTORY = Inventory("node", Node, QUERY, I_NODE, I_NODE.c.forihostid)
ROUTES = read_routes(INVENTORY)
POLICY = read_policy(INVENTORY)
