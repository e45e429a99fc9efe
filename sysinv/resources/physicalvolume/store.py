# SPDX-License-Identifier: Apache-2.0
"""Rows of ``i_pv``."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import compare_and_set
from sysinv.contract.enums import VolumeState
from sysinv.db.lookup import Row
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.host.table import I_HOST
from sysinv.resources.partition.table import PARTITION
from sysinv.resources.physicalvolume.intake import Holder
from sysinv.resources.physicalvolume.table import I_PV
from sysinv.resources.volumegroup.table import I_LVG

# The disk of a volume is its holder, or that of the partition which is its holder.
_DISK = sa.func.coalesce(I_PV.c.idisk_id, PARTITION.c.idisk_id)


def _of_holder(name: str) -> sa.ColumnElement[Any]:
    return sa.case((I_PV.c.partition_id.is_(None), I_IDISK.c[name]), else_=PARTITION.c[name])


QUERY = (
    sa.select(I_PV, I_HOST.c.uuid.label("ihost_uuid"), I_LVG.c.uuid.label("ilvg_uuid"), I_LVG.c.lvm_vg_name,
              sa.case((I_PV.c.partition_id.is_(None), "disk"), else_="partition").label("pv_type"),
              _of_holder("uuid").label("disk_or_part_uuid"),
              _of_holder("device_node").label("disk_or_part_device_node"),
              _of_holder("device_path").label("disk_or_part_device_path"),
              I_IDISK.c.device_path.label("disk_path"), I_IDISK.c.serial_id, PARTITION.c.part_guid)
    .join(I_HOST, I_HOST.c.id == I_PV.c.forihostid).join(I_LVG, I_LVG.c.id == I_PV.c.forilvgid)
    .outerjoin(PARTITION, PARTITION.c.id == I_PV.c.partition_id).join(I_IDISK, I_IDISK.c.id == _DISK))


def of_host(conn: Connection, host_id: int) -> list[Row]:
    """Return the host's volumes, in the order in which they were asked for."""
    query = sa.select(I_PV).where(I_PV.c.forihostid == host_id).order_by(I_PV.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def by_uuid(conn: Connection, uuid: str) -> Row | None:
    """Return a volume with group, disk and partition; None when there is none (any more)."""
    row = conn.execute(QUERY.where(I_PV.c.uuid == uuid)).mappings().first()
    return None if row is None else dict(row)


def holders(conn: Connection, host_id: int) -> dict[str, Holder]:
    """Return the host's disks and partitions by device node."""
    disks = conn.execute(sa.select(I_IDISK.c.device_node, I_IDISK.c.id).where(I_IDISK.c.forihostid == host_id))
    parts = conn.execute(sa.select(PARTITION.c.device_node, PARTITION.c.id).where(
        PARTITION.c.forihostid == host_id, PARTITION.c.present_mib > 0))
    found: dict[str, Holder] = {row.device_node: ("idisk_id", row.id) for row in disks}
    return found | {row.device_node: ("partition_id", row.id) for row in parts}


def groups(conn: Connection, host_id: int) -> dict[str, int]:
    """Return the ids of the host's volume groups by name."""
    rows = conn.execute(sa.select(I_LVG.c.lvm_vg_name, I_LVG.c.id).where(I_LVG.c.forihostid == host_id))
    return {row.lvm_vg_name: row.id for row in rows}


def insert(conn: Connection, values: Mapping[str, Any]) -> int:
    """Add a volume and return its id; DuplicateEntry when the disk or partition is one already."""
    done = conn.execute(sa.insert(I_PV).values(**values))
    return int(done.inserted_primary_key[0])  # type: ignore[index]


def write(conn: Connection, row: Row, values: Mapping[str, Any]) -> None:
    """Change a volume that was read in this transaction; StaleWrite when another request changed it first."""
    compare_and_set(conn, I_PV, row["id"], row["revision"], values)


def delete(conn: Connection, row_id: int) -> None:
    """Remove one volume."""
    conn.execute(sa.delete(I_PV).where(I_PV.c.id == row_id))


def give_back(conn: Connection, row: Row) -> bool:
    """Remove a volume that its host never had, and return False; else mark it to be removed at the next unlock."""
    if row["pv_state"] == VolumeState.ADDING or (row["pv_state"] == VolumeState.FAILED and row["lvm_pv_uuid"] is None):
        delete(conn, row["id"])
        return False
    if row["pv_state"] != VolumeState.REMOVING:
        write(conn, row, {"pv_state": VolumeState.REMOVING.value})
    return True
