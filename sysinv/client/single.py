# SPDX-License-Identifier: Apache-2.0
"""Base classes of the commands for settings that the system has once: show and modify them."""
from __future__ import annotations

import argparse
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from flock.cli.columns import Column, Row
from flock.cli.commands import ShowCommand
from flock.cli.errors import CliError, UsageError
from sysinv.client import pairs
from sysinv.client.collection import Collection
from sysinv.client.effects import EFFECTS, effects_of
from sysinv.client.hosts import Item


class SettingsShow(ShowCommand):
    """Shows the settings below ``/v1/<path>``, whose list is ``envelope``."""

    api_name = "platform"
    path: ClassVar[str]
    envelope: ClassVar[str]

    def known(self) -> Item:
        """Return the settings. Raises CliError before the bootstrap."""
        found = self.client.get(f"/v1/{self.path}").get(self.envelope) or []
        if not found:
            raise CliError("There is no system yet: the configuration service has not finished its first start.")
        return dict(found[0])

    def item(self, args: argparse.Namespace) -> Row:
        return self.known()


class _SettingsChange(SettingsShow):
    """Changes settings, or shows what hosts would do; ``changeable`` are their names."""

    changeable: ClassVar[Sequence[str]] = ()

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only show what hosts would do")

    def fields_for(self, args: argparse.Namespace, item: Row) -> Sequence[Column]:
        return EFFECTS if args.dry_run else super().fields_for(args, item)

    @abstractmethod
    def changes(self, args: argparse.Namespace) -> dict[str, Any]:
        """Return the new values by name."""

    def item(self, args: argparse.Namespace) -> Row:
        # StarlingX's client sends this too: what failed is repeated by the same command.
        changes = {"action": "apply", **self.changes(args)}
        uuid, settings = str(self.known()["uuid"]), Collection(self.client, self.path)
        return effects_of(settings.rehearse(uuid, changes)) if args.dry_run else settings.update(uuid, changes)


class SettingsModify(_SettingsChange):
    """Changes settings given as ``name=value``, as StarlingX's client takes them."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("attributes", metavar="name=value", nargs="+",
                            help=f"{' or '.join(self.changeable)}; action=install stores it for later")
        super().arguments(parser)

    def changes(self, args: argparse.Namespace) -> dict[str, Any]:
        return pairs.changes(args.attributes, (*self.changeable, "action"))


class SettingsOptions(_SettingsChange):
    """Changes settings given as options, as StarlingX's client takes them."""

    def changes(self, args: argparse.Namespace) -> dict[str, Any]:
        found = {name: getattr(args, name) for name in self.changeable if getattr(args, name) is not None}
        if not found:
            raise UsageError("Nothing to change: give at least one option.")
        return found
