# SPDX-License-Identifier: Apache-2.0
"""Routes of ``networks`` and ``addrpools``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import Argument, View, ViewPage, describes, paging, patch_of
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.db import Database
from flock.wire.paging import envelope
from flock.wire.render import render, render_many
from flock.wire.resource import given
from flock.wire.types import Anything
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import AllItems, Inventory
from sysinv.db.lookup import paged, sort_keys
from sysinv.resources.network import store
from sysinv.resources.network.fields import AddressPool, Network, NewNetwork, NewPool, PoolChange
from sysinv.resources.network.rules import POOL_CHANGES
from sysinv.resources.network.service import NetworkService, network_row, pool_row, with_ranges
from sysinv.resources.network.table import ADDRESS_POOLS, NETWORKS


class NetworksController(AllItems):
    """``/v1/networks``."""

    @describes(body=NewNetwork, answers={200: Network}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Add a network."""
        row = call.deps(NetworkService).add_network(given(call.body_as(NewNetwork)))
        return render(Network, row, call.base_url)


class NetworkController:
    """``/v1/networks/<uuid or name>``."""

    @describes(answers={200: Network})
    def get(self, call: Call) -> dict[str, Any]:
        """One network."""
        with call.deps(Database).reader() as conn:
            return render(Network, network_row(conn, call.args["network"]), call.base_url)

    @describes()
    def delete(self, call: Call) -> None:
        """Delete a network in which hosts have no addresses."""
        call.deps(NetworkService).delete_network(call.args["network"])


class PoolsController:
    """``/v1/addrpools``."""

    @describes(query=(*paging(sort_keys(AddressPool, ADDRESS_POOLS)),
                      Argument("network_type", Anything(), "Pools of this type.")),
               answers={200: ViewPage((View(AddressPool),))})
    def get(self, call: Call) -> dict[str, Any]:
        """All address pools, or those of one network type."""
        query = call.query
        page = query.page(sort_keys=sort_keys(AddressPool, ADDRESS_POOLS))
        network_type = query.text("network_type")
        with call.deps(Database).reader() as conn:
            rows = paged(conn, store.pool_query(network_type), ADDRESS_POOLS, page)
            ranges = store.ranges(conn)
        shown_rows = [with_ranges(row, ranges) for row in rows]
        filters = [("network_type", network_type)] if network_type is not None else []
        return envelope("addrpools", render_many(AddressPool, shown_rows, call.base_url), page=page,
                        base_url=call.base_url, filters=filters)

    @describes(body=NewPool, answers={200: AddressPool}, errors=(409,))
    def post(self, call: Call) -> dict[str, Any]:
        """Add an address pool."""
        return render(AddressPool, call.deps(NetworkService).add_pool(given(call.body_as(NewPool))), call.base_url)


class PoolController:
    """``/v1/addrpools/<uuid>``."""

    @describes(answers={200: AddressPool})
    def get(self, call: Call) -> dict[str, Any]:
        """One address pool."""
        with call.deps(Database).reader() as conn:
            row = with_ranges(pool_row(conn, call.args["uuid"]), store.ranges(conn))
        return render(AddressPool, row, call.base_url)

    @describes(body=patch_of(PoolChange, POOL_CHANGES, operations=("replace", "remove")), answers={200: AddressPool},
               errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Change a pool in which hosts have no addresses; its name in any case."""
        operations = call.patch(allowed=POOL_CHANGES, mandatory=("name", "order", "ranges"))
        changes = plain_changes(PoolChange, operations)
        return render(AddressPool, call.deps(NetworkService).change_pool(call.args["uuid"], changes), call.base_url)

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete a pool that no network has."""
        call.deps(NetworkService).delete_pool(call.args["uuid"])


ROUTES = {
    "/v1/networks": NetworksController(Inventory("Network", Network, store.QUERY, NETWORKS)),
    "/v1/networks/{network}": NetworkController,
    "/v1/addrpools": PoolsController, "/v1/addrpools/{uuid}": PoolController,
}
POLICY = (
    Rule("sysinv_api:network:get", READER, "GET", "/v1/networks"),
    Rule("sysinv_api:network:get", READER, "GET", "/v1/networks/{network}"),
    Rule("sysinv_api:network:add", CONFIGURATOR, "POST", "/v1/networks"),
    Rule("sysinv_api:network:delete", CONFIGURATOR, "DELETE", "/v1/networks/{network}"),
    Rule("sysinv_api:addrpool:get", READER, "GET", "/v1/addrpools"),
    Rule("sysinv_api:addrpool:get", READER, "GET", "/v1/addrpools/{uuid}"),
    Rule("sysinv_api:addrpool:add", CONFIGURATOR, "POST", "/v1/addrpools"),
    Rule("sysinv_api:addrpool:modify", CONFIGURATOR, "PATCH", "/v1/addrpools/{uuid}"),
    Rule("sysinv_api:addrpool:delete", CONFIGURATOR, "DELETE", "/v1/addrpools/{uuid}"),
)
