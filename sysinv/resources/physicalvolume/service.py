# SPDX-License-Identifier: Apache-2.0
"""Use cases of physical volumes: store a report; add one, which joins its group at the unlock; remove one."""
from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from sysinv.contract.enums import StorageChange, VolumeState
from sysinv.db import reported as rows
from sysinv.db.lookup import ItemNotFound, Row, host_row, row_of_locked_host
from sysinv.hosts.inventory import ReportingHost
from sysinv.hosts.work import Work
from sysinv.model.host import HostRefused, host_view
from sysinv.resources.disk import store as disks
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.partition import store as partitions
from sysinv.resources.partition.rules import check_idle
from sysinv.resources.physicalvolume import rules, store
from sysinv.resources.physicalvolume.fields import NewPhysicalVolume
from sysinv.resources.physicalvolume.intake import Holder, volume_change
from sysinv.resources.physicalvolume.report import PhysicalVolumeReport
from sysinv.resources.physicalvolume.rules import GroupView
from sysinv.resources.physicalvolume.table import I_PV
from sysinv.resources.volumegroup import store as volumegroups
from sysinv.resources.volumegroup.table import I_LVG

_HOST = I_PV.c.forihostid


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[PhysicalVolumeReport]) -> None:
    """Store the host's physical volumes; removes provisioned ones that a complete report omits."""
    change = volume_change(store.of_host(conn, host.id), reported, store.holders(conn, host.id),
                           store.groups(conn, host.id), partial=host.partial)
    rows.apply(conn, _HOST, host.row, change)


def at_unlock(conn: Connection, row: Row, work: Work) -> None:
    """Order what waited for the unlock: volumes leave their groups first, then others join theirs."""
    host = host_view(row)
    ordered = {one.params["uuid"] for one in partitions.orders(conn, host.uuid)}
    waiting = {VolumeState.REMOVING: StorageChange.REDUCE, VolumeState.ADDING: StorageChange.EXTEND}
    found = store.of_host(conn, row["id"])
    for state, change in waiting.items():
        for volume in found:
            if volume["pv_state"] == state and volume["uuid"] not in ordered:
                work.storage(conn, host.uuid, {"change": change.value, "uuid": volume["uuid"]}, name=host.name)
    for group in volumegroups.of_host(conn, row["id"]):
        if group["vg_state"] == VolumeState.ADDING and volumegroups.volumes(conn, group["id"]):
            volumegroups.write(conn, group, {"vg_state": VolumeState.PROVISIONING.value})


class PhysicalVolumeService:
    """Physical volumes of hosts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, body: NewPhysicalVolume) -> Row:
        """Add a volume to a group; HostRefused, HostMustBeLocked, StorageBusy, ItemNotFound, HostNotFound."""
        with self._db.writer() as conn:
            row = host_row(conn, body.ihost_uuid, lock=True)
            group = conn.execute(volumegroups.QUERY.where(
                I_LVG.c.uuid == body.ilvg_uuid.lower(), I_LVG.c.forihostid == row["id"])).mappings().first()
            if group is None:
                raise ItemNotFound(resource="volume group", id=shown(body.ilvg_uuid))
            holder = self._check(conn, row, _group_view(conn, dict(group)), body.disk_or_part_uuid.lower())
            made = store.insert(conn, {holder[0]: holder[1], "pv_state": VolumeState.ADDING.value,
                                       "forilvgid": group["id"], "forihostid": row["id"]})
            return dict(conn.execute(store.QUERY.where(I_PV.c.id == made)).mappings().one())

    def delete(self, uuid: str) -> None:
        """Remove a volume from its group: at once if the host does not have it yet, else at the host's next unlock.

        HostRefused, HostMustBeLocked, StorageBusy, ItemNotFound.
        """
        query = store.QUERY.where(I_PV.c.uuid == uuid.lower())
        with self._db.writer() as conn:
            found = row_of_locked_host(conn, query, "ihost_uuid") if ids.is_uuid(uuid) else None
            if found is None:
                raise ItemNotFound(resource="physical volume", id=shown(uuid))
            volume, row = found
            group = _group_view(conn, volumegroups.by_id(conn, volume["forilvgid"]))
            rules.check_delete(host_view(row), group, volume["pv_state"])
            check_idle(host_view(row), partitions.ordered(conn, row["uuid"], {volume["uuid"]}))
            store.give_back(conn, volume)

    def _check(self, conn: Connection, row: Row, group: GroupView, uuid: str) -> Holder:
        """Return the holder of a new volume; HostRefused, StorageBusy, ItemNotFound."""
        part = partitions.by_uuid(conn, uuid)
        clause = I_IDISK.c.uuid == uuid if part is None else I_IDISK.c.id == part["idisk_id"]
        disk = conn.execute(disks.QUERY.where(clause)).mappings().first()
        if disk is None:
            raise ItemNotFound(resource="disk or partition", id=shown(uuid))
        if disk["forihostid"] != row["id"]:
            raise HostRefused(detail="disk_or_part_uuid: the disk or partition belongs to another host.")
        present = partitions.of_disk(conn, disk["id"])
        view = next((one for one in present if one.uuid == uuid), None)
        rules.check_add(host_view(row), group, partitions.disk_view(dict(disk)), tuple(present), view)
        check_idle(host_view(row), partitions.ordered(conn, row["uuid"], {uuid, disk["uuid"]}))
        return ("idisk_id", disk["id"]) if part is None else ("partition_id", part["id"])


def _group_view(conn: Connection, group: Row) -> GroupView:
    return GroupView(group["lvm_vg_name"], group["vg_state"], len(volumegroups.volumes(conn, group["id"])))


SERVICE = PhysicalVolumeService
