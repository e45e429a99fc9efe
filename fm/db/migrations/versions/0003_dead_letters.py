# SPDX-License-Identifier: Apache-2.0
"""Dead letters stay in the table of notifications."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("notification") as notification:
        notification.add_column(sa.Column("dead_at", sa.DateTime(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM notification WHERE dead_at IS NOT NULL")
    with op.batch_alter_table("notification") as notification:
        notification.drop_column("dead_at")
