# SPDX-License-Identifier: Apache-2.0
"""The machines of deleted hosts."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flock.db import Json, UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "departed_hosts",
        sa.Column("mgmt_mac", sa.String(17), nullable=False), sa.Column("hostname", sa.String(255), nullable=False),
        sa.Column("macs", Json, nullable=False), sa.Column("deleted_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("mgmt_mac", name="pk_departed_hosts"))
    op.create_index("ix_departed_hosts_deleted_at", "departed_hosts", ["deleted_at"])


def downgrade() -> None:
    op.drop_table("departed_hosts")
