# SPDX-License-Identifier: Apache-2.0
"""Routes of ``datanetworks``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes, patch_of
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.wire.render import render
from flock.wire.resource import given
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import AllItems, Inventory
from sysinv.resources.datanetwork.fields import DataNetwork, NewDataNetwork
from sysinv.resources.datanetwork.rules import CHANGEABLE
from sysinv.resources.datanetwork.service import DataNetworkService
from sysinv.resources.datanetwork.store import QUERY
from sysinv.resources.datanetwork.table import DATANETWORKS


class DataNetworksController(AllItems):
    """``/v1/datanetworks``."""

    @describes(body=NewDataNetwork, answers={200: DataNetwork}, errors=(409,))
    def post(self, call: Call) -> dict[str, Any]:
        """Add a data network."""
        values = given(call.body_as(NewDataNetwork))
        return render(DataNetwork, call.deps(DataNetworkService).add(values), call.base_url)


class DataNetworkController:
    """``/v1/datanetworks/<uuid, id or name>``."""

    @describes(answers={200: DataNetwork})
    def get(self, call: Call) -> dict[str, Any]:
        """One data network."""
        return render(DataNetwork, call.deps(DataNetworkService).get(call.args["datanetwork"]), call.base_url)

    @describes(body=patch_of(DataNetwork, CHANGEABLE, operations=("replace", "remove")), answers={200: DataNetwork},
               errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Change MTU and description."""
        changes = plain_changes(DataNetwork, call.patch(allowed=CHANGEABLE, mandatory=("mtu",)))
        row = call.deps(DataNetworkService).modify(call.args["datanetwork"], changes)
        return render(DataNetwork, row, call.base_url)

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete a data network that no interface carries."""
        call.deps(DataNetworkService).delete(call.args["datanetwork"])


ROUTES = {
    "/v1/datanetworks": DataNetworksController(Inventory("datanetwork", DataNetwork, QUERY, DATANETWORKS)),
    "/v1/datanetworks/{datanetwork}": DataNetworkController,
}
POLICY = (
    Rule("sysinv_api:datanetwork:get", READER, "GET", "/v1/datanetworks"),
    Rule("sysinv_api:datanetwork:get", READER, "GET", "/v1/datanetworks/{datanetwork}"),
    Rule("sysinv_api:datanetwork:add", CONFIGURATOR, "POST", "/v1/datanetworks"),
    Rule("sysinv_api:datanetwork:modify", CONFIGURATOR, "PATCH", "/v1/datanetworks/{datanetwork}"),
    Rule("sysinv_api:datanetwork:delete", CONFIGURATOR, "DELETE", "/v1/datanetworks/{datanetwork}"),
)
