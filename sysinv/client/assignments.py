# SPDX-License-Identifier: Apache-2.0
"""Base classes of the commands for networks on interfaces: list, show, assign, remove.

The declaration of the resource (``fields.py``) supplies collection and fields.
"""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import ClassVar

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from flock.wire.resource import Resource
from sysinv.client.hostchild import ItemShow
from sysinv.client.networking import Assignments, Interfaces


class AssignmentList(ListCommand):
    """Lists the networks on the interfaces of a host; ``name_field`` has the name of a network."""

    api_name = "platform"
    resource: ClassVar[type[Resource]]
    name_field: ClassVar[str] = ""
    sort_by = ("ifname",)

    def __init_subclass__(cls, **more: object) -> None:
        super().__init_subclass__(**more)
        cls.columns = columns("uuid", "ifname", cls.name_field)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("ifname", nargs="?", metavar="interface", help="name or uuid; all without it")

    def columns_for(self, args: argparse.Namespace) -> Sequence[Column]:
        return (Column("hostname"), *self.columns)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Assignments(self.client, self.resource.envelope).of_host(args.host, args.ifname)


class AssignmentShow(ItemShow):
    """Shows one network on an interface."""

    noun = "assignment"


class AssignmentAdd(ShowCommand):
    """Puts a network on an interface; ``field`` is that of the network in the request."""

    api_name = "platform"
    resource: ClassVar[type[Resource]]
    field: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("ifname", metavar="interface", help="name or uuid")
        parser.add_argument("network", help="name or uuid")

    def network(self, ref: str) -> str:
        """Return what identifies the network in the request; override it if that is not what the operator gave."""
        return ref

    def item(self, args: argparse.Namespace) -> Row:
        interface = Interfaces(self.client).get(args.host, args.ifname)
        return Assignments(self.client, self.resource.envelope).create(
            {"interface_uuid": interface["uuid"], self.field: self.network(args.network)})


class AssignmentRemove(ActionCommand):
    """Takes a network from its interface; ``noun`` names that in the output."""

    api_name = "platform"
    resource: ClassVar[type[Resource]]
    noun: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid", help="uuid from the list")

    def act(self, args: argparse.Namespace) -> str:
        Assignments(self.client, self.resource.envelope).delete(args.uuid)
        return f"Deleted {self.noun}: {args.uuid}"
