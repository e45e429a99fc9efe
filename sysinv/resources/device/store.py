# SPDX-License-Identifier: Apache-2.0
"""Rows of ``pci_devices``."""
from __future__ import annotations

import sqlalchemy as sa

from sysinv.resources.device.table import PCI_DEVICES
from sysinv.resources.host.table import I_HOST

QUERY = (
    sa.select(PCI_DEVICES, I_HOST.c.uuid.label("host_uuid")).join(I_HOST, I_HOST.c.id == PCI_DEVICES.c.host_id))
