# SPDX-License-Identifier: Apache-2.0
"""Sensors of hosts and their groups."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flock.db import UtcTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

LIMITS = ("t_critical_lower", "t_major_lower", "t_minor_lower", "t_minor_upper", "t_major_upper", "t_critical_upper")


def upgrade() -> None:
    op.create_table(
        "i_sensorgroups", *_columns(), *_words("sensorgroupname", 64), *_words("sensortype", 32),
        *_words("unit_base", 32), *_words("state", 32),
        sa.Column("audit_interval_group", sa.Integer(), nullable=False),
        *_words("actions_minor_group", 16), *_words("actions_major_group", 16), *_words("actions_critical_group", 16),
        sa.Column("suppress", sa.Boolean(), nullable=False), *_keys("i_sensorgroups", "sensorgroupname"),
        sqlite_autoincrement=True)
    op.create_index("ix_i_sensorgroups_host_id", "i_sensorgroups", ["host_id"])
    op.create_table(
        "i_sensors", *_columns(), sa.Column("sensorgroup_id", sa.Integer(), nullable=False),
        *_words("sensorname", 64), *_words("sensortype", 32), *_words("unit_base", 32), *_words("status", 32),
        *_words("state", 32), *(sa.Column(name, sa.String(32), nullable=True) for name in ("value", *LIMITS)),
        sa.Column("suppress", sa.Boolean(), nullable=False), *_keys("i_sensors", "sensorname"),
        sa.ForeignKeyConstraint(["sensorgroup_id"], ["i_sensorgroups.id"], name="fk_i_sensors_sensorgroup_id",
                                ondelete="CASCADE"), sqlite_autoincrement=True)
    op.create_index("ix_i_sensors_host_id", "i_sensors", ["host_id"])
    op.create_index("ix_i_sensors_sensorgroup_id", "i_sensors", ["sensorgroup_id"])


def downgrade() -> None:
    op.drop_table("i_sensors")
    op.drop_table("i_sensorgroups")


def _columns() -> list[sa.Column[object]]:
    return [sa.Column("id", sa.Integer(), nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
            sa.Column("created_at", UtcTime, nullable=False), sa.Column("updated_at", UtcTime, nullable=True),
            sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
            sa.Column("host_id", sa.Integer(), nullable=False)]


def _words(name: str, length: int) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.String(length), nullable=False)]


def _keys(table: str, name: str) -> list[sa.schema.SchemaItem]:
    return [sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
            sa.UniqueConstraint("uuid", name=f"uniq_{table}0uuid"),
            sa.UniqueConstraint("host_id", name, name=f"uniq_{table}0host_id0{name}"),
            sa.ForeignKeyConstraint(["host_id"], ["i_host.id"], name=f"fk_{table}_host_id", ondelete="CASCADE")]
