# SPDX-License-Identifier: Apache-2.0
"""``storage_tiers``: tiers of clusters. Whether one is in use follows from back ends and OSDs and is not stored."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns, revision_column
from sysinv.db.schema import METADATA, text
from sysinv.resources.storagetier.rules import NAME_LENGTH_MAX

STORAGE_TIERS = sa.Table(
    "storage_tiers", METADATA, *columns(), revision_column(), text("name", NAME_LENGTH_MAX, nullable=False),
    text("type", 32, nullable=False, default="ceph"), sa.Column("capabilities", Json, nullable=False, default=dict),
    sa.Column("forclusterid", sa.Integer, sa.ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.UniqueConstraint("name", "forclusterid"))
