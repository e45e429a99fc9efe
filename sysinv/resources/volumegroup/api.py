# SPDX-License-Identifier: Apache-2.0
"""Routes of ``ilvgs``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import View, described, describes
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown as shown_text
from flock.wire.render import links, render
from flock.wire.schema import LINKS
from sysinv.api.inventory import AllItems, Inventory, OneItem, read_policy, read_routes
from sysinv.db.lookup import ItemNotFound
from sysinv.resources.physicalvolume.api import INVENTORY as VOLUMES
from sysinv.resources.physicalvolume.table import I_PV
from sysinv.resources.volumegroup.fields import NewVolumeGroup, VolumeGroup
from sysinv.resources.volumegroup.service import VolumeGroupService
from sysinv.resources.volumegroup.store import QUERY, shown
from sysinv.resources.volumegroup.table import I_LVG

INVENTORY = Inventory("volume_group", VolumeGroup, QUERY, I_LVG, I_LVG.c.forihostid, lambda _call, row: shown(row))


MEMBER = View(VolumeGroup, name="VolumeGroupMember", extra={"ipvs": LINKS})


class GroupsController(AllItems):
    """``/v1/ilvgs``."""

    @describes(body=NewVolumeGroup, answers={200: MEMBER}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Add a volume group."""
        row = call.deps(VolumeGroupService).add(call.body_as(NewVolumeGroup))
        return _member(render(VolumeGroup, shown(row), call.base_url), call)


class GroupController(OneItem):
    """``/v1/ilvgs/<uuid>``."""

    def __init__(self) -> None:
        super().__init__(INVENTORY)
        self.descriptions["get"] = described(answers={200: MEMBER})

    def get(self, call: Call) -> dict[str, Any]:
        """One volume group with a link to its physical volumes."""
        return _member(super().get(call), call)

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete a volume group."""
        call.deps(VolumeGroupService).delete(call.args["uuid"])


class GroupVolumes(AllItems):
    """``/v1/ilvgs/<uuid>/ipvs``."""

    def get(self, call: Call) -> dict[str, Any]:
        """One page of the physical volumes of a group."""
        ident = call.args["uuid"]
        with call.deps(Database).reader() as conn:
            query = I_LVG.select().where(I_LVG.c.uuid == ident.lower())
            group = conn.execute(query).mappings().first() if ids.is_uuid(ident) else None
        if group is None:
            raise ItemNotFound(resource="volume group", id=shown_text(ident))
        return self.page_of(call, self.inventory.query.where(I_PV.c.forilvgid == group["id"]),
                            f"ilvgs/{group['uuid']}/ipvs")


def _member(body: dict[str, Any], call: Call) -> dict[str, Any]:
    return {**body, "ipvs": links(call.base_url, f"ilvgs/{body['uuid']}", "ipvs")}


ROUTES = read_routes(INVENTORY) | {
    "/v1/ilvgs": GroupsController(INVENTORY), "/v1/ilvgs/{uuid}": GroupController(),
    "/v1/ilvgs/{uuid}/ipvs": GroupVolumes(VOLUMES)}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:physical_volume:get", READER, "GET", "/v1/ilvgs/{uuid}/ipvs"),
    Rule("sysinv_api:volume_group:add", CONFIGURATOR, "POST", "/v1/ilvgs"),
    Rule("sysinv_api:volume_group:delete", CONFIGURATOR, "DELETE", "/v1/ilvgs/{uuid}"),
)
