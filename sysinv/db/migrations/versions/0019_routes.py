# SPDX-License-Identifier: Apache-2.0
"""Static routes over the interfaces of hosts."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flock.db import UtcTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "routes", sa.Column("id", sa.Integer(), nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False), sa.Column("updated_at", UtcTime, nullable=True),
        sa.Column("network", sa.String(45), nullable=False), sa.Column("prefix", sa.Integer(), nullable=False),
        sa.Column("gateway", sa.String(45), nullable=False), sa.Column("metric", sa.Integer(), nullable=False),
        sa.Column("interface_id", sa.Integer(), nullable=False), sa.PrimaryKeyConstraint("id", name="pk_routes"),
        sa.UniqueConstraint("uuid", name="uniq_routes0uuid"),
        sa.UniqueConstraint("network", "prefix", "gateway", "interface_id",
                            name="uniq_routes0network0prefix0gateway0interface_id"),
        sa.ForeignKeyConstraint(["interface_id"], ["interfaces.id"], name="fk_routes_interface_id",
                                ondelete="CASCADE"),
        sqlite_autoincrement=True)
    op.create_index("ix_routes_interface_id", "routes", ["interface_id"])


def downgrade() -> None:
    op.drop_table("routes")
