# SPDX-License-Identifier: Apache-2.0
"""The platform user's password, the remote log server and DRBD's settings, with their rows."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from flock.db import UtcTime, new_uuid, utcnow

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _settings("i_user", [
        sa.Column("root_sig", sa.String(64)), sa.Column("passwd_hash", sa.String(255)),
        sa.Column("passwd_expiry_days", sa.Integer), sa.Column("passwd_last_change", sa.Integer)], {})
    _settings("remotelogging", [
        sa.Column("ip_address", sa.String(50)), sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("transport", sa.String(16), nullable=False), sa.Column("port", sa.Integer, nullable=False),
        sa.Column("key_file", sa.String(255))], {"enabled": False, "transport": "udp", "port": 514})
    _settings("drbdconfig", [
        sa.Column("link_util", sa.Integer, nullable=False), sa.Column("num_parallel", sa.Integer, nullable=False),
        sa.Column("rtt_ms", sa.Float, nullable=False)], {"link_util": 40, "num_parallel": 1, "rtt_ms": 0.2})


def downgrade() -> None:
    for name in ("drbdconfig", "remotelogging", "i_user"):
        op.drop_table(name)


def _settings(name: str, settings: list[sa.Column[Any]], values: dict[str, Any]) -> None:
    table = op.create_table(
        name, sa.Column("id", sa.Integer, nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False), sa.Column("updated_at", UtcTime),
        sa.Column("revision", sa.Integer, nullable=False, server_default="0"), *settings,
        sa.Column("isystem_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"), sa.UniqueConstraint("uuid", name=f"uniq_{name}0uuid"),
        sa.UniqueConstraint("isystem_id", name=f"uniq_{name}0isystem_id"),
        sa.ForeignKeyConstraint(["isystem_id"], ["i_system.id"], ondelete="CASCADE", name=f"fk_{name}_isystem_id"),
        sqlite_autoincrement=True)
    for system_id in op.get_bind().execute(sa.text("SELECT id FROM i_system")).scalars().all():
        op.bulk_insert(table, [{"uuid": new_uuid(), "created_at": utcnow(), "isystem_id": system_id, **values}])
