# SPDX-License-Identifier: Apache-2.0
"""The sensors of hosts."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sensor_model",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_sensor_model"),
        sa.ForeignKeyConstraint(["uuid"], ["host.uuid"], name="fk_sensor_model_uuid", ondelete="CASCADE"))


def downgrade() -> None:
    op.drop_table("sensor_model")
