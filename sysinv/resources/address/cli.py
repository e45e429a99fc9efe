# SPDX-License-Identifier: Apache-2.0
"""``host-addr-list``, ``host-addr-show``, ``host-addr-add`` and ``host-addr-delete``."""
from __future__ import annotations

import argparse

from flock.cli.columns import Row
from flock.cli.commands import ShowCommand
from sysinv.client.collection import Collection
from sysinv.client.hostchild import HostChildList, ItemDelete, ItemShow
from sysinv.client.networking import Interfaces
from sysinv.client.osc import as_plugin
from sysinv.resources.address.fields import Address


class AddressList(HostChildList):
    """List the addresses of a host."""

    resource = Address
    shown = ("uuid", "ifname", "address", "prefix")
    sort_by = ("ifname",)
    examples = ("system host-addr-list worker-0",)


class AddressShow(ItemShow):
    """Show one address."""

    resource = Address
    noun = "address"
    examples = ("system host-addr-show 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)


class AddressAdd(ShowCommand):
    """Add an address to an interface of a locked host, whose address mode is static."""

    api_name = "platform"
    examples = ("system host-addr-add worker-0 data0 192.168.59.3 24",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("ifname", metavar="interface", help="name or uuid")
        parser.add_argument("address", help="IPv4 or IPv6 address")
        parser.add_argument("prefix", help="length of the prefix of its subnet")

    def item(self, args: argparse.Namespace) -> Row:
        interface = Interfaces(self.client).get(args.host, args.ifname)
        return Collection(self.client, Address.envelope).create(
            {"interface_uuid": interface["uuid"], "address": args.address, "prefix": args.prefix})


class AddressDelete(ItemDelete):
    """Delete an address that was added to an interface."""

    resource = Address
    noun = "Address"
    examples = ("system host-addr-delete 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)


COMMANDS = {"host-addr-list": AddressList, "host-addr-show": AddressShow, "host-addr-add": AddressAdd,
            "host-addr-delete": AddressDelete}
OSC_COMMANDS = as_plugin(COMMANDS)
