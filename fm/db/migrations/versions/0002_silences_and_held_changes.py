# SPDX-License-Identifier: Apache-2.0
"""Tables for silences, held changes and flap states; last refresh and time to live of alarms."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("alarm") as alarm:
        alarm.add_column(sa.Column("last_refreshed", sa.DateTime(), nullable=True))
        alarm.add_column(sa.Column("time_to_live_s", sa.Integer(), server_default="0", nullable=False))
        alarm.add_column(sa.Column("flapping", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE alarm SET last_refreshed = COALESCE(updated_at, created_at)")
    with op.batch_alter_table("alarm") as alarm:
        alarm.alter_column("last_refreshed", existing_type=sa.DateTime(), nullable=False)
    op.create_table(
        "silence", *_columns(),
        sa.Column("alarm_id", sa.String(15), nullable=True),
        sa.Column("entity_instance_id", _exact(), nullable=True),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_silence"),
        sa.UniqueConstraint("uuid", name="uniq_silence0uuid"))
    op.create_index("ix_silence_expires_at", "silence", ["expires_at"])
    _by_pair("held_change", sa.Column("kind", sa.String(15), nullable=False),
             sa.Column("due_at", sa.DateTime(), nullable=False), sa.Column("fault", sa.Text(), nullable=True))
    op.create_index("ix_held_change_due_at", "held_change", ["due_at"])
    _by_pair("flap_state", sa.Column("changes", sa.Text(), nullable=False),
             sa.Column("flapping", sa.Boolean(), nullable=False), sa.Column("quiet_at", sa.DateTime(), nullable=False))
    op.create_index("ix_flap_state_quiet_at", "flap_state", ["quiet_at"])


def downgrade() -> None:
    for table in ("flap_state", "held_change", "silence"):
        op.drop_table(table)
    with op.batch_alter_table("alarm") as alarm:
        for column in ("flapping", "time_to_live_s", "last_refreshed"):
            alarm.drop_column(column)


def _by_pair(name: str, *own: sa.Column[object]) -> None:
    op.create_table(
        name, *_columns(),
        sa.Column("alarm_id", sa.String(15), nullable=False),
        sa.Column("entity_instance_id", _exact(), nullable=False),
        *own,
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        sa.UniqueConstraint("alarm_id", "entity_instance_id", name=f"uniq_{name}0alarm_id0entity_instance_id"),
        sa.UniqueConstraint("uuid", name=f"uniq_{name}0uuid"))
    op.create_index(f"ix_{name}_entity_instance_id", name, ["entity_instance_id"])


def _columns() -> list[sa.Column[object]]:
    return [sa.Column("id", sa.Integer(), nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
            sa.Column("created_at", sa.DateTime(), nullable=False),
            sa.Column("updated_at", sa.DateTime(), nullable=True)]


def _exact() -> sa.types.TypeEngine[str]:
    return sa.String(255).with_variant(
        mysql.VARCHAR(255, collation="utf8mb4_bin"), "mysql", "mariadb").with_variant(
        postgresql.VARCHAR(255, collation="C"), "postgresql")
