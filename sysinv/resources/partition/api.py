# SPDX-License-Identifier: Apache-2.0
"""Routes of ``partitions``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes, patch_of
from flock.auth.policy import CONFIGURATOR, Rule
from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from flock.wire.render import render
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import AllItems, Inventory, OneItem, read_policy, read_routes
from sysinv.db.lookup import ItemNotFound, host_row
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.partition.fields import NewPartition, Partition, PartitionChange
from sysinv.resources.partition.service import PartitionService
from sysinv.resources.partition.store import QUERY
from sysinv.resources.partition.table import PARTITION

INVENTORY = Inventory("partition", Partition, QUERY, PARTITION, PARTITION.c.forihostid)
CHANGEABLE = ("size_mib",)


class PartitionsController(AllItems):
    """``/v1/partitions``."""

    @describes(body=NewPartition, answers={200: Partition}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Add a partition."""
        return render(Partition, call.deps(PartitionService).add(call.body_as(NewPartition)), call.base_url)


class PartitionController(OneItem):
    """``/v1/partitions/<uuid>``."""

    @describes(body=patch_of(PartitionChange, CHANGEABLE), answers={200: Partition}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Give a partition a new size."""
        changes = plain_changes(PartitionChange, call.patch(allowed=CHANGEABLE, mandatory=CHANGEABLE))
        row = call.deps(PartitionService).grow(call.args["uuid"], changes["size_mib"])
        return render(Partition, row, call.base_url)

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete a partition."""
        call.deps(PartitionService).delete(call.args["uuid"])


class DiskPartitions(AllItems):
    """``/v1/idisks/<uuid>/partitions``, also below the disk's host."""

    def __init__(self) -> None:
        super().__init__(INVENTORY)

    def get(self, call: Call) -> dict[str, Any]:
        """One page of the partitions of a disk."""
        ident, path = call.args["uuid"], "idisks"
        with call.deps(Database).reader() as conn:
            query = I_IDISK.select().where(I_IDISK.c.uuid == ident.lower())
            if "host" in call.args:
                host = host_row(conn, call.args["host"])
                query, path = query.where(I_IDISK.c.forihostid == host["id"]), f"ihosts/{host['uuid']}/idisks"
            disk = conn.execute(query).mappings().first() if ids.is_uuid(ident) else None
        if disk is None:
            raise ItemNotFound(resource="disk", id=shown(ident))
        return self.page_of(call, QUERY.where(PARTITION.c.idisk_id == disk["id"]), f"{path}/{disk['uuid']}/partitions")


ROUTES = read_routes(INVENTORY) | {
    "/v1/partitions": PartitionsController(INVENTORY), "/v1/partitions/{uuid}": PartitionController(INVENTORY)}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:partition:add", CONFIGURATOR, "POST", "/v1/partitions"),
    Rule("sysinv_api:partition:modify", CONFIGURATOR, "PATCH", "/v1/partitions/{uuid}"),
    Rule("sysinv_api:partition:delete", CONFIGURATOR, "DELETE", "/v1/partitions/{uuid}"),
)
