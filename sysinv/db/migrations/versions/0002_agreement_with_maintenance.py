# SPDX-License-Identifier: Apache-2.0
"""Agreement with mtce, the last error of a host, the last attempt of a step; ids are not assigned again."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("address_pools", "i_system", "operations", "address_pool_ranges", "i_host", "networks", "addresses",
          "i_idisk", "i_node", "network_addresspools", "pci_devices", "i_icpu", "i_imemory", "ports")
HOST_COLUMNS = ("mtce_action", "maintenance_revision", "action_text", "last_error", "last_error_at")


def upgrade() -> None:
    op.add_column("operations", sa.Column("last_try", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("i_host", sa.Column("mtce_action", sa.String(32), nullable=True))
    op.add_column("i_host", sa.Column("maintenance_revision", sa.Integer(), server_default="1", nullable=False))
    op.add_column("i_host", sa.Column("action_text", sa.String(64), nullable=True))
    op.add_column("i_host", sa.Column("last_error", sa.String(255), nullable=True))
    op.add_column("i_host", sa.Column("last_error_at", sa.DateTime(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        for name in TABLES:
            # Without this option, SQLite assigns the highest id again after its row was deleted.
            with op.batch_alter_table(name, recreate="always", table_kwargs={"sqlite_autoincrement": True}):
                pass


def downgrade() -> None:
    with op.batch_alter_table("i_host") as host:
        for name in HOST_COLUMNS:
            host.drop_column(name)
    with op.batch_alter_table("operations") as operations:
        operations.drop_column("last_try")
