# SPDX-License-Identifier: Apache-2.0
"""Routes of ``sdn_controller``."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock.api.call import Call
from flock.api.describe import describes, patch_of
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.wire.render import render
from flock.wire.resource import given
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import AllItems, Inventory, OneItem
from sysinv.resources.sdncontroller.fields import NewSdnController, SdnController
from sysinv.resources.sdncontroller.rules import CHANGEABLE
from sysinv.resources.sdncontroller.service import SdnControllerService
from sysinv.resources.sdncontroller.table import SDN_CONTROLLER

PATH, NAME = "/v1/sdn_controller", "sysinv_api:sdn_controller"


class SdnControllersController(AllItems):
    """``/v1/sdn_controller``."""

    @describes(body=NewSdnController, answers={200: SdnController}, errors=(409,))
    def post(self, call: Call) -> dict[str, Any]:
        """Add an SDN controller."""
        row = call.deps(SdnControllerService).add(given(call.body_as(NewSdnController)))
        return render(SdnController, row, call.base_url)


class SdnControllerController(OneItem):
    """``/v1/sdn_controller/<uuid>``."""

    @describes(body=patch_of(SdnController, CHANGEABLE), answers={200: SdnController}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Change an SDN controller."""
        changes = plain_changes(SdnController, call.patch(allowed=CHANGEABLE, mandatory=CHANGEABLE))
        row = call.deps(SdnControllerService).change(call.args["uuid"], changes)
        return render(SdnController, row, call.base_url)

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete an SDN controller."""
        call.deps(SdnControllerService).delete(call.args["uuid"])


def _inventory() -> Inventory:
    return Inventory("SDN controller", SdnController, sa.select(SDN_CONTROLLER), SDN_CONTROLLER)


ROUTES = {
    PATH: SdnControllersController(_inventory()),
    f"{PATH}/detail": AllItems(_inventory()),
    f"{PATH}/{{uuid}}": SdnControllerController(_inventory()),
}
POLICY = (
    *(Rule(f"{NAME}:get", READER, "GET", one) for one in ROUTES),
    Rule(f"{NAME}:add", CONFIGURATOR, "POST", PATH),
    Rule(f"{NAME}:modify", CONFIGURATOR, "PATCH", f"{PATH}/{{uuid}}"),
    Rule(f"{NAME}:delete", CONFIGURATOR, "DELETE", f"{PATH}/{{uuid}}"),
)
