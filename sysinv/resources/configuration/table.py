# SPDX-License-Identifier: Apache-2.0
"""``runtime_config``: one order for one host. ``host_configurations``: the data that a host fetched and has."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, UtcTime, columns
from sysinv.config.model import OrderState
from sysinv.db.schema import METADATA, host_id, text

_STATES = ", ".join(f"'{state}'" for state in OrderState)

RUNTIME_CONFIG = sa.Table(
    "runtime_config", METADATA, *columns(), text("config_uuid", 36, nullable=False), host_id(),
    text("reason", nullable=False), sa.Column("classes", Json, nullable=False, default=list),
    sa.Column("reboot_required", sa.Boolean, nullable=False, default=False),
    sa.Column("whole", sa.Boolean, nullable=False, default=False),
    sa.Column("held", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    text("state", 16, nullable=False, default=OrderState.PENDING.value), text("error", 1024),
    sa.Column("alarm_at", UtcTime, nullable=False),
    sa.Column("fetched_at", UtcTime), sa.Column("ran_at", UtcTime), sa.Column("settled_at", UtcTime),
    sa.Column("resources", sa.Integer), sa.Column("changed", sa.Integer), sa.Column("duration_ms", sa.Integer),
    sa.UniqueConstraint("config_uuid", "forihostid"),
    sa.CheckConstraint(f"state IN ({_STATES})", name="state"), sa.Index(None, "state"))

# Neither column holds passwords or keys.
HOST_CONFIGURATIONS = sa.Table(
    "host_configurations", METADATA,
    sa.Column("host_id", sa.Integer, sa.ForeignKey("i_host.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("fetched_data", Json, nullable=False, default=dict), sa.Column("fetched_at", UtcTime, nullable=False),
    sa.Column("applied_data", Json, nullable=False, default=dict), sa.Column("applied_at", UtcTime))
