# SPDX-License-Identifier: Apache-2.0
"""``event-suppress-list``, ``event-suppress``, ``event-unsuppress``, ``event-unsuppress-all``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import ClassVar

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ListCommand
from flock.cli.errors import CliError
from fm.client.faults import Faults

_LIST = columns("alarm_id=Event ID", "suppression_status=Status")


class SuppressList(ListCommand):
    """List suppressed alarm ids."""

    api_name = "fault"
    sort_by = ("alarm_id",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--include-unsuppressed", action="store_true", help="list all alarm ids")
        parser.add_argument("--uuid", action="store_true", help="also show the uuid")
        parser.add_argument("--nopaging", action="store_true", help="accepted; the output is never paged")

    def columns_for(self, args: argparse.Namespace) -> Sequence[Column]:
        return [*columns("uuid=UUID"), *_LIST] if args.uuid else _LIST

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Faults(self.client).suppressions(args.include_unsuppressed)


class _Change(SuppressList):
    """Sets the status of entries, says which changed and lists what is suppressed afterwards."""

    dangerous = True
    status: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--alarm_id", "--alarm-id", required=True, help="one id or several, separated by commas")
        parser.add_argument("--uuid", action="store_true", help="also show the uuid")
        parser.add_argument("--nopaging", action="store_true", help="accepted; the output is never paged")

    def chosen(self, args: argparse.Namespace, known: Sequence[Row]) -> Sequence[Row]:
        """The entries that are to be changed; CliError names ids that do not exist."""
        wanted = {ident.strip() for ident in args.alarm_id.split(",") if ident.strip()}
        unknown = wanted - {str(row["alarm_id"]) for row in known}
        if unknown:
            raise CliError(f"Alarm ID not found: {', '.join(sorted(unknown))}")
        return [row for row in known if str(row["alarm_id"]) in wanted]

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        faults = Faults(self.client)
        for row in self.chosen(args, faults.suppressions()):
            if row["suppression_status"] != self.status:
                faults.set_suppression(str(row["uuid"]), self.status)
                out = self.stdout if args.formatter == "table" else self.stderr
                out.write(f"Alarm ID: {row['alarm_id']} {self.status}.\n")
        return faults.suppressions(include_unsuppressed=False)


class Suppress(_Change):
    """Hide the alarms of the given ids."""

    status = "suppressed"


class Unsuppress(_Change):
    """Show the alarms of the given ids again."""

    status = "unsuppressed"


class UnsuppressAll(_Change):
    """Show the alarms of all ids again."""

    status = "unsuppressed"

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--uuid", action="store_true", help="also show the uuid")
        parser.add_argument("--nopaging", action="store_true", help="accepted; the output is never paged")

    def chosen(self, args: argparse.Namespace, known: Sequence[Row]) -> Sequence[Row]:
        return known


COMMANDS = {"event-suppress-list": SuppressList, "event-suppress": Suppress, "event-unsuppress": Unsuppress,
            "event-unsuppress-all": UnsuppressAll}
OSC_COMMANDS = {"fault suppression list": SuppressList, "fault suppression set": Suppress,
                "fault suppression unset": Unsuppress, "fault suppression clear": UnsuppressAll}
