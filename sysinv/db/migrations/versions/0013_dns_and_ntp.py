# SPDX-License-Identifier: Apache-2.0
"""The DNS and NTP servers of the system, with their rows."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flock.db import UtcTime, new_uuid, utcnow

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = (("i_dns", "nameservers", 255), ("i_ntp", "ntpservers", 767))


def upgrade() -> None:
    for name, column, length in TABLES:
        table = op.create_table(
            name, sa.Column("id", sa.Integer, nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
            sa.Column("created_at", UtcTime, nullable=False), sa.Column("updated_at", UtcTime),
            sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
            sa.Column(column, sa.String(length), nullable=False), sa.Column("isystem_id", sa.Integer, nullable=False),
            sa.PrimaryKeyConstraint("id", name=f"pk_{name}"), sa.UniqueConstraint("uuid", name=f"uniq_{name}0uuid"),
            sa.UniqueConstraint("isystem_id", name=f"uniq_{name}0isystem_id"),
            sa.ForeignKeyConstraint(["isystem_id"], ["i_system.id"], ondelete="CASCADE",
                                    name=f"fk_{name}_isystem_id"), sqlite_autoincrement=True)
        for system_id in op.get_bind().execute(sa.text("SELECT id FROM i_system")).scalars().all():
            op.bulk_insert(table, [{"uuid": new_uuid(), "created_at": utcnow(), column: "", "isystem_id": system_id}])


def downgrade() -> None:
    for name, _, _ in TABLES:
        op.drop_table(name)
