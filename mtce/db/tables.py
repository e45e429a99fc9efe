# SPDX-License-Identifier: Apache-2.0
"""mtce's tables: one row per host with its whole view, history, answered requests, messages to send."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, UtcTime, columns, metadata, revision_column
from flock.db.outbox import outbox_table

METADATA = metadata()

HOST = sa.Table(
    "host", METADATA, *columns(), revision_column(),
    sa.Column("hostname", sa.String(255), nullable=False, unique=True),
    sa.Column("administrative", sa.String(32), nullable=False),
    sa.Column("operational", sa.String(32), nullable=False),
    sa.Column("availability", sa.String(32), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("stage", sa.String(32), nullable=False),
    sa.Column("view", Json, nullable=False),
    sa.Column("record", Json, nullable=False),
)

HISTORY = sa.Table(
    "history", METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("host_uuid", sa.String(36), sa.ForeignKey("host.uuid", ondelete="CASCADE"), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("states", sa.String(64), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("stage", sa.String(32), nullable=False),
    sa.Column("task", sa.String(64), nullable=False),
    sa.Column("cause", sa.String(255), nullable=False),
    sa.Index("ix_history_host_uuid_id", "host_uuid", "id"),
    sqlite_autoincrement=True,
)

REQUEST = sa.Table(
    "request", METADATA,
    sa.Column("request_id", sa.String(64), primary_key=True),
    sa.Column("host_uuid", sa.String(36), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("status", sa.String(8), nullable=False),
    sa.Column("reason", sa.String(255), nullable=False),
    sa.Column("advice", sa.String(255), nullable=False),
    sa.Column("at", UtcTime, nullable=False, index=True),
)

# Keeps a record that was sent before the deletion of its host from adding the host again.
DELETED_HOST = sa.Table(
    "deleted_host", METADATA,
    sa.Column("uuid", sa.String(36), primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("at", UtcTime, nullable=False, index=True),
)

# The sensors of a host, by the host's uuid.
SENSOR_MODEL = sa.Table(
    "sensor_model", METADATA,
    sa.Column("uuid", sa.String(36), sa.ForeignKey("host.uuid", ondelete="CASCADE"), primary_key=True),
    revision_column(),
    sa.Column("model", Json, nullable=False),
)

OUTBOX = outbox_table(METADATA, "outbox")
