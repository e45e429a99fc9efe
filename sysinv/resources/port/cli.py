# SPDX-License-Identifier: Apache-2.0
"""``host-port-list``, ``host-port-show``, ``host-ethernet-port-list`` and ``host-ethernet-port-show``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import ClassVar

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ListCommand, ShowCommand
from sysinv.client.hosts import Hosts, one_of


def _boots(port: Row) -> str:
    return "True" if str(port.get("bootp")) == "True" else "False"


_BOOT = Column("bootp", "boot i/f", _boots)


class PortList(ListCommand):
    """List the network ports of a host."""

    api_name = "platform"
    collection: ClassVar[str] = "ports"
    columns = columns("uuid", "name", "type", "pciaddr=pci address", "dev_id=device", "numa_node=processor",
                      "dpdksupport=accelerated", "pdevice=device type")
    sort_by = ("name",)
    examples = ("system host-port-list worker-0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Hosts(self.client).children(args.host, self.collection)


class EthernetPortList(PortList):
    """List the Ethernet ports of a host."""

    collection = "ethernet_ports"
    columns = (*columns("uuid", "name", "mac=mac address", "pciaddr=pci address", "numa_node=processor",
                        "autoneg=auto neg", "pdevice=device type"), _BOOT)
    examples = ("system host-ethernet-port-list worker-0",)


class PortShow(ShowCommand):
    """Show one network port of a host."""

    api_name = "platform"
    collection: ClassVar[str] = "ports"
    examples = ("system host-port-show worker-0 mgmt0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("port", metavar="port", help="uuid, name or PCI address")

    def item(self, args: argparse.Namespace) -> Row:
        ports = Hosts(self.client).children(args.host, self.collection)
        return one_of(ports, args.port, "uuid", "name", "pciaddr", what="port")


class EthernetPortShow(PortShow):
    """Show one Ethernet port of a host."""

    collection = "ethernet_ports"
    examples = ("system host-ethernet-port-show worker-0 mgmt0",)


COMMANDS = {
    "host-port-list": PortList,
    "host-port-show": PortShow,
    "host-ethernet-port-list": EthernetPortList,
    "host-ethernet-port-show": EthernetPortShow,
}
OSC_COMMANDS = {
    "platform host port list": PortList,
    "platform host port show": PortShow,
    "platform host ethernet port list": EthernetPortList,
    "platform host ethernet port show": EthernetPortShow,
}
