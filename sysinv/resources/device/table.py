# SPDX-License-Identifier: Apache-2.0
"""``pci_devices``: PCI functions that are not network ports."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns, revision_column
from sysinv.db.schema import METADATA, host_id, pci_columns, text

PCI_DEVICES = sa.Table(
    "pci_devices", METADATA, *columns(), revision_column(), text("type", 16, nullable=False, default="pci"),
    *pci_columns(), text("pclass_id", 6), text("pvendor_id", 4), text("pdevice_id", 4),
    text("extra_info", 1024), sa.Column("enabled", sa.Boolean, nullable=False, default=False), host_id("host_id"),
    sa.UniqueConstraint("pciaddr", "host_id"))
