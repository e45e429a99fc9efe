# SPDX-License-Identifier: Apache-2.0
"""Routes of ``addresses``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.render import render
from flock.wire.resource import given
from sysinv.api.inventory import AllItems, Inventory, OneItem, read_policy, read_routes
from sysinv.db.lookup import Row
from sysinv.resources.address.fields import Address, NewAddress
from sysinv.resources.address.rules import NetworkInterfaces, interface_name
from sysinv.resources.address.service import AddressService
from sysinv.resources.address.store import ON_INTERFACE, QUERY
from sysinv.resources.address.table import ADDRESSES
from sysinv.resources.interface.nested import of_interface, path_below, rule_below


def with_interface(call: Call, row: Row) -> Row:
    """Return the row with the name of the address's interface.

    An address without host, such as a floating one, has the name that interfaces on its network are configured with.
    """
    if row["ifname"] is not None:
        return row
    return {**row, "ifname": interface_name(row["name"], call.deps(NetworkInterfaces).names)}


INVENTORY = Inventory("address", Address, QUERY, ADDRESSES, ADDRESSES.c.forihostid, complete=with_interface)


class AddressesController(AllItems):
    """``/v1/addresses``."""

    @describes(body=NewAddress, answers={200: Address}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Add an address to an interface of a locked host."""
        row = call.deps(AddressService).add(given(call.body_as(NewAddress)))
        return render(Address, with_interface(call, row), call.base_url)


class AddressController(OneItem):
    """``/v1/addresses/<uuid>``."""

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete an address that was added to an interface."""
        call.deps(AddressService).delete(call.args["uuid"])


ROUTES = read_routes(INVENTORY) | {
    "/v1/addresses": AddressesController(INVENTORY),
    "/v1/addresses/{uuid}": AddressController(INVENTORY),
    path_below(INVENTORY): of_interface(INVENTORY, ON_INTERFACE),
}
POLICY = (
    *read_policy(INVENTORY), rule_below(INVENTORY),
    Rule("sysinv_api:address:add", CONFIGURATOR, "POST", "/v1/addresses"),
    Rule("sysinv_api:address:delete", CONFIGURATOR, "DELETE", "/v1/addresses/{uuid}"),
)
