# SPDX-License-Identifier: Apache-2.0
"""Rows of ``ceph_mon``."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import compare_and_set
from sysinv.contract.enums import BackendState
from sysinv.db.lookup import Row
from sysinv.resources.cephmon.table import CEPH_MON
from sysinv.resources.host.table import I_HOST

QUERY = (
    sa.select(CEPH_MON, I_HOST.c.uuid.label("ihost_uuid"), I_HOST.c.hostname,
              CEPH_MON.c.device_path.label("device_node"), CEPH_MON.c.device_path.label("ceph_mon_dev"))
    .join(I_HOST, I_HOST.c.id == CEPH_MON.c.forihostid))


def of_host(conn: Connection, host_id: int) -> Row | None:
    """Return the monitor of a host; None when it has none."""
    row = conn.execute(QUERY.where(CEPH_MON.c.forihostid == host_id)).mappings().first()
    return None if row is None else dict(row)


def all_rows(conn: Connection) -> list[Row]:
    """Return all monitors, oldest first."""
    return [dict(row) for row in conn.execute(QUERY.order_by(CEPH_MON.c.id)).mappings()]


def insert(conn: Connection, host_id: int, gib: int, state: BackendState, task: str | None = None) -> int:
    """Add a monitor and return its id; DuplicateEntry when the host has one."""
    done = conn.execute(sa.insert(CEPH_MON).values(forihostid=host_id, ceph_mon_gib=gib, state=state.value, task=task))
    return int(done.inserted_primary_key[0])  # type: ignore[index]


def write(conn: Connection, row: Row, values: Mapping[str, Any]) -> None:
    """Change a monitor that was read in this transaction; StaleWrite when another request changed it first."""
    compare_and_set(conn, CEPH_MON, row["id"], row["revision"], values)


def delete(conn: Connection, row_id: int) -> None:
    """Remove one monitor."""
    conn.execute(sa.delete(CEPH_MON).where(CEPH_MON.c.id == row_id))


def delete_all(conn: Connection) -> None:
    """Remove the monitors of a cluster that is given up."""
    conn.execute(sa.delete(CEPH_MON))
