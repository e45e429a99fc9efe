# SPDX-License-Identifier: Apache-2.0
"""Rows of ``ports``."""
from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.db import reported as rows
from sysinv.db.lookup import Row
from sysinv.db.reported import Change
from sysinv.resources.host.table import I_HOST
from sysinv.resources.interface.table import INTERFACES
from sysinv.resources.node.table import I_NODE
from sysinv.resources.port.table import PORTS

HOST = PORTS.c.host_id
QUERY = (
    sa.select(PORTS, I_HOST.c.uuid.label("host_uuid"), I_NODE.c.uuid.label("node_uuid"),
              INTERFACES.c.uuid.label("interface_uuid"))
    .join(I_HOST, I_HOST.c.id == PORTS.c.host_id).outerjoin(I_NODE, I_NODE.c.id == PORTS.c.node_id)
    .outerjoin(INTERFACES, INTERFACES.c.id == PORTS.c.interface_id))


def apply(conn: Connection, owner: Row, change: Change) -> None:
    """Write a change of the host ``owner``."""
    for row_id, values in change.update.items():
        if "pciaddr" in values:
            # Two cards may have exchanged slots: all moving ports release their slots first.
            conn.execute(sa.update(PORTS).where(PORTS.c.id == row_id).values(pciaddr=f"moving:{row_id}"))
    rows.apply(conn, HOST, owner, change)


def ids_by_name(conn: Connection, host_id: int) -> dict[str, int]:
    """Return the row ids of the host's ports by name; of two with one name the older one."""
    query = sa.select(PORTS.c.name, PORTS.c.id).where(PORTS.c.host_id == host_id).order_by(PORTS.c.id.desc())
    return {row.name: row.id for row in conn.execute(query)}
