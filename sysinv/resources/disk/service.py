# SPDX-License-Identifier: Apache-2.0
"""Use cases of disks: store a report; wipe one, which its host carries out."""
from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from sysinv.contract.enums import StorageChange
from sysinv.db import reported as rows
from sysinv.db.lookup import ItemNotFound, Row, row_of_locked_host
from sysinv.hosts.inventory import ReportingHost
from sysinv.hosts.work import Work
from sysinv.model.host import host_view
from sysinv.resources.disk.intake import disk_change
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.disk.rules import check_wipe
from sysinv.resources.disk.store import QUERY, of_host
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.partition import store as partitions
from sysinv.resources.partition.rules import check_idle

_HOST = I_IDISK.c.forihostid


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[DiskReport]) -> None:
    """Store the host's disks; removes those that a complete report omits."""
    change = disk_change(of_host(conn, host.id), reported, partial=host.partial)
    rows.apply(conn, _HOST, host.row, change)


class DiskService:
    """Disks of hosts."""

    def __init__(self, db: Database, work: Work) -> None:
        self._db = db
        self._work = work

    def wipe(self, uuid: str, *, skip_format: bool) -> Row:
        """Have the host write a new, empty GPT on a disk; HostRefused, StorageBusy, ItemNotFound.

        Unless ``skip_format``, it also erases what lies at the ends of the disk and of its partitions. The rows of the
        partitions vanish when the host has done so.
        """
        query = QUERY.where(I_IDISK.c.uuid == uuid.lower())
        with self._db.writer() as conn:
            found = row_of_locked_host(conn, query, "ihost_uuid") if ids.is_uuid(uuid) else None
            if found is None:
                raise ItemNotFound(resource="disk", id=shown(uuid))
            disk, row = found
            host = host_view(row)
            check_wipe(host, partitions.disk_view(disk), partitions.of_disk(conn, disk["id"]))
            check_idle(host, len(partitions.orders(conn, host.uuid)))
            operation = self._work.storage(
                conn, host.uuid, {"change": StorageChange.WIPE.value, "uuid": disk["uuid"], "skip_format": skip_format},
                name=host.name)
        self._work.begin(operation)
        return disk
