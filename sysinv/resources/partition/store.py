# SPDX-License-Identifier: Apache-2.0
"""Rows of ``partition`` and ``storage_results``, and the orders that have not ended."""
from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import compare_and_set, new_uuid
from flock.jobs.steps import OperationRecord
from flock.jobs.store import active_of
from sysinv.contract.enums import PARTITION_CHANGING, PartitionStatus
from sysinv.contract.operations import OperationKind
from sysinv.db.lookup import Row
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.host.table import I_HOST
from sysinv.resources.operation.table import OPERATIONS
from sysinv.resources.partition.rules import LVM_GUID, LVM_NAME, DiskView, PartitionView, Place
from sysinv.resources.partition.table import PARTITION, STORAGE_RESULTS
from sysinv.resources.physicalvolume.table import I_PV

# The lists show partitions for LVM; those of the installer stay out of sight, as with StarlingX.
QUERY = (
    sa.select(PARTITION, I_HOST.c.uuid.label("ihost_uuid"), I_IDISK.c.uuid.label("idisk_uuid"),
              I_PV.c.uuid.label("ipv_uuid"), I_PV.c.id.label("foripvid"))
    .join(I_HOST, I_HOST.c.id == PARTITION.c.forihostid).join(I_IDISK, I_IDISK.c.id == PARTITION.c.idisk_id)
    .outerjoin(I_PV, I_PV.c.partition_id == PARTITION.c.id)
    .where(PARTITION.c.type_guid == LVM_GUID))


_WITH_VOLUME = (
    sa.select(PARTITION, I_PV.c.id.label("foripvid")).outerjoin(I_PV, I_PV.c.partition_id == PARTITION.c.id)
    .order_by(PARTITION.c.id))


def of_host(conn: Connection, host_id: int) -> list[Row]:
    """Return all partitions of a host with the id of their volume."""
    return [dict(row) for row in conn.execute(_WITH_VOLUME.where(PARTITION.c.forihostid == host_id)).mappings()]


def disks_by_path(conn: Connection, host_id: int) -> dict[str, int]:
    """Return the ids of the host's disks by device path."""
    rows = conn.execute(sa.select(I_IDISK.c.device_path, I_IDISK.c.id).where(I_IDISK.c.forihostid == host_id))
    return {row.device_path: row.id for row in rows if row.device_path is not None}


def of_disk(conn: Connection, disk_id: int) -> list[PartitionView]:
    """Return all partitions of a disk, also those that the lists do not show."""
    rows = conn.execute(_WITH_VOLUME.where(PARTITION.c.idisk_id == disk_id)).mappings()
    return [partition_view(dict(row)) for row in rows]


def partition_view(row: Mapping[str, Any]) -> PartitionView:
    """Return what the rules need of a stored partition.

    Only a partition that was added with this service has its uuid as its GUID; a reported one gets a new uuid.
    """
    return PartitionView(
        uuid=row["uuid"], number=row["number"], start_mib=row["start_mib"], end_mib=row["end_mib"],
        size_mib=row["size_mib"], present_mib=row["present_mib"], status=PartitionStatus(row["status"]),
        device_path=row["device_path"], has_volume=row["foripvid"] is not None,
        made_here=row["part_guid"] == row["uuid"])


def disk_view(row: Mapping[str, Any]) -> DiskView:
    """Return what the rules need of a disk, read by the query of ``idisks``."""
    return DiskView(
        device_node=row["device_node"], device_path=row["device_path"] or row["device_node"],
        size_mib=row["size_mib"], available_mib=row["available_mib"],
        is_rootfs=(row["capabilities"] or {}).get("stor_function") == "rootfs", has_osd=row["foristorid"] is not None,
        has_volume=row["foripvid"] is not None)


