# SPDX-License-Identifier: Apache-2.0
"""Deleted hosts are remembered for a while."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deleted_host",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_deleted_host"))
    op.create_index("ix_deleted_host_at", "deleted_host", ["at"])


def downgrade() -> None:
    op.drop_table("deleted_host")
