# SPDX-License-Identifier: Apache-2.0
"""Routes of ``clusters``, which come and go with their back ends."""
from __future__ import annotations

from typing import Any

from flock.auth.policy import READER, Rule
from sysinv.api.inventory import AllItems, Inventory, OneItem
from sysinv.resources.cluster.fields import Cluster
from sysinv.resources.cluster.store import QUERY, complete
from sysinv.resources.cluster.table import CLUSTERS

_PATH = "/v1/clusters"


def _inventory() -> Inventory:
    return Inventory("cluster", Cluster, QUERY, CLUSTERS, joined=complete, sorted_by="name",
                     children={"storage_tiers": Cluster.envelope})


ROUTES: dict[str, Any] = {
    _PATH: AllItems(_inventory()), f"{_PATH}/detail": AllItems(_inventory()),
    f"{_PATH}/{{uuid}}": OneItem(_inventory())}
POLICY = tuple(Rule("sysinv_api:cluster:get", READER, "GET", path) for path in ROUTES)
