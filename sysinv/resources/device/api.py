# SPDX-License-Identifier: Apache-2.0
"""Routes of ``pci_devices``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes, patch_of
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.render import render
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import Inventory, OneItem, read_policy, read_routes
from sysinv.resources.device.fields import PciDevice
from sysinv.resources.device.service import DeviceService
from sysinv.resources.device.store import QUERY
from sysinv.resources.device.table import PCI_DEVICES

INVENTORY = Inventory("pci_device", PciDevice, QUERY, PCI_DEVICES, PCI_DEVICES.c.host_id)

CHANGEABLE = ("name", "enabled")


class DeviceController(OneItem):
    """``/v1/pci_devices/<uuid>``."""

    @describes(body=patch_of(PciDevice, CHANGEABLE, operations=("replace", "remove")), answers={200: PciDevice},
               errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Change name and use."""
        operations = call.patch(allowed=CHANGEABLE)
        changes = plain_changes(PciDevice, operations)
        return render(PciDevice, call.deps(DeviceService).modify(call.args["uuid"], changes), call.base_url)


ROUTES = read_routes(INVENTORY) | {"/v1/pci_devices/{uuid}": DeviceController(INVENTORY)}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:pci_device:modify", CONFIGURATOR, "PATCH", "/v1/pci_devices/{uuid}"),
)
