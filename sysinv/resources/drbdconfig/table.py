# SPDX-License-Identifier: Apache-2.0
"""``drbdconfig``: one row for the system."""
from __future__ import annotations

import sqlalchemy as sa

from sysinv.db.single import single_table

DRBD_CONFIG = single_table(
    "drbdconfig", sa.Column("link_util", sa.Integer, nullable=False, default=40),
    sa.Column("num_parallel", sa.Integer, nullable=False, default=1),
    sa.Column("rtt_ms", sa.Float, nullable=False, default=0.2))
