# SPDX-License-Identifier: Apache-2.0
"""``datanetworks``: networks of the applications."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns, revision_column
from sysinv.db.schema import METADATA, text

DATANETWORKS = sa.Table(
    "datanetworks", METADATA, *columns(), revision_column(), text("network_type", 8, nullable=False),
    text("name", nullable=False), text("description"), sa.Column("mtu", sa.Integer, nullable=False, default=1500),
    # Only vxlan networks have these.
    text("multicast_group", 45), sa.Column("port_num", sa.Integer), sa.Column("ttl", sa.Integer), text("mode", 8),
    sa.UniqueConstraint("name"))
