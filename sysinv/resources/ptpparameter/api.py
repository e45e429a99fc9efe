# SPDX-License-Identifier: Apache-2.0
"""Routes of ``ptp_parameters``. They are added and removed by changes of their owners."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock.api.call import Call
from flock.api.describe import describes, patch_of
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.wire.render import render
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import AllItems, ChildItems, Inventory, OneItem
from sysinv.resources.ptpinstance.table import PTP_INSTANCES
from sysinv.resources.ptpinterface.table import PTP_INTERFACES
from sysinv.resources.ptpparameter.fields import PtpParameter, PtpParameterChange
from sysinv.resources.ptpparameter.service import PtpParameterService
from sysinv.resources.ptpparameter.store import OF_INSTANCE, OF_INTERFACE, OF_OWNER, QUERY, with_owners
from sysinv.resources.ptpparameter.table import PTP_PARAMETERS

NAME = "sysinv_api:ptp_parameter"


class PtpParameterController(OneItem):
    """``/v1/ptp_parameters/<uuid>``."""

    @describes(body=patch_of(PtpParameterChange), answers={200: PtpParameter}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Give a parameter another value, for all that have it."""
        changes = plain_changes(PtpParameterChange, call.patch(allowed=("value",), mandatory=("value",)))
        row = call.deps(PtpParameterService).modify(call.args["uuid"], changes["value"])
        return render(PtpParameter, row, call.base_url)


def _inventory(query: sa.Select[Any]) -> Inventory:
    return Inventory("PTP parameter", PtpParameter, query, PTP_PARAMETERS, joined=with_owners)


ROUTES = {
    "/v1/ptp_parameters": AllItems(_inventory(QUERY)),
    "/v1/ptp_parameters/detail": AllItems(_inventory(QUERY)),
    "/v1/ptp_parameters/{uuid}": PtpParameterController(_inventory(QUERY)),
    "/v1/ptp_instances/{uuid}/ptp_parameters": ChildItems(
        _inventory(OF_OWNER), "PTP instance", "ptp_instances", PTP_INSTANCES, OF_INSTANCE),
    "/v1/ptp_interfaces/{uuid}/ptp_parameters": ChildItems(
        _inventory(OF_OWNER), "PTP interface", "ptp_interfaces", PTP_INTERFACES, OF_INTERFACE),
}
POLICY = (
    *(Rule(f"{NAME}:get", READER, "GET", path) for path in ROUTES),
    Rule(f"{NAME}:modify", CONFIGURATOR, "PATCH", "/v1/ptp_parameters/{uuid}"),
)
