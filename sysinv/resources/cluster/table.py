# SPDX-License-Identifier: Apache-2.0
"""``clusters``: storage clusters. Model and replication groups follow from the hosts and are not stored."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns
from sysinv.db.schema import METADATA, text

CLUSTERS = sa.Table(
    "clusters", METADATA, *columns(), text("name", nullable=False), text("type", 32, nullable=False, default="ceph"),
    # Ceph's own name of the cluster; null until something has made it.
    text("cluster_uuid", 36), sa.UniqueConstraint("name"))
