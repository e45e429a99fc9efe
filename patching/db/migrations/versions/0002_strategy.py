# SPDX-License-Identifier: Apache-2.0
"""The strategy of the orchestrator."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flock.db import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "strategy",
        sa.Column("id", sa.Integer(), nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False), sa.Column("updated_at", UtcTime, nullable=True),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("only", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False), sa.Column("state", sa.String(32), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_strategy"),
        sa.UniqueConstraint("uuid", name="uniq_strategy0uuid"),
        sa.UniqueConstraint("only", name="uniq_strategy0only"))


def downgrade() -> None:
    op.drop_table("strategy")
