# SPDX-License-Identifier: Apache-2.0
"""Routes of ``istors``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import Argument, describes, patch_of
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.render import render
from flock.wire.resource import given
from flock.wire.types import Boolean
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import AllItems, Inventory, OneItem, read_policy, read_routes
from sysinv.resources.osd.fields import NewStor, Stor, StorChange
from sysinv.resources.osd.service import StorService
from sysinv.resources.osd.store import QUERY, shown
from sysinv.resources.osd.table import I_ISTOR

INVENTORY = Inventory("stor", Stor, QUERY, I_ISTOR, I_ISTOR.c.forihostid, complete=lambda _call, row: shown(row))
_CHANGEABLE = ("journal_location", "journal_size_mib")
_FORCE = Argument("force", Boolean(), "Delete an OSD of rook-ceph also when its data are not safe elsewhere.")


class StorsController(AllItems):
    """``/v1/istors``."""

    @describes(body=NewStor, answers={200: Stor}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Make a disk an OSD or a journal."""
        return render(Stor, call.deps(StorService).add(given(call.body_as(NewStor))), call.base_url)


class StorController(OneItem):
    """``/v1/istors/<uuid>``."""

    @describes(body=patch_of(StorChange, _CHANGEABLE), answers={200: Stor}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Move or resize the journal of an OSD."""
        changes = plain_changes(StorChange, call.patch(allowed=_CHANGEABLE, mandatory=_CHANGEABLE))
        return render(Stor, call.deps(StorService).change(call.args["uuid"], changes), call.base_url)

    @describes(query=(_FORCE,), errors=(409,))
    def delete(self, call: Call) -> None:
        """Take an OSD or journal from its disk."""
        call.deps(StorService).delete(call.args["uuid"], force=bool(call.query.bool("force")))


ROUTES = read_routes(INVENTORY) | {
    "/v1/istors": StorsController(INVENTORY), "/v1/istors/{uuid}": StorController(INVENTORY)}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:stor:add", CONFIGURATOR, "POST", "/v1/istors"),
    Rule("sysinv_api:stor:modify", CONFIGURATOR, "PATCH", "/v1/istors/{uuid}"),
    Rule("sysinv_api:stor:delete", CONFIGURATOR, "DELETE", "/v1/istors/{uuid}"),
)
