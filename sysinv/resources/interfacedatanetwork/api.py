# SPDX-License-Identifier: Apache-2.0
"""Routes of ``interface_datanetworks``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.render import render
from sysinv.api.inventory import AllItems, Inventory, OneItem, read_policy, read_routes
from sysinv.resources.interface.nested import of_interface, path_below, rule_below
from sysinv.resources.interfacedatanetwork.fields import InterfaceDataNetwork, NewInterfaceDataNetwork
from sysinv.resources.interfacedatanetwork.service import InterfaceDataNetworkService
from sysinv.resources.interfacedatanetwork.store import QUERY
from sysinv.resources.interfacedatanetwork.table import INTERFACE_DATANETWORKS

INVENTORY = Inventory("interface_datanetwork", InterfaceDataNetwork, QUERY, INTERFACE_DATANETWORKS,
                      INTERFACE_DATANETWORKS.c.forihostid)


class InterfaceDataNetworksController(AllItems):
    """``/v1/interface_datanetworks``."""

    @describes(body=NewInterfaceDataNetwork, answers={200: InterfaceDataNetwork}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Put a data network on an interface."""
        body = call.body_as(NewInterfaceDataNetwork)
        row = call.deps(InterfaceDataNetworkService).assign(body.interface_uuid, body.datanetwork_uuid)
        return render(InterfaceDataNetwork, row, call.base_url)


class InterfaceDataNetworkController(OneItem):
    """``/v1/interface_datanetworks/<uuid>``."""

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Take a data network from an interface."""
        call.deps(InterfaceDataNetworkService).remove(call.args["uuid"])


ROUTES = read_routes(INVENTORY) | {
    "/v1/interface_datanetworks": InterfaceDataNetworksController(INVENTORY),
    "/v1/interface_datanetworks/{uuid}": InterfaceDataNetworkController(INVENTORY),
    path_below(INVENTORY): of_interface(INVENTORY, INTERFACE_DATANETWORKS.c.interface_id),
}
POLICY = (
    *read_policy(INVENTORY), rule_below(INVENTORY),
    Rule("sysinv_api:interface_datanetwork:add", CONFIGURATOR, "POST", "/v1/interface_datanetworks"),
    Rule("sysinv_api:interface_datanetwork:delete", CONFIGURATOR, "DELETE", "/v1/interface_datanetworks/{uuid}"),
)
