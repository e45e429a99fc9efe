# SPDX-License-Identifier: Apache-2.0
"""Orders to hosts to change their configuration, and the data that hosts fetched and have."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flock.db import Json, UtcTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runtime_config",
        sa.Column("id", sa.Integer, nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False), sa.Column("updated_at", UtcTime),
        sa.Column("config_uuid", sa.String(36), nullable=False), sa.Column("forihostid", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(255), nullable=False), sa.Column("classes", Json, nullable=False),
        sa.Column("reboot_required", sa.Boolean, nullable=False), sa.Column("whole", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(16), nullable=False), sa.Column("error", sa.String(1024)),
        sa.Column("alarm_at", UtcTime, nullable=False),
        *(sa.Column(name, UtcTime) for name in ("fetched_at", "ran_at", "settled_at")),
        *(sa.Column(name, sa.Integer) for name in ("resources", "changed", "duration_ms")),
        sa.PrimaryKeyConstraint("id", name="pk_runtime_config"),
        sa.UniqueConstraint("uuid", name="uniq_runtime_config0uuid"),
        sa.UniqueConstraint("config_uuid", "forihostid", name="uniq_runtime_config0config_uuid0forihostid"),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], ondelete="CASCADE",
                                name="fk_runtime_config_forihostid"),
        sa.CheckConstraint("state IN ('pending', 'applied', 'failed', 'retried')", name="ck_runtime_config_state"),
        sqlite_autoincrement=True)
    op.create_index("ix_runtime_config_forihostid", "runtime_config", ["forihostid"])
    op.create_index("ix_runtime_config_state", "runtime_config", ["state"])
    op.create_table(
        "host_configurations", sa.Column("host_id", sa.Integer, nullable=False),
        sa.Column("fetched_data", Json, nullable=False), sa.Column("fetched_at", UtcTime, nullable=False),
        sa.Column("applied_data", Json, nullable=False), sa.Column("applied_at", UtcTime),
        sa.PrimaryKeyConstraint("host_id", name="pk_host_configurations"),
        sa.ForeignKeyConstraint(["host_id"], ["i_host.id"], ondelete="CASCADE",
                                name="fk_host_configurations_host_id"))


def downgrade() -> None:
    op.drop_table("host_configurations")
    op.drop_table("runtime_config")
