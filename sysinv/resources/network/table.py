# SPDX-License-Identifier: Apache-2.0
"""``networks`` and their ``address_pools``."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns, revision_column
from sysinv.db.schema import METADATA, text

ADDRESS_POOLS = sa.Table(
    "address_pools", METADATA, *columns(), revision_column(), text("name", 128, nullable=False),
    text("network", 45, nullable=False), sa.Column("prefix", sa.Integer, nullable=False),
    sa.Column("family", sa.Integer, nullable=False), text("order", 16, nullable=False, default="random"),
    text("floating_address", 45), text("controller0_address", 45), text("controller1_address", 45),
    text("gateway_address", 45), sa.UniqueConstraint("name"))

ADDRESS_POOL_RANGES = sa.Table(
    "address_pool_ranges", METADATA, *columns(), text("start", 45, nullable=False), text("end", 45, nullable=False),
    sa.Column("address_pool_id", sa.Integer, sa.ForeignKey("address_pools.id", ondelete="CASCADE"), nullable=False))

NETWORKS = sa.Table(
    "networks", METADATA, *columns(), text("type", 32, nullable=False), text("name", 128, nullable=False),
    sa.Column("dynamic", sa.Boolean, nullable=False, default=True),
    text("primary_pool_family", 8, nullable=False, default="IPv4"),
    sa.Column("address_pool_id", sa.Integer, sa.ForeignKey("address_pools.id", ondelete="RESTRICT")),
    sa.UniqueConstraint("name"), sa.UniqueConstraint("type"))

NETWORK_ADDRESSPOOLS = sa.Table(
    "network_addresspools", METADATA, *columns(),
    sa.Column("network_id", sa.Integer, sa.ForeignKey("networks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("address_pool_id", sa.Integer, sa.ForeignKey("address_pools.id", ondelete="CASCADE"), nullable=False),
    sa.UniqueConstraint("network_id", "address_pool_id"))
