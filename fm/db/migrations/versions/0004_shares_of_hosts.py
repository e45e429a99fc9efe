# SPDX-License-Identifier: Apache-2.0
"""Events and outcomes of requests name the host that caused them. Older rows count for no host."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NAMED = sa.text("sender IS NOT NULL")
_ORDERS = {"event_log": "id", "applied_request": "applied_at"}


def upgrade() -> None:
    for table, order in _ORDERS.items():
        with op.batch_alter_table(table) as changed:
            changed.add_column(sa.Column("sender", _exact(), nullable=True))
        op.create_index(f"ix_{table}_sender_{order}", table, ["sender", order], sqlite_where=_NAMED,
                        postgresql_where=_NAMED)


def downgrade() -> None:
    for table, order in _ORDERS.items():
        op.drop_index(f"ix_{table}_sender_{order}", table)
        with op.batch_alter_table(table) as changed:
            changed.drop_column("sender")


def _exact() -> sa.types.TypeEngine[str]:
    return sa.String(255).with_variant(
        mysql.VARCHAR(255, collation="utf8mb4_bin"), "mysql", "mariadb").with_variant(
        postgresql.VARCHAR(255, collation="C"), "postgresql")
