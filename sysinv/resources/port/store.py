# SPDX-License-Identifier: Apache-2.0
"""Rows of ``ports``."""
from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from sysinv.resources.host.table import I_HOST
from sysinv.resources.node.table import I_NODE
from sysinv.resources.port.intake import PortChange
from sysinv.resources.port.table import PORTS

QUERY = (
    sa.select(PORTS, I_HOST.c.uuid.label("host_uuid"), I_NODE.c.uuid.label("node_uuid"),
              sa.null().label("interface_uuid"))
    .join(I_HOST, I_HOST.c.id == PORTS.c.host_id).outerjoin(I_NODE, I_NODE.c.id == PORTS.c.node_id))


def of_host(conn: Connection, host_id: int) -> list[RowMapping]:
    """Return all ports of a host."""
    return list(conn.execute(sa.select(PORTS).where(PORTS.c.host_id == host_id)).mappings())


def apply(conn: Connection, host_id: int, change: PortChange) -> None:
    """Write a change; removes rows first, so that their slots are free for cards that moved."""
    if change.delete:
        conn.execute(sa.delete(PORTS).where(PORTS.c.id.in_(change.delete)))
    for row_id, values in change.update.items():
        if "pciaddr" in values:
            # Two cards may have exchanged slots: all moving ports release their slots first.
            conn.execute(sa.update(PORTS).where(PORTS.c.id == row_id).values(pciaddr=f"moving:{row_id}"))
    for row_id, values in change.update.items():
        conn.execute(sa.update(PORTS).where(PORTS.c.id == row_id).values(**values))
    for values in change.insert:
        conn.execute(sa.insert(PORTS).values(host_id=host_id, **values))
