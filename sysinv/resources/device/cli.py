# SPDX-License-Identifier: Apache-2.0
"""``host-device-list``, ``host-device-show`` and ``host-device-modify``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from flock.cli.columns import Row
from flock.cli.errors import UsageError
from sysinv.client.hostchild import HostChildList, HostChildModify, HostChildShow
from sysinv.client.osc import as_plugin
from sysinv.resources.device.fields import PciDevice


class DeviceList(HostChildList):
    """List the PCI devices of a host that applications may use."""

    resource = PciDevice
    shown = ("name", "pciaddr", "pclass_id", "pvendor_id", "pdevice_id", "pclass", "pvendor", "pdevice", "numa_node",
             "enabled")
    sort_by = ("pciaddr",)
    examples = ("system host-device-list worker-0", "system host-device-list worker-0 -a")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("-a", "--all", action="store_true", help="also list devices that are not enabled")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return [device for device in super().rows(args) if args.all or device.get("enabled")]


class DeviceShow(HostChildShow):
    """Show one PCI device of a host."""

    resource = PciDevice
    noun = "device"
    found_by = {"name": "name", "pciaddr": "PCI address", "uuid": "uuid"}
    examples = ("system host-device-show worker-0 pci_0000_05_00_0",)


class DeviceModify(HostChildModify):
    """Change the name of a PCI device, or whether applications may use it."""

    resource, noun, found_by = PciDevice, DeviceShow.noun, DeviceShow.found_by
    examples = ("system host-device-modify worker-0 pci_0000_05_00_0 -n gpu-0 -e true",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("-n", "--name", help="new name")
        parser.add_argument("-e", "--enabled", type=str.lower, choices=("true", "false"),
                            help="whether applications may use it")

    def changes(self, args: argparse.Namespace) -> Mapping[str, Any]:
        changes = {name: value for name, value in (("name", args.name), ("enabled", args.enabled)) if value is not None}
        if not changes:
            raise UsageError("Nothing to change: give -n or -e.")
        return changes


COMMANDS = {"host-device-list": DeviceList, "host-device-show": DeviceShow, "host-device-modify": DeviceModify}
OSC_COMMANDS = as_plugin(COMMANDS)
