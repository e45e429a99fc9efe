# SPDX-License-Identifier: Apache-2.0
"""Routes of ``imemorys``."""
from __future__ import annotations

from sysinv.api.inventory import Inventory, read_policy, read_routes
from sysinv.db.tables import I_IMEMORY
from sysinv.resources.memory.fields import Memory
from sysinv.resources.memory.store import QUERY

INVENTORY = Inventory("memory", Memory, QUERY, I_IMEMORY, I_IMEMORY.c.forihostid)
ROUTES = read_routes(INVENTORY)
POLICY = read_policy(INVENTORY)
