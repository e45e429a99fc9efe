# SPDX-License-Identifier: Apache-2.0
"""Routes of ``ptp_interfaces``. A PATCH of an interface assigns them to it."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import Patch, View, describes
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.render import links, render
from flock.wire.resource import given
from flock.wire.schema import LINKS
from sysinv.api.inventory import AllItems, HostDetail, HostItems, Inventory, read_policy, read_routes
from sysinv.api.members import members
from sysinv.db.lookup import Row
from sysinv.resources.interface.nested import of_interface, path_below, rule_below
from sysinv.resources.ptpinterface.fields import NewPtpInterface, PtpInterface
from sysinv.resources.ptpinterface.service import PtpInterfaceService
from sysinv.resources.ptpinterface.store import HOST, ON_HOST, ON_INTERFACE, QUERY, with_related
from sysinv.resources.ptpinterface.table import PTP_INTERFACE_MAPS, PTP_INTERFACES
from sysinv.resources.ptpparameter.fields import LIST as PARAMETERS
from sysinv.resources.ptpparameter.fields import MEMBER

INVENTORY = Inventory("ptp_interface", PtpInterface, QUERY, PTP_INTERFACES, joined=with_related)
OF_HOST = Inventory("ptp_interface", PtpInterface, ON_HOST, PTP_INTERFACES, HOST, joined=with_related)
OF_INTERFACE = Inventory("ptp_interface", PtpInterface, ON_INTERFACE, PTP_INTERFACES, joined=with_related)
MEMBER_VIEW = View(PtpInterface, name="PtpInterfaceMember", extra={PARAMETERS: LINKS})


class PtpInterfacesController(AllItems):
    """``/v1/ptp_interfaces``."""

    @describes(body=NewPtpInterface, answers={200: MEMBER_VIEW}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Add a PTP interface to a PTP instance."""
        return _member(call.deps(PtpInterfaceService).add(given(call.body_as(NewPtpInterface))), call.base_url)


class PtpInterfaceController:
    """``/v1/ptp_interfaces/<uuid, id or name>``."""

    @describes(answers={200: MEMBER_VIEW})
    def get(self, call: Call) -> dict[str, Any]:
        """One PTP interface."""
        return _member(call.deps(PtpInterfaceService).get(call.args["uuid"]), call.base_url)

    @describes(body=Patch({}, (), members={PARAMETERS: MEMBER}), answers={200: MEMBER_VIEW}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Add parameters and remove them."""
        changes = members(call.json(), PARAMETERS, MEMBER)
        return _member(call.deps(PtpInterfaceService).change(call.args["uuid"], changes), call.base_url)

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete a PTP interface that no interface of a host has."""
        call.deps(PtpInterfaceService).delete(call.args["uuid"])


def _member(row: Row, base_url: str) -> dict[str, Any]:
    path = f"{INVENTORY.collection}/{row['uuid']}"
    return {**render(PtpInterface, row, base_url), PARAMETERS: links(base_url, path, PARAMETERS)}


ROUTES = read_routes(INVENTORY) | {
    "/v1/ptp_interfaces": PtpInterfacesController(INVENTORY),
    "/v1/ptp_interfaces/{uuid}": PtpInterfaceController,
    "/v1/ihosts/{host}/ptp_interfaces": HostItems(OF_HOST),
    "/v1/ihosts/{host}/ptp_interfaces/detail": HostDetail(OF_HOST),
    path_below(INVENTORY): of_interface(OF_INTERFACE, PTP_INTERFACE_MAPS.c.interface_id),
}
POLICY = (
    *read_policy(INVENTORY), rule_below(INVENTORY),
    Rule("sysinv_api:ptp_interface:add", CONFIGURATOR, "POST", "/v1/ptp_interfaces"),
    Rule("sysinv_api:ptp_interface:modify", CONFIGURATOR, "PATCH", "/v1/ptp_interfaces/{uuid}"),
    Rule("sysinv_api:ptp_interface:delete", CONFIGURATOR, "DELETE", "/v1/ptp_interfaces/{uuid}"),
)
