# SPDX-License-Identifier: Apache-2.0
"""The share of one host in a table whose rows name the host that caused them in ``sender`` (NULL: no host)."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def prune(conn: Connection, table: sa.Table, order: sa.Column[Any], most: int) -> int:
    """Delete the oldest rows by ``order`` of each host that has more than ``most``; returns how many rows.

    Rows of one host with an equal ``order`` go together, so that a host may keep a few rows less.
    """
    sender = table.c.sender
    over = conn.execute(sa.select(sender).where(sender.is_not(None)).group_by(sender).having(
        sa.func.count() > most)).scalars().all()
    deleted = 0
    for name in over:
        newest = sa.select(order).where(sender == name).order_by(order.desc()).limit(1).offset(most)
        boundary = conn.execute(newest).scalar_one_or_none()
        if boundary is not None:
            deleted += int(conn.execute(sa.delete(table).where(sender == name, order <= boundary)).rowcount)
    return deleted
