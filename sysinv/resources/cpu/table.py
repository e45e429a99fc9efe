# SPDX-License-Identifier: Apache-2.0
"""``i_icpu``: logical CPUs."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns
from sysinv.db.schema import METADATA, host_id, node_id, text

I_ICPU = sa.Table(
    "i_icpu", METADATA, *columns(), sa.Column("cpu", sa.Integer, nullable=False),
    sa.Column("core", sa.Integer, nullable=False), sa.Column("thread", sa.Integer, nullable=False),
    sa.Column("socket", sa.Integer, nullable=False, default=0),
    text("cpu_family"), text("cpu_model"), text("allocated_function", 32, nullable=False),
    sa.Column("capabilities", Json, nullable=False, default=dict), host_id(), node_id(),
    sa.UniqueConstraint("cpu", "forihostid"))