def changing(conn: Connection, host_id: int) -> list[Row]:
    """Return device path and status of the host's partitions that are being changed."""
    query = sa.select(PARTITION.c.device_path, PARTITION.c.status).where(
        PARTITION.c.forihostid == host_id, PARTITION.c.status.in_(sorted(PARTITION_CHANGING))).order_by(PARTITION.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def waiting(conn: Connection, host_id: int) -> list[Row]:
    """Return the partitions that are created at the unlock, in the order in which they were asked for."""
    query = sa.select(PARTITION).where(PARTITION.c.forihostid == host_id,
                                       PARTITION.c.status == int(PartitionStatus.CREATING_ON_UNLOCK))
    return [dict(row) for row in conn.execute(query.order_by(PARTITION.c.id)).mappings()]


def insert_at(conn: Connection, disk_id: int, host_id: int, place: Place, size_mib: int,
              status: PartitionStatus) -> tuple[int, str]:
    """Add a partition; returns its row id and uuid."""
    # The row's uuid is the identity in the table, so the host recognises a partition that it has made.
    guid = new_uuid()
    done = conn.execute(sa.insert(PARTITION).values(
        uuid=guid, part_guid=guid, number=place.number, start_mib=place.start_mib, end_mib=place.end_mib,
        size_mib=size_mib, device_node=place.device_node, device_path=place.device_path, type_guid=LVM_GUID,
        type_name=LVM_NAME, status=int(status), idisk_id=disk_id, forihostid=host_id))
    return int(done.inserted_primary_key[0]), guid  # type: ignore[index]


def write(conn: Connection, row: Row, values: Mapping[str, Any]) -> None:
    """Change a partition that was read in this transaction; StaleWrite when another request changed it first."""
    compare_and_set(conn, PARTITION, row["id"], row["revision"], values)


def by_uuid(conn: Connection, uuid: str) -> Row | None:
    """Return a partition with uuid and serial number of its disk; None when there is none (any more)."""
    query = sa.select(PARTITION, I_IDISK.c.device_path.label("disk_path"), I_IDISK.c.serial_id)
    row = conn.execute(query.join(I_IDISK, I_IDISK.c.id == PARTITION.c.idisk_id)
                       .where(PARTITION.c.uuid == uuid)).mappings().first()
    return None if row is None else dict(row)


def disk_by_uuid(conn: Connection, uuid: str) -> Row | None:
    """Return the stored disk; None when there is none (any more)."""
    row = conn.execute(sa.select(I_IDISK).where(I_IDISK.c.uuid == uuid)).mappings().first()
    return None if row is None else dict(row)


def delete(conn: Connection, row_id: int) -> None:
    """Remove one partition."""
    conn.execute(sa.delete(PARTITION).where(PARTITION.c.id == row_id))


def delete_of_disk(conn: Connection, disk_id: int) -> None:
    """Remove all partitions of a disk."""
    conn.execute(sa.delete(PARTITION).where(PARTITION.c.idisk_id == disk_id))


def orders(conn: Connection, host_uuid: str) -> list[OperationRecord]:
    """Return the changes of the host's disks that have not ended, oldest first."""
    return [one for one in active_of(conn, OPERATIONS, host_uuid) if one.kind == OperationKind.STORAGE]


def ordered(conn: Connection, host_uuid: str, uuids: Collection[str]) -> int:
    """Return how many changes of the items ``uuids`` have not ended."""
    return sum(one.params["uuid"] in uuids for one in orders(conn, host_uuid))


def result_of(conn: Connection, order_uuid: str) -> str | None:
    """Return the error of an order that the host has carried out, empty for success; None while it has not."""
    found: str | None = conn.execute(
        sa.select(STORAGE_RESULTS.c.error).where(STORAGE_RESULTS.c.order_uuid == order_uuid)).scalar_one_or_none()
    return found


def store_result(conn: Connection, order_uuid: str, error: str) -> None:
    """Store the result of an order, which has none yet."""
    conn.execute(sa.insert(STORAGE_RESULTS).values(order_uuid=order_uuid, error=error))
