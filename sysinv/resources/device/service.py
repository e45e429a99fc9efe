# SPDX-License-Identifier: Apache-2.0
"""Use cases of PCI devices: store a report; change the name of a device or its use by applications."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database, compare_and_set
from flock.wire.errors import shown
from sysinv.db import reported as rows
from sysinv.db.lookup import ItemNotFound, Row, row_of_locked_host
from sysinv.hosts.inventory import ReportingHost
from sysinv.model.host import HostRefused, host_view
from sysinv.resources.device import store
from sysinv.resources.device.checks import DeviceFacts
from sysinv.resources.device.intake import device_change
from sysinv.resources.device.report import PciDeviceReport
from sysinv.resources.device.rules import check_modify
from sysinv.resources.device.table import PCI_DEVICES

_HOST = PCI_DEVICES.c.host_id


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[PciDeviceReport]) -> None:
    """Store the host's devices; removes those that a complete report omits."""
    change = device_change(rows.of_host(conn, _HOST, host.id), reported, partial=host.partial)
    rows.apply(conn, _HOST, host.row, change)


def action_facts(conn: Connection, row: Row) -> DeviceFacts:
    """Return the facts that the checks of devices need."""
    return DeviceFacts(image_update_in_progress=row["device_image_update"] == "in-progress")


class DeviceService:
    """PCI devices of hosts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def modify(self, uuid: str, changes: Mapping[str, Any]) -> Row:
        """Carry out a PATCH of ``name`` and ``enabled``; HostRefused, HostMustBeLocked, ItemNotFound."""
        if None in changes.values():
            raise HostRefused(detail="name and enabled can not be removed.")
        query = store.QUERY.where(PCI_DEVICES.c.uuid == uuid.lower())
        with self._db.writer() as conn:
            found = row_of_locked_host(conn, query, "host_uuid") if ids.is_uuid(uuid) else None
            if found is None:
                raise ItemNotFound(resource="PCI device", id=shown(uuid))
            row, host = found
            check_modify(host_view(host), row["pclass_id"], row["pdevice_id"])
            compare_and_set(conn, PCI_DEVICES, row["id"], row["revision"], changes)
            return dict(conn.execute(query).mappings().one())


SERVICE = DeviceService
