# SPDX-License-Identifier: Apache-2.0
"""Rows of ``i_node``; reports only add nodes."""
from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.resources.host.table import I_HOST
from sysinv.resources.node.table import I_NODE

QUERY = sa.select(I_NODE, I_HOST.c.uuid.label("ihost_uuid")).join(I_HOST, I_HOST.c.id == I_NODE.c.forihostid)


def ids_by_number(conn: Connection, host_id: int) -> dict[int, int]:
    """Return row ids by NUMA node number."""
    rows = conn.execute(sa.select(I_NODE.c.numa_node, I_NODE.c.id).where(I_NODE.c.forihostid == host_id))
    return {row.numa_node: row.id for row in rows}


def ensure(conn: Connection, host_id: int, numbers: Iterable[int]) -> dict[int, int]:
    """Add missing nodes; returns the row ids of all nodes by number."""
    known = ids_by_number(conn, host_id)
    missing = sorted(set(numbers) - set(known))
    for number in missing:
        conn.execute(sa.insert(I_NODE).values(
            numa_node=number, forihostid=host_id, capabilities={"is_active": True}))
    return ids_by_number(conn, host_id) if missing else known
