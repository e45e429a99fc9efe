# SPDX-License-Identifier: Apache-2.0
"""``i_node``: NUMA nodes."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns
from sysinv.db.schema import METADATA, host_id

I_NODE = sa.Table(
    "i_node", METADATA, *columns(), sa.Column("numa_node", sa.Integer, nullable=False),
    sa.Column("capabilities", Json, nullable=False, default=dict), host_id(),
    sa.UniqueConstraint("numa_node", "forihostid"))
