# SPDX-License-Identifier: Apache-2.0
"""Routes of ``ipvs``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.render import render
from sysinv.api.inventory import AllItems, Inventory, OneItem, read_policy, read_routes
from sysinv.resources.physicalvolume.fields import NewPhysicalVolume, PhysicalVolume
from sysinv.resources.physicalvolume.service import PhysicalVolumeService
from sysinv.resources.physicalvolume.store import QUERY
from sysinv.resources.physicalvolume.table import I_PV

INVENTORY = Inventory("physical_volume", PhysicalVolume, QUERY, I_PV, I_PV.c.forihostid)


class VolumesController(AllItems):
    """``/v1/ipvs``."""

    @describes(body=NewPhysicalVolume, answers={200: PhysicalVolume}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Add a physical volume to a group."""
        return render(PhysicalVolume, call.deps(PhysicalVolumeService).add(call.body_as(NewPhysicalVolume)),
                      call.base_url)


class VolumeController(OneItem):
    """``/v1/ipvs/<uuid>``."""

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Remove a physical volume from its group."""
        call.deps(PhysicalVolumeService).delete(call.args["uuid"])


ROUTES = read_routes(INVENTORY) | {
    "/v1/ipvs": VolumesController(INVENTORY), "/v1/ipvs/{uuid}": VolumeController(INVENTORY)}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:physical_volume:add", CONFIGURATOR, "POST", "/v1/ipvs"),
    Rule("sysinv_api:physical_volume:delete", CONFIGURATOR, "DELETE", "/v1/ipvs/{uuid}"),
)
