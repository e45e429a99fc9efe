# SPDX-License-Identifier: Apache-2.0
"""Base classes of the commands for collections below a host: list the items, show or change one, show one by its uuid.

The declaration of the resource (``fields.py``) supplies titles; a command only names the fields that it shows.
"""
from __future__ import annotations

import argparse
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from flock.cli.client import segment
from flock.cli.columns import Column, Row
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from flock.cli.errors import ApiError, CliError
from flock.wire.resource import Resource, details, labels
from sysinv.client import hosts, pairs
from sysinv.client.collection import Collection
from sysinv.client.hosts import Hosts, one_of

Shows = Mapping[str, Callable[[Row], object]]


def _columns(titles: Mapping[str, str], shown: Sequence[str], shows: Shows) -> tuple[Column, ...]:
    return tuple(Column(name, titles[name], shows.get(name)) for name in shown)


class HostChildList(ListCommand):
    """Lists a host's items. ``shown``: wire names in order; ``shows``: functions that derive a cell from its row."""

    api_name = "platform"
    resource: ClassVar[type[Resource]]
    shown: ClassVar[Sequence[str]] = ()
    shows: ClassVar[Shows] = {}

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.columns = _columns(labels(cls.resource), cls.shown, cls.shows)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Hosts(self.client).children(args.host, self.resource.envelope)


class HostChildShow(ShowCommand):
    """Shows one item of a host. ``noun`` names it in messages; ``found_by``: fields that identify it, with help texts.

    ``shown`` limits the fields; without it the command shows all, under their wire names.
    """

    api_name = "platform"
    resource: ClassVar[type[Resource]]
    shown: ClassVar[Sequence[str]] = ()
    shows: ClassVar[Shows] = {}
    noun: ClassVar[str] = ""
    found_by: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if hasattr(cls, "resource"):
            cls.fields = _columns(details(cls.resource), cls.shown, cls.shows)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("item", metavar=self.noun, help=" or ".join(self.found_by.values()))

    def item(self, args: argparse.Namespace) -> Row:
        found = Hosts(self.client).children(args.host, self.resource.envelope)
        return one_of(found, args.item, *self.found_by, what=self.noun)


class HostChildModify(HostChildShow):
    """Changes one item of a host, and shows it. ``changes`` returns the new values by wire name."""

    @abstractmethod
    def changes(self, args: argparse.Namespace) -> Mapping[str, Any]:
        """The new values; UsageError when the arguments make none."""

    def item(self, args: argparse.Namespace) -> Row:
        changes = self.changes(args)
        found = super().item(args)
        return Collection(self.client, self.resource.envelope).update(str(found["uuid"]), changes)


class HostChildAttributes(HostChildModify):
    """Changes one item of a host by ``name=value``; ``changeable`` are the names."""

    changeable: ClassVar[Sequence[str]] = ()

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("attributes", metavar="name=value", nargs="+", help=" or ".join(self.changeable))

    def changes(self, args: argparse.Namespace) -> Mapping[str, Any]:
        return pairs.changes(args.attributes, self.changeable)


class ItemShow(ShowCommand):
    """Shows one item by uuid, whatever host it is of. ``noun`` names it in messages."""

    api_name = "platform"
    resource: ClassVar[type[Resource]]
    noun: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("item", metavar=self.noun, help="uuid")

    def item(self, args: argparse.Namespace) -> Row:
        try:
            return hosts.item(self.client.get(f"/v1/{self.resource.envelope}/{segment(args.item)}"))
        except ApiError as problem:
            if problem.status == 404:
                raise CliError(f"{self.noun} not found: {args.item}") from problem
            raise


class ItemDelete(ActionCommand):
    """Deletes one item by uuid, whatever host it is of. ``noun`` names it in the sentence that is printed."""

    api_name = "platform"
    resource: ClassVar[type[Resource]]
    noun: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid", help="uuid from the list")

    def act(self, args: argparse.Namespace) -> str:
        Collection(self.client, self.resource.envelope).delete(args.uuid)
        return f"Deleted {self.noun}: {args.uuid}"
