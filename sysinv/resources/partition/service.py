# SPDX-License-Identifier: Apache-2.0
"""Use cases of partitions: store a report; add, grow and delete one, which its host carries out."""
from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from sysinv.contract.enums import PartitionStatus, StorageChange
from sysinv.db import reported as rows
from sysinv.db.lookup import ItemNotFound, Row, row_of_locked_host
from sysinv.hosts.inventory import ReportingHost
from sysinv.hosts.work import Work
from sysinv.model.host import HostRefused, InventoryHost, host_view
from sysinv.resources.disk import store as disks
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.partition import rules, store
from sysinv.resources.partition.checks import PartitionFacts
from sysinv.resources.partition.fields import NewPartition
from sysinv.resources.partition.intake import partition_change
from sysinv.resources.partition.report import PartitionReport
from sysinv.resources.partition.table import PARTITION

_HOST = PARTITION.c.forihostid


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[PartitionReport]) -> None:
    """Store the host's partitions; removes those that a complete report omits, except ones with unfinished orders."""
    change = partition_change(store.of_host(conn, host.id), reported, store.disks_by_path(conn, host.id),
                              partial=host.partial)
    rows.apply(conn, _HOST, host.row, change)


def action_facts(conn: Connection, row: Row) -> PartitionFacts:
    """Return the facts that the check of partitions needs."""
    return PartitionFacts(tuple((one["device_path"], PartitionStatus(one["status"]))
                                for one in store.changing(conn, row["id"])))


def at_unlock(conn: Connection, row: Row, work: Work) -> None:
    """Order the partitions that wait for the unlock of the host ``row``; the conductor finds them at its next poll."""
    for part in store.waiting(conn, row["id"]):
        store.write(conn, part, {"status": int(PartitionStatus.CREATING)})
        _order(conn, work, host_view(row), StorageChange.CREATE, part["uuid"])


def _by_uuid(conn: Connection, uuid: str) -> Row:
    return dict(conn.execute(store.QUERY.where(PARTITION.c.uuid == uuid)).mappings().one())


def _order(conn: Connection, work: Work, host: InventoryHost, change: StorageChange, uuid: str) -> str:
    return work.storage(conn, host.uuid, {"change": change.value, "uuid": uuid}, name=host.name)


class PartitionService:
    """Partitions of hosts."""

    def __init__(self, db: Database, work: Work) -> None:
        self._db = db
        self._work = work

    def add(self, body: NewPartition) -> Row:
        """Add a partition behind the last one of a disk; HostRefused, StorageBusy, ItemNotFound."""
        query = disks.QUERY.where(I_IDISK.c.uuid == body.idisk_uuid.lower())
        with self._db.writer() as conn:
            found = row_of_locked_host(conn, query, "ihost_uuid")
            if found is None:
                raise ItemNotFound(resource="disk", id=shown(body.idisk_uuid))
            disk, row = found
            host = host_view(row)
            if body.ihost_uuid and body.ihost_uuid.lower() != host.uuid:
                raise HostRefused(detail=f"ihost_uuid: disk {disk['uuid']} belongs to another host.")
            in_service = host.is_frozen
            rules.check_storage(host, "Partitions")
            rules.check_idle(host, len(store.orders(conn, host.uuid)))
            place = rules.add(host, store.disk_view(disk), store.of_disk(conn, disk["id"]), body.size_mib)
            status = PartitionStatus.CREATING if in_service else PartitionStatus.CREATING_ON_UNLOCK
            _, guid = store.insert_at(conn, disk["id"], row["id"], place, body.size_mib, status)
            operation = _order(conn, self._work, host, StorageChange.CREATE, guid) if in_service else None
            made = _by_uuid(conn, guid)
        self._begin(operation)
        return made

    def grow(self, uuid: str, size_mib: int) -> Row:
        """Give a partition a new size; HostRefused, StorageBusy, ItemNotFound."""
        with self._db.writer() as conn:
            part, disk, host = self._locked(conn, uuid)
            end = rules.grow(host, store.disk_view(disk), store.of_disk(conn, disk["id"]), store.partition_view(part),
                             size_mib)
            store.write(conn, part, {"size_mib": size_mib, "end_mib": end, "error": None,
                                     "status": int(PartitionStatus.MODIFYING)})
            operation = _order(conn, self._work, host, StorageChange.GROW, part["uuid"])
            changed = _by_uuid(conn, part["uuid"])
        self._begin(operation)
        return changed

    def delete(self, uuid: str) -> None:
        """Delete a partition; its row vanishes when its host has done so. HostRefused, StorageBusy, ItemNotFound."""
        with self._db.writer() as conn:
            part, disk, host = self._locked(conn, uuid)
            at_host = rules.delete(host, store.disk_view(disk), store.of_disk(conn, disk["id"]),
                                   store.partition_view(part))
            operation = None
            if at_host:
                store.write(conn, part, {"status": int(PartitionStatus.DELETING), "error": None})
                operation = _order(conn, self._work, host, StorageChange.DELETE, part["uuid"])
            else:
                store.delete(conn, part["id"])
        self._begin(operation)

    def _locked(self, conn: Connection, uuid: str) -> tuple[Row, Row, InventoryHost]:
        """Return partition, disk and host, which is locked until the transaction ends; StorageBusy, ItemNotFound."""
        query = store.QUERY.where(PARTITION.c.uuid == uuid.lower())
        found = row_of_locked_host(conn, query, "ihost_uuid") if ids.is_uuid(uuid) else None
        if found is None:
            raise ItemNotFound(resource="partition", id=shown(uuid))
        part, row = found
        host = host_view(row)
        rules.check_idle(host, len(store.orders(conn, host.uuid)))
        disk = conn.execute(disks.QUERY.where(I_IDISK.c.id == part["idisk_id"])).mappings().one()
        return part, dict(disk), host

    def _begin(self, operation: str | None) -> None:
        if operation is not None:
            self._work.begin(operation)
