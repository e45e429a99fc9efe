# SPDX-License-Identifier: Apache-2.0
"""Alarms, events, suppression, applied requests and the outbox of notifications."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _event_suppression()
    _alarm()
    _event_log()
    op.create_table(
        "applied_request",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("applied_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_applied_request"))
    op.create_index("ix_applied_request_applied_at", "applied_request", ["applied_at"])
    op.create_table(
        "notification",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", sa.DateTime(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=True),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("last_error", sa.String(255), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notification"),
        sqlite_autoincrement=True)
    op.create_index("ix_notification_key_id", "notification", ["key", "id"])


def downgrade() -> None:
    for table in ("notification", "applied_request", "event_log", "alarm", "event_suppression"):
        op.drop_table(table)


def _event_suppression() -> None:
    op.create_table(
        "event_suppression", *_columns(),
        sa.Column("alarm_id", sa.String(15), nullable=False),
        sa.Column("description", sa.String(255), nullable=False),
        sa.Column("suppression_status", sa.String(15), nullable=False),
        sa.Column("set_for_deletion", sa.Boolean(), nullable=False),
        sa.Column("mgmt_affecting", sa.String(32), nullable=False),
        sa.Column("degrade_affecting", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event_suppression"),
        sa.UniqueConstraint("alarm_id", name="uniq_event_suppression0alarm_id"),
        sa.UniqueConstraint("uuid", name="uniq_event_suppression0uuid"))


def _alarm() -> None:
    op.create_table(
        "alarm", *_columns(),
        sa.Column("alarm_id", sa.String(15), nullable=False),
        *_fault_columns("alarm_type"),
        sa.Column("inhibit_alarms", sa.Boolean(), nullable=False),
        sa.Column("ack_user", sa.String(255), server_default="", nullable=False),
        sa.Column("ack_comment", sa.Text(), nullable=False),
        sa.Column("ack_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["alarm_id"], ["event_suppression.alarm_id"], name="fk_alarm_alarm_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alarm"),
        sa.UniqueConstraint("alarm_id", "entity_instance_id", name="uniq_alarm0alarm_id0entity_instance_id"),
        sa.UniqueConstraint("uuid", name="uniq_alarm0uuid"))
    op.create_index("ix_alarm_entity_instance_id", "alarm", ["entity_instance_id"])
    op.create_index("ix_alarm_inhibit_alarms", "alarm", ["inhibit_alarms"])


def _event_log() -> None:
    op.create_table(
        "event_log", *_columns(),
        sa.Column("event_log_id", sa.String(15), nullable=False),
        sa.Column("state", sa.String(15), nullable=False),
        *_fault_columns("event_log_type"),
        sa.PrimaryKeyConstraint("id", name="pk_event_log"),
        sa.UniqueConstraint("uuid", name="uniq_event_log0uuid"),
        sqlite_autoincrement=True)
    op.create_index("ix_event_log_event_log_id", "event_log", ["event_log_id"])
    op.create_index("ix_event_log_entity_instance_id", "event_log", ["entity_instance_id"])
    op.create_index("ix_event_log_timestamp", "event_log", ["timestamp"])


def _columns() -> list[sa.Column[object]]:
    return [sa.Column("id", sa.Integer(), nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
            sa.Column("created_at", sa.DateTime(), nullable=False),
            sa.Column("updated_at", sa.DateTime(), nullable=True)]


def _fault_columns(type_name: str) -> list[sa.Column[object]]:
    exact = sa.String(255).with_variant(
        mysql.VARCHAR(255, collation="utf8mb4_bin"), "mysql", "mariadb").with_variant(
        postgresql.VARCHAR(255, collation="C"), "postgresql")
    return [
        sa.Column("entity_type_id", sa.String(255), nullable=False),
        sa.Column("entity_instance_id", exact, nullable=False),
        sa.Column("timestamp", sa.DateTime(), nullable=False),
        sa.Column("severity", sa.String(32), nullable=False),
        sa.Column("reason_text", sa.Text(), nullable=False),
        sa.Column(type_name, sa.String(64), nullable=False),
        sa.Column("probable_cause", sa.String(64), nullable=False),
        sa.Column("proposed_repair_action", sa.Text(), nullable=False),
        sa.Column("service_affecting", sa.Boolean(), nullable=False),
        sa.Column("suppression", sa.Boolean(), nullable=False)]
