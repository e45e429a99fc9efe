# SPDX-License-Identifier: Apache-2.0
"""Routes of ``addresses``: read-only until interfaces are implemented."""
from __future__ import annotations

from flock.api.call import Call
from sysinv.api.inventory import Inventory, read_policy, read_routes
from sysinv.db.lookup import Row
from sysinv.resources.address.fields import Address
from sysinv.resources.address.rules import NetworkInterfaces, interface_name
from sysinv.resources.address.store import QUERY
from sysinv.resources.address.table import ADDRESSES


def with_interface(call: Call, row: Row) -> Row:
    """Return the row with the name of the address's interface."""
    return {**row, "ifname": interface_name(row["name"], call.deps(NetworkInterfaces).names)}


INVENTORY = Inventory("address", Address, QUERY, ADDRESSES, ADDRESSES.c.forihostid, complete=with_interface)
ROUTES = read_routes(INVENTORY)
POLICY = read_policy(INVENTORY)
