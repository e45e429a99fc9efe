# SPDX-License-Identifier: Apache-2.0
"""Routes of ``pci_devices``."""
from __future__ import annotations

from sysinv.api.inventory import Inventory, read_policy, read_routes
from sysinv.db.tables import PCI_DEVICES
from sysinv.resources.device.fields import PciDevice
from sysinv.resources.device.store import QUERY

INVENTORY = Inventory("pci_device", PciDevice, QUERY, PCI_DEVICES, PCI_DEVICES.c.host_id)
ROUTES = read_routes(INVENTORY)
POLICY = read_policy(INVENTORY)
