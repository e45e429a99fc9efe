# SPDX-License-Identifier: Apache-2.0
"""``deploy precheck``, ``start``, ``show``, ``activate``, ``activate-rollback``, ``complete``, ``abort``, and so on."""
from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any, ClassVar

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ListCommand
from patching.client.software import Software
from patching.client.telling import API_NAME, DeployStep, Order


class DeployShow(ListCommand):
    """Show the deployment."""

    api_name = API_NAME
    centred_from = 2
    when_empty = "No deploy in progress"
    columns = (*columns("from_release=From Release", "to_release=To Release", "reboot_required=RR"),
               Column("state", "State", lambda row: f"deploy-{row.get('state', '')}"))
    examples = ("software deploy show",)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Software(self.client).deploys()

    def ordered(self, args: argparse.Namespace) -> bool:
        return True


class _Begin(DeployStep):
    """An order that names a release."""

    word: ClassVar[str] = ""
    waits: ClassVar[bool] = False

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("release", metavar="release", help="id of a release")
        parser.add_argument("-f", "--force", action="store_true",
                            help="of a patch: do not count alarms that do not affect management")
        parser.add_argument("-o", "--options", metavar="KEY=VALUE", action="append", default=[], help="an option")

    def order(self, args: argparse.Namespace) -> dict[str, Any]:
        return self.software.begin(self.word, args.release, args.force, args.options,
                                   getattr(args, "region_name", None))


class Precheck(_Begin):
    """Check whether the system is fit for a release."""

    word = "precheck"
    examples = ("software deploy precheck starlingx-10.0.1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("--region_name", "--region-name", metavar="REGION", help="check another region")

    def afterwards(self, args: argparse.Namespace) -> None:
        """Nothing follows a check."""


class Start(_Begin):
    """Begin the deployment of a release."""

    word = "start"
    waits = True
    reaches, fails = ("start-done",), ("start-failed",)
    examples = ("software deploy start starlingx-10.0.1", "software deploy start starlingx-10.0.1 --wait")


class _Scripts(DeployStep):
    """A step that runs scripts."""

    word: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("-f", "--force", action="store_true",
                            help="after a failure: go on although the scripts have failed")

    def order(self, args: argparse.Namespace) -> dict[str, Any]:
        return self.software.step(self.word, args.force)


class Activate(_Scripts):
    """Run the activation scripts."""

    word = "activate"
    reaches, fails = ("activate-done",), ("activate-failed",)
    examples = ("software deploy activate --wait", "software deploy activate --force")


class ActivateRollback(_Scripts):
    """Take back what the activation scripts have done."""

    word = "activate_rollback"
    reaches, fails = ("activate-rollback-done",), ("activate-rollback-failed",)
    examples = ("software deploy activate-rollback --wait", "software deploy activate-rollback --force")


class Complete(Order):
    """Accept the deployment."""

    examples = ("software deploy complete",)

    def order(self, args: argparse.Namespace) -> dict[str, Any]:
        return self.software.step("complete")


class Abort(Order):
    """Head back to where the system came from."""

    dangerous = True
    examples = ("software deploy abort",)

    def order(self, args: argparse.Namespace) -> dict[str, Any]:
        return self.software.step("abort")


class DeployDelete(Order):
    """End the deployment."""

    dangerous = True
    examples = ("software deploy delete",)

    def order(self, args: argparse.Namespace) -> dict[str, Any]:
        return self.software.end()


COMMANDS = {"deploy precheck": Precheck, "deploy start": Start, "deploy show": DeployShow, "deploy activate": Activate,
            "deploy activate-rollback": ActivateRollback, "deploy complete": Complete, "deploy abort": Abort,
            "deploy delete": DeployDelete}
OSC_COMMANDS = {"platform deploy rollback": ActivateRollback, **{
    f"platform {name}": command for name, command in COMMANDS.items() if command is not ActivateRollback}}
