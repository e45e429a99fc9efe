# SPDX-License-Identifier: Apache-2.0
"""Rows of ``i_imemory``."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.db.lookup import Row
from sysinv.resources.host.table import I_HOST
from sysinv.resources.memory.checks import NodeMemory
from sysinv.resources.memory.table import I_IMEMORY
from sysinv.resources.node.table import I_NODE

QUERY = (
    sa.select(I_IMEMORY, I_NODE.c.numa_node, I_HOST.c.uuid.label("ihost_uuid"), I_NODE.c.uuid.label("inode_uuid"))
    .join(I_HOST, I_HOST.c.id == I_IMEMORY.c.forihostid).join(I_NODE, I_NODE.c.id == I_IMEMORY.c.forinodeid))


def rows_of_host(conn: Connection, host_id: int) -> dict[int, Row]:
    """Return stored rows by NUMA node number."""
    rows = conn.execute(QUERY.where(I_IMEMORY.c.forihostid == host_id).order_by(I_NODE.c.numa_node)).mappings()
    return {row["numa_node"]: dict(row) for row in rows}


def nodes_of_host(conn: Connection, host_id: int) -> tuple[NodeMemory, ...]:
    """Return the nodes' memory for the checks of an unlock."""
    return tuple(NodeMemory(
        numa_node=node, node_memtotal_mib=row["node_memtotal_mib"], platform_reserved_mib=row["platform_reserved_mib"],
        vswitch_mib=(row["vswitch_hugepages_reqd"] or row["vswitch_hugepages_nr"]) * row["vswitch_hugepages_size_mib"],
        pending_2m=row["vm_hugepages_nr_2M_pending"], pending_1g=row["vm_hugepages_nr_1G_pending"])
        for node, row in rows_of_host(conn, host_id).items())


def write(conn: Connection, host_id: int, node_id: int, values: Mapping[str, Any], known: Row | None) -> None:
    """Insert the node's row, or update its changed columns."""
    if known is None:
        conn.execute(sa.insert(I_IMEMORY).values(forihostid=host_id, forinodeid=node_id, capabilities={}, **values))
        return
    update(conn, known, {name: value for name, value in values.items() if known[name] != value})


def update(conn: Connection, known: Row, changed: Mapping[str, Any]) -> None:
    """Write columns of a row; the caller holds the host's lock."""
    if changed:
        conn.execute(sa.update(I_IMEMORY).where(I_IMEMORY.c.id == known["id"]).values(**changed))
