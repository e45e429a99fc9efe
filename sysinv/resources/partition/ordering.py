# SPDX-License-Identifier: Apache-2.0
"""Orders for the disks of a host: what it must do, and what follows from its results."""
from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from flock.jobs.steps import OperationRecord
from sysinv.contract.enums import PartitionStatus, StorageChange
from sysinv.contract.records import StorageOrder
from sysinv.resources.partition import store
from sysinv.resources.physicalvolume import ordering as volumes

ERROR_MAX = 255
# The status of a partition until its host has carried out the change.
_DURING = {StorageChange.CREATE: PartitionStatus.CREATING, StorageChange.GROW: PartitionStatus.MODIFYING,
           StorageChange.DELETE: PartitionStatus.DELETING}


def carried_out(conn: Connection, change: StorageChange, uuid: str) -> None:
    """Store that a host has carried out an order about the partition, disk or volume ``uuid``. Safe to repeat."""
    if change in volumes.CHANGES:
        volumes.carried_out(conn, change, uuid)
        return
    if change is StorageChange.WIPE:
        disk = store.disk_by_uuid(conn, uuid)
        if disk is not None:
            store.delete_of_disk(conn, disk["id"])
        return
    part = store.by_uuid(conn, uuid)
    if part is None or part["status"] != _DURING[change]:
        return
    if change is StorageChange.DELETE:
        store.delete(conn, part["id"])
    else:
        store.write(conn, part, {"status": int(PartitionStatus.READY), "error": None})


def given_up(conn: Connection, change: StorageChange, uuid: str, reason: str) -> None:
    """Store why an order failed. What exists is as it was before; what was to be made is in error."""
    if change in volumes.CHANGES:
        volumes.given_up(conn, change, uuid, reason[:ERROR_MAX])
        return
    part = None if change is StorageChange.WIPE else store.by_uuid(conn, uuid)
    if part is None or part["status"] != _DURING[change]:
        return
    error = reason[:ERROR_MAX]
    if change is StorageChange.CREATE:
        store.write(conn, part, {"status": int(PartitionStatus.ERROR), "error": error})
        return
    values: dict[str, Any] = {"status": int(PartitionStatus.READY if part["present_mib"] else PartitionStatus.ERROR),
                              "error": error}
    if change is StorageChange.GROW:
        values |= {"size_mib": part["present_mib"], "end_mib": part["start_mib"] + part["present_mib"]}
    store.write(conn, part, values)


def orders(conn: Connection, host_uuid: str) -> list[StorageOrder]:
    """Return what the host has to change on its disks, oldest first; omits changes of what does not exist any more."""
    found = []
    for operation in store.orders(conn, host_uuid):
        if store.result_of(conn, operation.uuid) is None:
            order = _as_order(conn, operation)
            if order is not None:
                found.append(order)
    return found


def _as_order(conn: Connection, operation: OperationRecord) -> StorageOrder | None:
    change, uuid = StorageChange(operation.params["change"]), operation.params["uuid"]
    if change in volumes.CHANGES:
        return volumes.as_order(conn, operation.uuid, change, uuid)
    if change is StorageChange.WIPE:
        disk = store.disk_by_uuid(conn, uuid)
        return None if disk is None else StorageOrder(
            order_uuid=operation.uuid, change=change.value, device_path=disk["device_path"] or disk["device_node"],
            serial_id=disk["serial_id"], skip_format=operation.params["skip_format"])
    part = store.by_uuid(conn, uuid)
    if part is None or part["status"] != _DURING[change]:
        return None
    return StorageOrder(
        order_uuid=operation.uuid, change=change.value, device_path=part["disk_path"], serial_id=part["serial_id"],
        part_guid=part["part_guid"], size_mib=part["size_mib"], type_guid=part["type_guid"])
