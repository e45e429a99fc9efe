# SPDX-License-Identifier: Apache-2.0
"""Routes of ``interface_networks``."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock.api.call import Call
from flock.api.describe import describes
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from flock.wire.render import render
from sysinv.api.inventory import AllItems, Inventory, OneItem, read_policy, read_routes
from sysinv.db.lookup import ItemNotFound
from sysinv.hosts.work import Work
from sysinv.resources.interface.nested import of_interface, path_below, rule_below
from sysinv.resources.interfacenetwork.fields import InterfaceNetwork, NewInterfaceNetwork
from sysinv.resources.interfacenetwork.service import InterfaceNetworkService
from sysinv.resources.interfacenetwork.store import QUERY
from sysinv.resources.interfacenetwork.table import INTERFACE_NETWORKS
from sysinv.resources.network.table import NETWORKS

INVENTORY = Inventory("interface_network", InterfaceNetwork, QUERY, INTERFACE_NETWORKS,
                      INTERFACE_NETWORKS.c.forihostid)


class InterfaceNetworksController(AllItems):
    """``/v1/interface_networks``."""

    @describes(body=NewInterfaceNetwork, answers={200: InterfaceNetwork}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Put a platform network on an interface of a locked host."""
        body = call.body_as(NewInterfaceNetwork)
        row = call.deps(InterfaceNetworkService).assign(body.interface_uuid, body.network_uuid, call.deps(Work))
        return render(InterfaceNetwork, row, call.base_url)


class InterfaceNetworkController(OneItem):
    """``/v1/interface_networks/<uuid>``."""

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Take a platform network from its interface."""
        call.deps(InterfaceNetworkService).remove(call.args["uuid"])


class OfNetwork(AllItems):
    """``/v1/networks/<uuid or name>/interface_networks``."""

    def get(self, call: Call) -> dict[str, Any]:
        """One page of the interfaces on a network."""
        ident = call.args["network"]
        clause = NETWORKS.c.uuid == ident.lower() if ids.is_uuid(ident) else NETWORKS.c.name == ident
        with call.deps(Database).reader() as conn:
            network = conn.execute(sa.select(NETWORKS.c.uuid).where(clause)).first()
        if network is None:
            raise ItemNotFound(resource="Network", id=shown(ident))
        path = f"networks/{network.uuid}/{self.inventory.collection}"
        return self.page_of(call, QUERY.where(NETWORKS.c.uuid == network.uuid), path)


_OF_NETWORK = "/v1/networks/{network}/interface_networks"
ROUTES = read_routes(INVENTORY) | {
    "/v1/interface_networks": InterfaceNetworksController(INVENTORY),
    "/v1/interface_networks/{uuid}": InterfaceNetworkController(INVENTORY),
    path_below(INVENTORY): of_interface(INVENTORY, INTERFACE_NETWORKS.c.interface_id),
    _OF_NETWORK: OfNetwork(INVENTORY),
}
POLICY = (
    *read_policy(INVENTORY), rule_below(INVENTORY),
    Rule("sysinv_api:interface_network:get", READER, "GET", _OF_NETWORK),
    Rule("sysinv_api:interface_network:add", CONFIGURATOR, "POST", "/v1/interface_networks"),
    Rule("sysinv_api:interface_network:delete", CONFIGURATOR, "DELETE", "/v1/interface_networks/{uuid}"),
)
