# SPDX-License-Identifier: Apache-2.0
"""File systems of hosts."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flock.db import Json, UtcTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

STATES = ("Creating", "Creating (on unlock)", "Deleting", "Deleting (on unlock)", "In-Use", "Modifying", "Ready",
          "Reconfigure with App", "Error")


def upgrade() -> None:
    states = ", ".join(f"'{state}'" for state in STATES)
    op.create_table(
        "host_fs", *_columns(), sa.Column("name", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False), sa.Column("logical_volume", sa.String(64), nullable=False),
        sa.Column("state", sa.String(32), nullable=False), sa.Column("error", sa.String(255)),
        sa.Column("capabilities", Json(), nullable=False), sa.Column("present_mib", sa.Integer()),
        sa.Column("free_mib", sa.Integer()), sa.Column("mounted", sa.Boolean()),
        sa.Column("forihostid", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_host_fs"), sa.UniqueConstraint("uuid", name="uniq_host_fs0uuid"),
        sa.UniqueConstraint("name", "forihostid", name="uniq_host_fs0name0forihostid"),
        sa.CheckConstraint(f"state IN ({states})", name="ck_host_fs_state"),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], name="fk_host_fs_forihostid", ondelete="CASCADE"),
        sqlite_autoincrement=True)
    op.create_index("ix_host_fs_forihostid", "host_fs", ["forihostid"])


def downgrade() -> None:
    op.drop_table("host_fs")


def _columns() -> list[sa.Column[object]]:
    return [sa.Column("id", sa.Integer(), nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
            sa.Column("created_at", UtcTime, nullable=False), sa.Column("updated_at", UtcTime, nullable=True),
            sa.Column("revision", sa.Integer(), server_default="0", nullable=False)]
