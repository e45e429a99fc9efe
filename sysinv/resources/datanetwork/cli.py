# SPDX-License-Identifier: Apache-2.0
"""``datanetwork-list``, ``-show``, ``-add``, ``-modify`` and ``-delete``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable

from flock.cli.columns import Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from flock.cli.errors import UsageError
from sysinv.client.collection import Collection
from sysinv.client.osc import as_plugin

_COLLECTION = "datanetworks"
_OF_VXLAN = (("-g", "--multicast_group", "multicast address of a dynamic vxlan network"),
             ("-p", "--port_num", "UDP port of a vxlan network"),
             ("-t", "--ttl", "time to live of the packets of a vxlan network"),
             ("-M", "--mode", "dynamic (default) or static, of a vxlan network"))


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-d", "--description", default=argparse.SUPPRESS, help="text for operators")
    parser.add_argument("-m", "--mtu", default=argparse.SUPPRESS, help="MTU, defaults to 1500")


def _given(args: argparse.Namespace, *names: str) -> dict[str, object]:
    return {name: getattr(args, name) for name in names if hasattr(args, name)}


class DataNetworkList(ListCommand):
    """List the data networks."""

    api_name = "platform"
    columns = columns("uuid", "name", "network_type", "mtu")
    sort_by = ("name",)
    examples = ("system datanetwork-list",)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Collection(self.client, _COLLECTION).all()


class DataNetworkShow(ShowCommand):
    """Show one data network."""

    api_name = "platform"
    examples = ("system datanetwork-show physnet0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("datanetwork", help="name, id or uuid")

    def item(self, args: argparse.Namespace) -> Row:
        return Collection(self.client, _COLLECTION).get(args.datanetwork)


class DataNetworkAdd(ShowCommand):
    """Add a data network."""

    api_name = "platform"
    examples = ("system datanetwork-add physnet0 vlan -m 1500",
                "system datanetwork-add tenants vxlan -g 239.0.2.1 -p 4789 -t 64")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help="name of the data network")
        parser.add_argument("network_type", choices=("flat", "vlan", "vxlan"), help="how it separates its users")
        _common(parser)
        for short, long, text in _OF_VXLAN:
            spellings = dict.fromkeys((long, long.replace("_", "-")))
            parser.add_argument(short, *spellings, default=argparse.SUPPRESS, help=text)

    def item(self, args: argparse.Namespace) -> Row:
        return Collection(self.client, _COLLECTION).create(_given(
            args, "name", "network_type", "description", "mtu", "multicast_group", "port_num", "ttl", "mode"))


class DataNetworkModify(DataNetworkShow):
    """Change MTU or description of a data network."""

    examples = ("system datanetwork-modify physnet0 -m 9000",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        _common(parser)

    def item(self, args: argparse.Namespace) -> Row:
        changes = _given(args, "description", "mtu")
        if not changes:
            raise UsageError("Nothing to change: give at least one option.")
        return Collection(self.client, _COLLECTION).update(args.datanetwork, changes)


class DataNetworkDelete(ActionCommand):
    """Delete a data network that no interface carries."""

    api_name = "platform"
    examples = ("system datanetwork-delete physnet0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("datanetwork", help="name, id or uuid")

    def act(self, args: argparse.Namespace) -> str:
        Collection(self.client, _COLLECTION).delete(args.datanetwork)
        return f"Deleted DataNetwork: {args.datanetwork}"


COMMANDS = {
    "datanetwork-list": DataNetworkList, "datanetwork-show": DataNetworkShow, "datanetwork-add": DataNetworkAdd,
    "datanetwork-modify": DataNetworkModify, "datanetwork-delete": DataNetworkDelete}
OSC_COMMANDS = as_plugin(COMMANDS)
