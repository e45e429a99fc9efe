# SPDX-License-Identifier: Apache-2.0
"""``host-route-list``, ``host-route-show``, ``host-route-add`` and ``host-route-delete``."""
from __future__ import annotations

import argparse

from flock.cli.columns import Row
from flock.cli.commands import ShowCommand
from sysinv.client.collection import Collection
from sysinv.client.hostchild import HostChildList, ItemDelete, ItemShow
from sysinv.client.networking import Interfaces
from sysinv.client.osc import as_plugin
from sysinv.resources.route.fields import Route
from sysinv.resources.route.rules import METRIC_DEFAULT


class RouteList(HostChildList):
    """List the routes of a host."""

    resource = Route
    shown = ("uuid", "ifname", "network", "prefix", "gateway", "metric")
    sort_by = ("ifname",)
    examples = ("system host-route-list worker-0",)


class RouteShow(ItemShow):
    """Show one route."""

    resource = Route
    noun = "route"
    examples = ("system host-route-show 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)


class RouteAdd(ShowCommand):
    """Add a route over an interface of a host. The gateway is in the subnet of an address of the interface."""

    api_name = "platform"
    examples = ("system host-route-add worker-0 data0 10.20.0.0 16 192.168.59.1",
                "system host-route-add worker-0 data0 :: 0 fd00:59::1 10")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("ifname", metavar="interface", help="name or uuid")
        parser.add_argument("network", help="IPv4 or IPv6 address of the subnet")
        parser.add_argument("prefix", help="length of its prefix; 0 for the default route")
        parser.add_argument("gateway", help="address of the router")
        parser.add_argument("metric", nargs="?", default=METRIC_DEFAULT,
                            help="the route with the smallest one is preferred; default: %(default)s")

    def item(self, args: argparse.Namespace) -> Row:
        interface = Interfaces(self.client).get(args.host, args.ifname)
        names = ("network", "prefix", "gateway", "metric")
        return Collection(self.client, Route.envelope).create(
            {"interface_uuid": interface["uuid"], **{name: getattr(args, name) for name in names}})


class RouteDelete(ItemDelete):
    """Delete a route of a host."""

    resource = Route
    noun = "Route"
    examples = ("system host-route-delete 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)


COMMANDS = {"host-route-list": RouteList, "host-route-show": RouteShow, "host-route-add": RouteAdd,
            "host-route-delete": RouteDelete}
OSC_COMMANDS = as_plugin(COMMANDS)
