# SPDX-License-Identifier: Apache-2.0
"""Routes of ``storage_tiers``, also below their cluster."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes, patch_of
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.wire.render import render
from flock.wire.resource import given
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import AllItems, ChildItems, Inventory
from sysinv.resources.cluster.table import CLUSTERS
from sysinv.resources.storagetier.fields import NewStorageTier, StorageTier
from sysinv.resources.storagetier.service import TierService
from sysinv.resources.storagetier.store import QUERY, with_related
from sysinv.resources.storagetier.table import STORAGE_TIERS

_CHANGEABLE = ("name", "capabilities")
_PATH = "/v1/storage_tiers"


def _inventory() -> Inventory:
    return Inventory("storage tier", StorageTier, QUERY, STORAGE_TIERS, joined=with_related, sorted_by="name")


class TiersController(AllItems):
    """``/v1/storage_tiers``."""

    @describes(body=NewStorageTier, answers={200: StorageTier}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Add a tier to a cluster."""
        return render(StorageTier, call.deps(TierService).add(given(call.body_as(NewStorageTier))), call.base_url)


class TierController:
    """``/v1/storage_tiers/<uuid, id or name>``."""

    @describes(answers={200: StorageTier})
    def get(self, call: Call) -> dict[str, Any]:
        """One tier."""
        return render(StorageTier, call.deps(TierService).get(call.args["uuid"]), call.base_url)

    @describes(body=patch_of(StorageTier, _CHANGEABLE), answers={200: StorageTier}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Rename a tier or change its capabilities."""
        changes = plain_changes(StorageTier, call.patch(allowed=_CHANGEABLE, mandatory=_CHANGEABLE))
        return render(StorageTier, call.deps(TierService).change(call.args["uuid"], changes), call.base_url)

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete a tier that nothing uses."""
        call.deps(TierService).delete(call.args["uuid"])


ROUTES: dict[str, Any] = {
    _PATH: TiersController(_inventory()), f"{_PATH}/detail": AllItems(_inventory()),
    f"{_PATH}/{{uuid}}": TierController,
    "/v1/clusters/{uuid}/storage_tiers": ChildItems(
        _inventory(), "cluster", "clusters", CLUSTERS, STORAGE_TIERS.c.forclusterid)}
_NAME = "sysinv_api:storage_tier"
POLICY = (
    *(Rule(f"{_NAME}:get", READER, "GET", path) for path in ROUTES),
    Rule(f"{_NAME}:add", CONFIGURATOR, "POST", _PATH),
    Rule(f"{_NAME}:modify", CONFIGURATOR, "PATCH", f"{_PATH}/{{uuid}}"),
    Rule(f"{_NAME}:delete", CONFIGURATOR, "DELETE", f"{_PATH}/{{uuid}}"),
)
