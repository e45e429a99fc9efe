# SPDX-License-Identifier: Apache-2.0
"""``interface_networks``: which interface of a host carries a platform network."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns
from sysinv.db.schema import METADATA, host_id

# A host has at most one interface on each network.
INTERFACE_NETWORKS = sa.Table(
    "interface_networks", METADATA, *columns(), host_id(),
    sa.Column("interface_id", sa.Integer, sa.ForeignKey("interfaces.id", ondelete="CASCADE"), nullable=False,
              index=True),
    sa.Column("network_id", sa.Integer, sa.ForeignKey("networks.id", ondelete="CASCADE"), nullable=False),
    sa.UniqueConstraint("forihostid", "network_id"))
