# SPDX-License-Identifier: Apache-2.0
"""Rows of ``i_idisk``."""
from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.resources.disk.intake import DiskChange, StoredDisk
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.host.table import I_HOST

QUERY = (
    sa.select(I_IDISK, I_HOST.c.uuid.label("ihost_uuid"), sa.null().label("istor_uuid"), sa.null().label("ipv_uuid"))
    .join(I_HOST, I_HOST.c.id == I_IDISK.c.forihostid))


def of_host(conn: Connection, host_id: int) -> list[StoredDisk]:
    """Return all disks of a host."""
    rows = conn.execute(sa.select(I_IDISK).where(I_IDISK.c.forihostid == host_id)).mappings()
    return [StoredDisk(id=row["id"], device_path=row["device_path"], values=dict(row),
                       used=row["foristorid"] is not None or row["foripvid"] is not None) for row in rows]


def apply(conn: Connection, host_id: int, change: DiskChange) -> None:
    """Write a change."""
    for values in change.insert:
        conn.execute(sa.insert(I_IDISK).values(forihostid=host_id, **values))
    for row_id, values in change.update.items():
        conn.execute(sa.update(I_IDISK).where(I_IDISK.c.id == row_id).values(**values))
    if change.delete:
        conn.execute(sa.delete(I_IDISK).where(I_IDISK.c.id.in_(change.delete)))
