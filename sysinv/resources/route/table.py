# SPDX-License-Identifier: Apache-2.0
"""``routes``: they go with their interface."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns
from sysinv.db.schema import METADATA, text

ROUTES = sa.Table(
    "routes", METADATA, *columns(), text("network", 45, nullable=False),
    sa.Column("prefix", sa.Integer, nullable=False), text("gateway", 45, nullable=False),
    sa.Column("metric", sa.Integer, nullable=False),
    sa.Column("interface_id", sa.Integer, sa.ForeignKey("interfaces.id", ondelete="CASCADE"), nullable=False,
              index=True),
    sa.UniqueConstraint("network", "prefix", "gateway", "interface_id"))
