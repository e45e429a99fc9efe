# SPDX-License-Identifier: Apache-2.0
"""The share of one host in a table whose rows name the host that caused them in ``sender`` (NULL: no host)."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def counts(conn: Connection, table: sa.Table) -> tuple[dict[str, int], int]:
    """The number of rows of each host, and of all rows."""
    rows = conn.execute(sa.select(table.c.sender, sa.func.count()).group_by(table.c.sender)).all()
    return {sender: number for sender, number in rows if sender is not None}, sum(number for _, number in rows)


def prune(conn: Connection, table: sa.Table, order: sa.Column[Any], most: int, of_hosts: Mapping[str, int]) -> int:
    """Delete the oldest rows by ``order`` of each of ``of_hosts`` that has more than ``most``; returns how many rows.

    Rows of one host with an equal ``order`` go together, so that a host may keep a few rows less.
    """
    sender = table.c.sender
    deleted = 0
    for name in (name for name, number in of_hosts.items() if number > most):
        newest = sa.select(order).where(sender == name).order_by(order.desc()).limit(1).offset(most)
        boundary = conn.execute(newest).scalar_one_or_none()
        if boundary is not None:
            deleted += int(conn.execute(sa.delete(table).where(sender == name, order <= boundary)).rowcount)
    return deleted
