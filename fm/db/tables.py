# SPDX-License-Identifier: Apache-2.0
"""Tables of fm. Event ids only increase; a pair of alarm id and entity is active at most once.

``held_change``: raises and clears that are held until ``due_at``; the uuid of a row is the uuid of its alarm.
``flap_state``: recent changes of pairs whose alarm id is watched for flapping.
"""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from flock.db import Json, UtcTime, columns, metadata
from flock.db.outbox import outbox_table
from fm.contract.limits import (
    ALARM_ID_MAX,
    ENTITY_MAX,
    HOSTNAME_MAX,
    REQUEST_ID_MAX,
    SEVERITY_MAX,
    STATE_MAX,
    USER_MAX,
    WORD_MAX,
)

METADATA = metadata()


def _exact(length: int) -> sa.types.TypeEngine[str]:
    """Text that every engine compares byte by byte."""
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb").with_variant(
        postgresql.VARCHAR(length, collation="C"), "postgresql")


def _fault_columns(type_name: str) -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("entity_type_id", sa.String(ENTITY_MAX), nullable=False),
        sa.Column("entity_instance_id", _exact(ENTITY_MAX), nullable=False, index=True),
        sa.Column("timestamp", UtcTime, nullable=False),
        sa.Column("severity", sa.String(SEVERITY_MAX), nullable=False),
        sa.Column("reason_text", sa.Text, nullable=False),
        sa.Column(type_name, sa.String(WORD_MAX), nullable=False),
        sa.Column("probable_cause", sa.String(WORD_MAX), nullable=False),
        sa.Column("proposed_repair_action", sa.Text, nullable=False),
        sa.Column("service_affecting", sa.Boolean, nullable=False),
        sa.Column("suppression", sa.Boolean, nullable=False),
    )


def _by_sender(order: str) -> tuple[sa.Column[Any], sa.Index]:
    """The host that caused a row, NULL for none, and the index by which its share is pruned."""
    named = sa.text("sender IS NOT NULL")
    return (sa.Column("sender", _exact(HOSTNAME_MAX), nullable=True),
            sa.Index(None, "sender", order, sqlite_where=named, postgresql_where=named))


EVENT_SUPPRESSION = sa.Table(
    "event_suppression", METADATA, *columns(),
    sa.Column("alarm_id", sa.String(ALARM_ID_MAX), nullable=False, unique=True),
    sa.Column("description", sa.String(255), nullable=False),
    sa.Column("suppression_status", sa.String(15), nullable=False),
    sa.Column("set_for_deletion", sa.Boolean, nullable=False),
    sa.Column("mgmt_affecting", sa.String(32), nullable=False),
    sa.Column("degrade_affecting", sa.String(32), nullable=False),
)

ALARM = sa.Table(
    "alarm", METADATA, *columns(),
    sa.Column("alarm_id", sa.String(ALARM_ID_MAX), sa.ForeignKey("event_suppression.alarm_id"), nullable=False),
    *_fault_columns("alarm_type"),
    sa.Column("inhibit_alarms", sa.Boolean, nullable=False, index=True),
    sa.Column("ack_user", sa.String(USER_MAX), nullable=False, server_default=""),
    sa.Column("ack_comment", sa.Text, nullable=False),
    sa.Column("ack_at", UtcTime, nullable=True),
    sa.Column("last_refreshed", UtcTime, nullable=False),
    sa.Column("time_to_live_s", sa.Integer, nullable=False, server_default="0"),
    sa.Column("flapping", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("alarm_id", "entity_instance_id"),
)

EVENT_LOG = sa.Table(
    "event_log", METADATA, *columns(),
    sa.Column("event_log_id", sa.String(ALARM_ID_MAX), nullable=False, index=True),
    sa.Column("state", sa.String(STATE_MAX), nullable=False),
    *_fault_columns("event_log_type"),
    sa.Index(None, "timestamp"),
    *_by_sender("id"),
    sqlite_autoincrement=True,
)

SILENCE = sa.Table(
    "silence", METADATA, *columns(),
    sa.Column("alarm_id", sa.String(ALARM_ID_MAX), nullable=True),
    sa.Column("entity_instance_id", _exact(ENTITY_MAX), nullable=True),
    sa.Column("expires_at", UtcTime, nullable=True, index=True),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("created_by", sa.String(USER_MAX), nullable=False),
)

HELD_CHANGE = sa.Table(
    "held_change", METADATA, *columns(),
    sa.Column("kind", sa.String(15), nullable=False),
    sa.Column("alarm_id", sa.String(ALARM_ID_MAX), nullable=False),
    sa.Column("entity_instance_id", _exact(ENTITY_MAX), nullable=False, index=True),
    sa.Column("due_at", UtcTime, nullable=False, index=True),
    sa.Column("fault", Json, nullable=True),
    sa.UniqueConstraint("alarm_id", "entity_instance_id"),
)

FLAP_STATE = sa.Table(
    "flap_state", METADATA, *columns(),
    sa.Column("alarm_id", sa.String(ALARM_ID_MAX), nullable=False),
    sa.Column("entity_instance_id", _exact(ENTITY_MAX), nullable=False, index=True),
    sa.Column("changes", Json, nullable=False),
    sa.Column("flapping", sa.Boolean, nullable=False),
    sa.Column("quiet_at", UtcTime, nullable=False, index=True),
    sa.UniqueConstraint("alarm_id", "entity_instance_id"),
)

APPLIED_REQUEST = sa.Table(
    "applied_request", METADATA,
    sa.Column("request_id", sa.String(REQUEST_ID_MAX), primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("applied_at", UtcTime, nullable=False, index=True),
    *_by_sender("applied_at"),
)

NOTIFICATION = outbox_table(METADATA, "notification")
