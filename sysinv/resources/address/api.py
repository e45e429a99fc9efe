# SPDX-License-Identifier: Apache-2.0
"""Routes of ``addresses``: read only until interfaces exist."""
from __future__ import annotations

from sysinv.api.inventory import Inventory, read_policy, read_routes
from sysinv.resources.address.fields import Address
from sysinv.resources.address.store import QUERY
from sysinv.resources.address.table import ADDRESSES

INVENTORY = Inventory("address", Address, QUERY, ADDRESSES, ADDRESSES.c.forihostid)
ROUTES = read_routes(INVENTORY)
POLICY = read_policy(INVENTORY)
