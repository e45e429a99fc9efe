# SPDX-License-Identifier: Apache-2.0
"""Routes of ``idisks``."""
from __future__ import annotations

from sysinv.api.inventory import Inventory, read_policy, read_routes
from sysinv.resources.disk.fields import Disk
from sysinv.resources.disk.store import QUERY
from sysinv.resources.disk.table import I_IDISK

INVENTORY = Inventory("disk", Disk, QUERY, I_IDISK, I_IDISK.c.forihostid)
ROUTES = read_routes(INVENTORY)
POLICY = read_policy(INVENTORY)
