# SPDX-License-Identifier: Apache-2.0
"""Routes of ``iinterfaces``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes, patch_of
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.render import links, render
from flock.wire.resource import given
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import AllItems, Inventory, OneItem, read_policy, read_routes
from sysinv.api.members import has_members, members
from sysinv.db.lookup import Row
from sysinv.resources.interface.fields import CHANGEABLE, REQUIRED, Interface, InterfaceChange, NewInterface
from sysinv.resources.interface.rules import ADDRESSED, MODES
from sysinv.resources.interface.service import InterfaceService
from sysinv.resources.interface.store import QUERY, with_names
from sysinv.resources.interface.table import INTERFACES
from sysinv.resources.ptpinterface import fields as ptp_interfaces
from sysinv.resources.ptpinterface.service import PtpInterfaceService


def completed(call: Call, row: Row) -> Row:
    """Return the row with the links to its ports, without what its class does not have."""
    found = {**row, "ports": links(call.base_url, f"iinterfaces/{row['uuid']}", "ports")}
    if row["ifclass"] not in ADDRESSED:
        for name in MODES:
            found.pop(name, None)
    return found


INVENTORY = Inventory("iinterface", Interface, QUERY, INTERFACES, INTERFACES.c.forihostid, complete=completed,
                      joined=with_names)


class InterfacesController(AllItems):
    """``/v1/iinterfaces``."""

    @describes(body=NewInterface, answers={200: Interface}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Add an interface to a locked host."""
        values = _with_uses(given(call.body_as(NewInterface)))
        return _shown(call, call.deps(InterfaceService).add(values))


class InterfaceController(OneItem):
    """``/v1/iinterfaces/<uuid>``."""

    @describes(body=patch_of(InterfaceChange, CHANGEABLE, operations=("replace", "remove"),
                             members={ptp_interfaces.LIST: ptp_interfaces.MEMBER}),
               answers={200: Interface}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Change attributes of an interface, or its PTP interfaces."""
        if has_members(call.json(), ptp_interfaces.LIST):
            found = members(call.json(), ptp_interfaces.LIST, ptp_interfaces.MEMBER)
            call.deps(PtpInterfaceService).assign(call.args["uuid"], found)
            return self.get(call)
        operations = call.patch(allowed=CHANGEABLE, mandatory=REQUIRED)
        changes = _with_uses(plain_changes(InterfaceChange, operations))
        return _shown(call, call.deps(InterfaceService).modify(call.args["uuid"], changes))

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete an interface that no other one uses."""
        call.deps(InterfaceService).delete(call.args["uuid"])


def _with_uses(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with ``usesmodify`` under its other name, unless that is there too."""
    modified = values.pop("usesmodify", None)
    return values if modified is None else {"uses": modified, **values}


def _shown(call: Call, row: Row) -> dict[str, Any]:
    return render(Interface, completed(call, row), call.base_url)


ROUTES = read_routes(INVENTORY) | {
    "/v1/iinterfaces": InterfacesController(INVENTORY),
    "/v1/iinterfaces/{uuid}": InterfaceController(INVENTORY),
}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:iinterface:add", CONFIGURATOR, "POST", "/v1/iinterfaces"),
    Rule("sysinv_api:iinterface:modify", CONFIGURATOR, "PATCH", "/v1/iinterfaces/{uuid}"),
    Rule("sysinv_api:iinterface:delete", CONFIGURATOR, "DELETE", "/v1/iinterfaces/{uuid}"),
)
