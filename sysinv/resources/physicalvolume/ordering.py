# SPDX-License-Identifier: Apache-2.0
"""Orders that change volume groups of a host: what it must do, and what follows from its results."""
from __future__ import annotations

from sqlalchemy.engine import Connection

from sysinv.contract.enums import StorageChange, VolumeState
from sysinv.contract.records import StorageOrder
from sysinv.resources.physicalvolume import store
from sysinv.resources.volumegroup import store as volumegroups

CHANGES = (StorageChange.EXTEND, StorageChange.REDUCE)
_UNFINISHED = (VolumeState.ADDING, VolumeState.PROVISIONING)
# The state of a volume until its host has carried out the change.
_DURING = {StorageChange.EXTEND: VolumeState.ADDING, StorageChange.REDUCE: VolumeState.REMOVING}


def as_order(conn: Connection, order_uuid: str, change: StorageChange, uuid: str) -> StorageOrder | None:
    """Return the order about the volume ``uuid``; None when nothing is to be done about it any more."""
    volume = store.by_uuid(conn, uuid)
    if volume is None or volume["pv_state"] != _DURING[change]:
        return None
    return StorageOrder(
        order_uuid=order_uuid, change=change.value, device_path=volume["disk_path"], serial_id=volume["serial_id"],
        part_guid=volume["part_guid"] or "", vg_name=volume["lvm_vg_name"])


def carried_out(conn: Connection, change: StorageChange, uuid: str) -> None:
    """Store that the volume has joined or left its group. A deleted group vanishes with its last volume."""
    volume = store.by_uuid(conn, uuid)
    if volume is None or volume["pv_state"] != _DURING[change]:
        return
    group = volumegroups.by_id(conn, volume["forilvgid"])
    if change is StorageChange.EXTEND:
        store.write(conn, volume, {"pv_state": VolumeState.PROVISIONED.value, "error": None})
        if group["vg_state"] in _UNFINISHED:
            volumegroups.write(conn, group, {"vg_state": VolumeState.PROVISIONED.value})
        return
    store.delete(conn, volume["id"])
    if group["vg_state"] == VolumeState.REMOVING and not volumegroups.volumes(conn, group["id"]):
        volumegroups.delete(conn, group["id"])


def given_up(conn: Connection, change: StorageChange, uuid: str, error: str) -> None:
    """Store why a change failed: a volume that cannot join has failed; one that cannot leave tries at each unlock."""
    volume = store.by_uuid(conn, uuid)
    if volume is None or volume["pv_state"] != _DURING[change]:
        return
    failed = {"pv_state": VolumeState.FAILED.value} if change is StorageChange.EXTEND else {}
    store.write(conn, volume, {"error": error, **failed})
    group = volumegroups.by_id(conn, volume["forilvgid"])
    states = {one["pv_state"] for one in volumegroups.volumes(conn, group["id"])}
    if group["vg_state"] == VolumeState.PROVISIONING and VolumeState.ADDING not in states:
        # It waits for another volume.
        volumegroups.write(conn, group, {"vg_state": VolumeState.ADDING.value})
