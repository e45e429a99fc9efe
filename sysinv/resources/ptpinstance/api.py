# SPDX-License-Identifier: Apache-2.0
"""Routes of ``ptp_instances``. A PATCH of a host assigns them to it."""
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
from sysinv.resources.ptpinstance.fields import NewPtpInstance, PtpInstance
from sysinv.resources.ptpinstance.service import PtpInstanceService
from sysinv.resources.ptpinstance.store import ON_HOST, QUERY, with_related
from sysinv.resources.ptpinstance.table import PTP_INSTANCE_MAPS, PTP_INSTANCES
from sysinv.resources.ptpparameter.fields import LIST as PARAMETERS
from sysinv.resources.ptpparameter.fields import MEMBER

INVENTORY = Inventory("ptp_instance", PtpInstance, QUERY, PTP_INSTANCES, joined=with_related, sorted_by="name")
OF_HOST = Inventory("ptp_instance", PtpInstance, ON_HOST, PTP_INSTANCES, PTP_INSTANCE_MAPS.c.forihostid,
                    joined=with_related, sorted_by="name")
MEMBER_VIEW = View(PtpInstance, name="PtpInstanceMember", extra={PARAMETERS: LINKS})


class PtpInstancesController(AllItems):
    """``/v1/ptp_instances``."""

    @describes(body=NewPtpInstance, answers={200: MEMBER_VIEW}, errors=(409,))
    def post(self, call: Call) -> dict[str, Any]:
        """Add a PTP instance."""
        return _member(call.deps(PtpInstanceService).add(given(call.body_as(NewPtpInstance))), call.base_url)


class PtpInstanceController:
    """``/v1/ptp_instances/<uuid, id or name>``."""

    @describes(answers={200: MEMBER_VIEW})
    def get(self, call: Call) -> dict[str, Any]:
        """One PTP instance."""
        return _member(call.deps(PtpInstanceService).get(call.args["uuid"]), call.base_url)

    @describes(body=Patch({}, (), members={PARAMETERS: MEMBER}), answers={200: MEMBER_VIEW}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Add parameters and remove them."""
        changes = members(call.json(), PARAMETERS, MEMBER)
        return _member(call.deps(PtpInstanceService).change(call.args["uuid"], changes), call.base_url)

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete a PTP instance that no host has and that has no PTP interfaces."""
        call.deps(PtpInstanceService).delete(call.args["uuid"])


class ApplyController:
    """``/v1/ptp_instances/apply``."""

    @describes(body_required=False)
    def post(self, call: Call) -> None:
        """Have the hosts in service that take their time by PTP configure it as it is stored now."""
        call.deps(PtpInstanceService).apply()


def _member(row: Row, base_url: str) -> dict[str, Any]:
    path = f"{INVENTORY.collection}/{row['uuid']}"
    return {**render(PtpInstance, row, base_url), PARAMETERS: links(base_url, path, PARAMETERS)}


ROUTES = read_routes(INVENTORY) | {
    "/v1/ptp_instances": PtpInstancesController(INVENTORY),
    "/v1/ptp_instances/apply": ApplyController,
    "/v1/ptp_instances/{uuid}": PtpInstanceController,
    "/v1/ihosts/{host}/ptp_instances": HostItems(OF_HOST),
    "/v1/ihosts/{host}/ptp_instances/detail": HostDetail(OF_HOST),
}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:ptp_instance:add", CONFIGURATOR, "POST", "/v1/ptp_instances"),
    Rule("sysinv_api:ptp_instance:apply", CONFIGURATOR, "POST", "/v1/ptp_instances/apply"),
    Rule("sysinv_api:ptp_instance:modify", CONFIGURATOR, "PATCH", "/v1/ptp_instances/{uuid}"),
    Rule("sysinv_api:ptp_instance:delete", CONFIGURATOR, "DELETE", "/v1/ptp_instances/{uuid}"),
)
