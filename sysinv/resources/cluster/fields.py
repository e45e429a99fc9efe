# SPDX-License-Identifier: Apache-2.0
"""``clusters``: a storage cluster with its tiers and replication groups."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, attr


class Cluster(Record):
    """One cluster; ``cluster_uuid`` is Ceph's own name of it, null until something has made it."""

    envelope = "clusters"
    cluster_uuid = attr(str, writer=SYSTEM)
    type = attr(str, writer=SYSTEM, nullable=False)
    name = attr(str, writer=SYSTEM, nullable=False)
    deployment_model = attr(str, writer=SYSTEM, nullable=False)
    peers = attr(list, writer=SYSTEM, nullable=False)
    tiers = attr(list, writer=SYSTEM, nullable=False)
