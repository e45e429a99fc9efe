# SPDX-License-Identifier: Apache-2.0
"""Routes of ``host_fs``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import Argument, View, ViewPage, describes
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.render import render, render_many
from flock.wire.types import Boolean
from sysinv.api.inventory import AllItems, Inventory, OneItem, read_policy, read_routes
from sysinv.model.filesystem import REQUESTS_MAX
from sysinv.resources.hostfilesystem.fields import HostFilesystem, NewHostFilesystem
from sysinv.resources.hostfilesystem.service import HostFilesystemService
from sysinv.resources.hostfilesystem.store import QUERY
from sysinv.resources.hostfilesystem.table import HOST_FS

INVENTORY = Inventory("host_fs", HostFilesystem, QUERY, HOST_FS, HOST_FS.c.forihostid)
UPDATE = "/v1/ihosts/{host}/host_fs/update_many"
PATCHES = {"type": "array", "minItems": 1, "maxItems": REQUESTS_MAX, "items": {
    "type": "array", "minItems": 1, "items": {"type": "object"}}}


class FilesystemsController(AllItems):
    """``/v1/host_fs``."""

    @describes(body=NewHostFilesystem, answers={200: HostFilesystem}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Add a file system."""
        row = call.deps(HostFilesystemService).add(call.body_as(NewHostFilesystem))
        return render(HostFilesystem, row, call.base_url)


class FilesystemController(OneItem):
    """``/v1/host_fs/<uuid>``."""

    @describes(query=(Argument("force", Boolean(), "Delete it in any state."),), errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete a file system and what it holds."""
        call.deps(HostFilesystemService).delete(call.args["uuid"], force=call.query.bool("force"))


class UpdateController:
    """``/v1/ihosts/<host>/host_fs/update_many``."""

    @describes(body=PATCHES, answers={200: ViewPage((View(HostFilesystem),))}, errors=(409,))
    def put(self, call: Call) -> dict[str, Any]:
        """Give file systems of a host new sizes or functions, all or none."""
        rows = call.deps(HostFilesystemService).update(call.args["host"], call.json())
        return {"host_fs": render_many(HostFilesystem, rows, call.base_url)}


ROUTES = read_routes(INVENTORY) | {
    "/v1/host_fs": FilesystemsController(INVENTORY), "/v1/host_fs/{uuid}": FilesystemController(INVENTORY),
    UPDATE: UpdateController}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:host_fs:add", CONFIGURATOR, "POST", "/v1/host_fs"),
    Rule("sysinv_api:host_fs:delete", CONFIGURATOR, "DELETE", "/v1/host_fs/{uuid}"),
    Rule("sysinv_api:host_fs:modify", CONFIGURATOR, "PUT", UPDATE),
)
