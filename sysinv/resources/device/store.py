# SPDX-License-Identifier: Apache-2.0
"""Rows of ``pci_devices``."""
from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from sysinv.resources.device.intake import DeviceChange
from sysinv.resources.device.table import PCI_DEVICES
from sysinv.resources.host.table import I_HOST

QUERY = (
    sa.select(PCI_DEVICES, I_HOST.c.uuid.label("host_uuid")).join(I_HOST, I_HOST.c.id == PCI_DEVICES.c.host_id))


def of_host(conn: Connection, host_id: int) -> list[RowMapping]:
    """Return all devices of a host."""
    return list(conn.execute(sa.select(PCI_DEVICES).where(PCI_DEVICES.c.host_id == host_id)).mappings())


def apply(conn: Connection, host_id: int, change: DeviceChange) -> None:
    """Write a change."""
    for values in change.insert:
        conn.execute(sa.insert(PCI_DEVICES).values(host_id=host_id, **values))
    for row_id, values in change.update.items():
        conn.execute(sa.update(PCI_DEVICES).where(PCI_DEVICES.c.id == row_id).values(**values))
    if change.delete:
        conn.execute(sa.delete(PCI_DEVICES).where(PCI_DEVICES.c.id.in_(change.delete)))
