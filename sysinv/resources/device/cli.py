# SPDX-License-Identifier: Apache-2.0
"""``host-device-list`` and ``host-device-show``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable

from flock.cli.columns import Row, columns
from flock.cli.commands import ListCommand, ShowCommand
from sysinv.client.hosts import Hosts, one_of


class DeviceList(ListCommand):
    """List the PCI devices of a host that are made available to applications."""

    api_name = "platform"
    columns = columns(
        "name", "pciaddr=address", "pclass_id=class id", "pvendor_id=vendor id", "pdevice_id=device id",
        "pclass=class name", "pvendor=vendor name", "pdevice=device name", "numa_node", "enabled")
    sort_by = ("pciaddr",)
    examples = ("system host-device-list worker-0", "system host-device-list worker-0 -a")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("-a", "--all", action="store_true", help="also devices that are not enabled")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        found = Hosts(self.client).children(args.host, "pci_devices")
        return [device for device in found if args.all or device.get("enabled")]


class DeviceShow(ShowCommand):
    """Show one PCI device of a host."""

    api_name = "platform"
    examples = ("system host-device-show worker-0 pci_0000_05_00_0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("device", metavar="device", help="name, PCI address or uuid")

    def item(self, args: argparse.Namespace) -> Row:
        found = Hosts(self.client).children(args.host, "pci_devices")
        return one_of(found, args.device, "name", "pciaddr", "uuid", what="device")


COMMANDS = {"host-device-list": DeviceList, "host-device-show": DeviceShow}
OSC_COMMANDS = {"platform host device list": DeviceList, "platform host device show": DeviceShow}
