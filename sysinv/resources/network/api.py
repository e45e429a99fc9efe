# SPDX-License-Identifier: Apache-2.0
"""Routes of ``networks`` and ``addrpools``: read-only, because only the bootstrap writes them."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import Argument, View, ViewPage, describes, paging
from flock.auth.policy import READER, Rule
from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from flock.wire.paging import envelope
from flock.wire.render import render, render_many
from flock.wire.types import Anything
from sysinv.api.inventory import AllItems, Inventory
from sysinv.db.lookup import ItemNotFound, Row, paged, sort_keys
from sysinv.resources.network import store
from sysinv.resources.network.fields import AddressPool, Network
from sysinv.resources.network.table import ADDRESS_POOLS, NETWORKS


class NetworkController:
    """``/v1/networks/<uuid or name>``."""

    @describes(answers={200: Network})
    def get(self, call: Call) -> dict[str, Any]:
        """One network."""
        ident = call.args["network"]
        clause = NETWORKS.c.uuid == ident.lower() if ids.is_uuid(ident) else NETWORKS.c.name == ident
        with call.deps(Database).reader() as conn:
            row = conn.execute(store.QUERY.where(clause)).mappings().first()
        if row is None:
            raise ItemNotFound(resource="Network", id=shown(ident))
        return render(Network, row, call.base_url)


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
        shown_rows = [_with_ranges(row, ranges) for row in rows]
        filters = [("network_type", network_type)] if network_type is not None else []
        return envelope("addrpools", render_many(AddressPool, shown_rows, call.base_url), page=page,
                        base_url=call.base_url, filters=filters)


class PoolController:
    """``/v1/addrpools/<uuid>``."""

    @describes(answers={200: AddressPool})
    def get(self, call: Call) -> dict[str, Any]:
        """One address pool."""
        ident = call.args["uuid"]
        with call.deps(Database).reader() as conn:
            query = store.pool_query(None).where(ADDRESS_POOLS.c.uuid == ident.lower())
            row = conn.execute(query).mappings().first() if ids.is_uuid(ident) else None
            ranges = store.ranges(conn)
        if row is None:
            raise ItemNotFound(resource="Address pool", id=shown(ident))
        return render(AddressPool, _with_ranges(dict(row), ranges), call.base_url)


def _with_ranges(row: Row, ranges: dict[int, list[tuple[str, str]]]) -> Row:
    return {**row, "ranges": [list(pair) for pair in ranges.get(row["id"], [])]}


ROUTES = {
    "/v1/networks": AllItems(Inventory("Network", Network, store.QUERY, NETWORKS)),
    "/v1/networks/{network}": NetworkController,
    "/v1/addrpools": PoolsController, "/v1/addrpools/{uuid}": PoolController,
}
POLICY = (
    Rule("sysinv_api:network:get", READER, "GET", "/v1/networks"),
    Rule("sysinv_api:network:get", READER, "GET", "/v1/networks/{network}"),
    Rule("sysinv_api:addrpool:get", READER, "GET", "/v1/addrpools"),
    Rule("sysinv_api:addrpool:get", READER, "GET", "/v1/addrpools/{uuid}"),
)
