# SPDX-License-Identifier: Apache-2.0
"""Queries of the stream: the range of stored events, and events by number (from the store of the event log)."""
from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fm.db.tables import EVENT_LOG
from fm.resources.event_log.store import after_id, newest_id

__all__ = ["after_id", "bounds", "newest_id"]


def bounds(conn: Connection) -> tuple[int | None, int]:
    """Numbers of the oldest and the newest stored event; None and 0 when there is none."""
    oldest, newest = conn.execute(sa.select(sa.func.min(EVENT_LOG.c.id), sa.func.max(EVENT_LOG.c.id))).one()
    return (None, 0) if oldest is None else (int(oldest), int(newest))
