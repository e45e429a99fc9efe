# SPDX-License-Identifier: Apache-2.0
"""``i_sensors``: the sensors of hosts. Readings and limits are text, as the wire has them."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns, revision_column
from sysinv.db.schema import METADATA, host_id, text

LIMITS = ("t_critical_lower", "t_major_lower", "t_minor_lower", "t_minor_upper", "t_major_upper", "t_critical_upper")

I_SENSORS = sa.Table(
    "i_sensors", METADATA, *columns(), revision_column(), host_id("host_id"),
    sa.Column("sensorgroup_id", sa.Integer, sa.ForeignKey("i_sensorgroups.id", ondelete="CASCADE"), nullable=False,
              index=True),
    text("sensorname", 64, nullable=False), text("sensortype", 32, nullable=False),
    text("unit_base", 32, nullable=False), text("status", 32, nullable=False), text("state", 32, nullable=False),
    text("value", 32), *(text(name, 32) for name in LIMITS),
    sa.Column("suppress", sa.Boolean, nullable=False, default=False),
    sa.UniqueConstraint("host_id", "sensorname"))
