# SPDX-License-Identifier: Apache-2.0
"""``network-*`` and ``addrpool-*``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from flock.cli.errors import UsageError
from sysinv.client.collection import Collection
from sysinv.client.hosts import Api, one_of
from sysinv.client.osc import as_plugin
from sysinv.resources.network.rules import NAMED_ADDRESSES, ORDERS

NETWORKS, POOLS = "networks", "addrpools"


def _ranges(row: Row) -> object:
    """Ranges as operators write them."""
    found = row.get("ranges") or []
    return [f"{pair[0]}-{pair[1]}" for pair in found if isinstance(pair, list) and len(pair) == 2]


NETWORK = columns("id", "uuid", "name", "type", "dynamic", "pool_uuid", "primary_pool_family")
POOL = (*columns("uuid", "name", "network", "prefix", "order"), Column("ranges", show=_ranges),
        *columns("floating_address", "controller0_address", "controller1_address", "gateway_address"))


class NetworkList(ListCommand):
    """List the networks of the platform."""

    api_name, columns = "platform", NETWORK
    examples = ("system network-list",)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Collection(self.client, NETWORKS).all()


class NetworkShow(ShowCommand):
    """Show one network."""

    api_name, fields = "platform", NETWORK
    examples = ("system network-show mgmt",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("network", help="uuid, id or name")

    def item(self, args: argparse.Namespace) -> Row:
        return _network(self.client, args.network)


class NetworkAdd(ShowCommand):
    """Add a network whose address pool is there."""

    api_name, fields = "platform", NETWORK
    examples = ("system network-add multicast multicast false 3a8f7c8e-2f5b-4d0a-9c2e-1b7f6a5d4c3b",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help="name of the network")
        parser.add_argument("type", help="type, for example multicast or system-controller; one network of each")
        parser.add_argument("dynamic", type=str.lower, choices=("true", "false"),
                            help="whether hosts get addresses from the pool by themselves")
        parser.add_argument("pool_uuid", metavar="pool", help="uuid of the address pool")

    def item(self, args: argparse.Namespace) -> Row:
        names = ("name", "type", "dynamic", "pool_uuid")
        return Collection(self.client, NETWORKS).create({name: getattr(args, name) for name in names})


class NetworkDelete(ActionCommand):
    """Delete a network in which hosts have no addresses."""

    api_name = "platform"
    examples = ("system network-delete multicast",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("network", help="uuid, id or name")

    def act(self, args: argparse.Namespace) -> str:
        uuid = str(_network(self.client, args.network)["uuid"])
        Collection(self.client, NETWORKS).delete(uuid)
        return f"Deleted network: {uuid}"


class PoolList(ListCommand):
    """List the address pools."""

    api_name, columns = "platform", POOL
    examples = ("system addrpool-list", "system addrpool-list -c name -c ranges")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Collection(self.client, POOLS).all()


class PoolShow(ShowCommand):
    """Show one address pool."""

    api_name, fields = "platform", POOL
    examples = ("system addrpool-show management",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("pool", help="uuid or name")

    def item(self, args: argparse.Namespace) -> Row:
        return _pool(self.client, args.pool)


class PoolAdd(ShowCommand):
    """Add an address pool."""

    api_name, fields = "platform", POOL
    examples = ("system addrpool-add multicast 239.1.1.0 28",
                "system addrpool-add lab 192.168.50.0 24 --ranges 192.168.50.10-192.168.50.99 --order sequential")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help="name of the pool")
        parser.add_argument("network", help="address of the subnet")
        parser.add_argument("prefix", type=int, help="length of its prefix")
        _options(parser)

    def item(self, args: argparse.Namespace) -> Row:
        body = {"name": args.name, "network": args.network, "prefix": args.prefix, **_given(args)}
        return Collection(self.client, POOLS).create(body)


class PoolModify(ShowCommand):
    """Change an address pool in which hosts have no addresses; its name in any case."""

    api_name, fields = "platform", POOL
    examples = ("system addrpool-modify lab --ranges 192.168.50.10-192.168.50.199",
                "system addrpool-modify lab --name rack-7")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("pool", help="uuid or name")
        parser.add_argument("--name", help="new name")
        _options(parser)

    def item(self, args: argparse.Namespace) -> Row:
        changes = _given(args) if args.name is None else {"name": args.name, **_given(args)}
        if not changes:
            raise UsageError("Nothing to change: give at least one option.")
        return Collection(self.client, POOLS).update(str(_pool(self.client, args.pool)["uuid"]), changes)


class PoolDelete(ActionCommand):
    """Delete an address pool that no network has."""

    api_name = "platform"
    examples = ("system addrpool-delete lab",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("pool", help="uuid or name")

    def act(self, args: argparse.Namespace) -> str:
        uuid = str(_pool(self.client, args.pool)["uuid"])
        Collection(self.client, POOLS).delete(uuid)
        return f"Deleted address pool: {uuid}"


def _network(api: Api, ref: str) -> Row:
    return one_of(Collection(api, NETWORKS).all(), ref, "uuid", "id", "name", what="network")


def _pool(api: Api, ref: str) -> Row:
    return one_of(Collection(api, POOLS).all(), ref, "uuid", "name", what="address pool")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ranges", type=_pairs, metavar="FIRST-LAST,...",
                        help="addresses that hosts get; default: all")
    parser.add_argument("--order", choices=ORDERS, help="how a free address is chosen")
    for name in NAMED_ADDRESSES:
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="ADDRESS", help=name.replace("_", " "))


def _given(args: argparse.Namespace) -> dict[str, Any]:
    names = ("ranges", "order", *NAMED_ADDRESSES)
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def _pairs(text: str) -> list[list[str]]:
    pairs = [[end.strip() for end in part.split("-")] for part in text.split(",") if part.strip()]
    if not pairs or not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise argparse.ArgumentTypeError(f"must be first-last, or several with commas, not {text!r:.60}")
    return pairs


COMMANDS = {
    "network-list": NetworkList, "network-show": NetworkShow, "network-add": NetworkAdd,
    "network-delete": NetworkDelete,
    "addrpool-list": PoolList, "addrpool-show": PoolShow, "addrpool-add": PoolAdd, "addrpool-modify": PoolModify,
    "addrpool-delete": PoolDelete}
OSC_COMMANDS = as_plugin(COMMANDS)
