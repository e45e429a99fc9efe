# SPDX-License-Identifier: Apache-2.0
"""Routes of ``idisks``, with the partitions of one disk."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import View, described, describes, patch_of
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.wire.render import links, render
from flock.wire.schema import LINKS
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import Inventory, OneItem, read_policy, read_routes
from sysinv.model.host import HostRefused
from sysinv.resources.disk.fields import Disk, DiskChange
from sysinv.resources.disk.service import DiskService
from sysinv.resources.disk.store import QUERY
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.partition.api import DiskPartitions

INVENTORY = Inventory("disk", Disk, QUERY, I_IDISK, I_IDISK.c.forihostid)
CHANGEABLE = ("partition_table", "skip_formatting")


MEMBER = View(Disk, name="DiskMember", extra={"partitions": LINKS})


class DiskController(OneItem):
    """``/v1/idisks/<uuid>``."""

    def __init__(self) -> None:
        super().__init__(INVENTORY)
        self.descriptions["get"] = described(answers={200: MEMBER})

    def get(self, call: Call) -> dict[str, Any]:
        """One disk with a link to its partitions."""
        return _member(super().get(call), call)

    @describes(body=patch_of(DiskChange, CHANGEABLE), answers={200: MEMBER}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Wipe the disk."""
        changes = plain_changes(DiskChange, call.patch(allowed=CHANGEABLE, mandatory=CHANGEABLE))
        if "partition_table" not in changes:
            raise HostRefused(detail="partition_table: a wipe needs the kind of the new table, gpt.")
        disk = call.deps(DiskService).wipe(call.args["uuid"], skip_format=changes.get("skip_formatting", False))
        return _member(render(Disk, disk, call.base_url), call)


def _member(body: dict[str, Any], call: Call) -> dict[str, Any]:
    return {**body, "partitions": links(call.base_url, f"idisks/{body['uuid']}", "partitions")}


ROUTES = read_routes(INVENTORY) | {
    "/v1/idisks/{uuid}": DiskController(), "/v1/idisks/{uuid}/partitions": DiskPartitions(),
    "/v1/ihosts/{host}/idisks/{uuid}/partitions": DiskPartitions()}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:disk:modify", CONFIGURATOR, "PATCH", "/v1/idisks/{uuid}"),
    Rule("sysinv_api:partition:get", READER, "GET", "/v1/idisks/{uuid}/partitions"),
    Rule("sysinv_api:partition:get", READER, "GET", "/v1/ihosts/{host}/idisks/{uuid}/partitions"),
)
