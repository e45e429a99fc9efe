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
from sysinv.resources.cephmon.rules import MonitorView
from sysinv.resources.cephmon.table import CEPH_MON
from sysinv.resources.host import store as hosts
from sysinv.resources.host.table import I_HOST
from sysinv.resources.volumegroup.rules import PLATFORM_GROUP
from sysinv.resources.volumegroup.table import I_LVG

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


def views(conn: Connection) -> list[MonitorView]:
    """Return what the rules need of all monitors, oldest first."""
    query = (sa.select(CEPH_MON, I_HOST.c.hostname, I_HOST.c.uuid.label("ihost_uuid"), I_HOST.c.personality,
                       I_LVG.c.lvm_vg_avail_size)
             .join(I_HOST, I_HOST.c.id == CEPH_MON.c.forihostid)
             .outerjoin(I_LVG, sa.and_(I_LVG.c.forihostid == I_HOST.c.id, I_LVG.c.lvm_vg_name == PLATFORM_GROUP)))
    return [MonitorView(row.hostname or row.ihost_uuid, row.personality or "", row.ceph_mon_gib,
                        BackendState(row.state), row.lvm_vg_avail_size)
            for row in conn.execute(query.order_by(CEPH_MON.c.id))]


def addresses(conn: Connection) -> dict[str, str]:
    """Return the management addresses of the hosts with monitors, by hostname; without hosts that have none."""
    query = hosts.QUERY.where(I_HOST.c.id.in_(sa.select(CEPH_MON.c.forihostid))).order_by(I_HOST.c.id)
    return {row["hostname"]: row["mgmt_ip"] for row in conn.execute(query).mappings() if row["mgmt_ip"]}


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
