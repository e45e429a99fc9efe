# SPDX-License-Identifier: Apache-2.0
"""Routes of ``routes``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.render import render
from flock.wire.resource import given
from sysinv.api.inventory import AllItems, Inventory, OneItem, read_policy, read_routes
from sysinv.resources.interface.nested import of_interface, path_below, rule_below
from sysinv.resources.interface.table import INTERFACES
from sysinv.resources.route import table
from sysinv.resources.route.fields import NewRoute, Route
from sysinv.resources.route.service import RouteService
from sysinv.resources.route.store import QUERY

INVENTORY = Inventory("route", Route, QUERY, table.ROUTES, INTERFACES.c.forihostid)


class RoutesController(AllItems):
    """``/v1/routes``."""

    @describes(body=NewRoute, answers={200: Route}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Add a route over an interface; the host need not be locked."""
        return render(Route, call.deps(RouteService).add(given(call.body_as(NewRoute))), call.base_url)


class RouteController(OneItem):
    """``/v1/routes/<uuid>``."""

    @describes()
    def delete(self, call: Call) -> None:
        """Delete a route; the host need not be locked."""
        call.deps(RouteService).delete(call.args["uuid"])


ROUTES = read_routes(INVENTORY) | {
    "/v1/routes": RoutesController(INVENTORY),
    "/v1/routes/{uuid}": RouteController(INVENTORY),
    path_below(INVENTORY): of_interface(INVENTORY, table.ROUTES.c.interface_id),
}
POLICY = (
    *read_policy(INVENTORY), rule_below(INVENTORY),
    Rule("sysinv_api:route:add", CONFIGURATOR, "POST", "/v1/routes"),
    Rule("sysinv_api:route:delete", CONFIGURATOR, "DELETE", "/v1/routes/{uuid}"),
)
