# SPDX-License-Identifier: Apache-2.0
"""``addresses``: assigned and fixed addresses."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns
from sysinv.db.schema import METADATA, text

# ``name`` identifies an address; ``forihostid`` assigns it to a host.
ADDRESSES = sa.Table(
    "addresses", METADATA, *columns(), text("name", 300), text("address", 45, nullable=False),
    sa.Column("prefix", sa.Integer, nullable=False), sa.Column("enable_dad", sa.Boolean, nullable=False, default=False),
    # Of an address that an operator added; one from a pool lies on the interface that carries its network.
    sa.Column("interface_id", sa.Integer, sa.ForeignKey("interfaces.id", ondelete="CASCADE"), index=True),
    sa.Column("address_pool_id", sa.Integer, sa.ForeignKey("address_pools.id", ondelete="RESTRICT")),
    sa.Column("forihostid", sa.Integer, sa.ForeignKey("i_host.id", ondelete="CASCADE"), index=True),
    sa.UniqueConstraint("name"), sa.UniqueConstraint("address", "address_pool_id"),
    sa.UniqueConstraint("address", "prefix", "interface_id"))
