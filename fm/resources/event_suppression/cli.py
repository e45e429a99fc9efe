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
from fm.client.records import Suppression

_LIST = columns("alarm_id=Event ID", "suppression_status=Status")


class SuppressList(ListCommand):
    """List suppressed alarm ids."""

    api_name = "fault"
    sort_by = ("alarm_id",)
    pages = True
    examples: ClassVar[Sequence[str]] = (
        "fm event-suppress-list", "fm event-suppress-list --include-unsuppressed --nopaging")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--include-unsuppressed", "--include_unsuppressed", action="store_true",
                            help="list all alarm ids")
        parser.add_argument("--uuid", action="store_true", help="also show the uuid")

    def columns_for(self, args: argparse.Namespace) -> Sequence[Column]:
        return [*columns("uuid=UUID"), *_LIST] if args.uuid else _LIST

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Faults(self.client).suppressions(args.include_unsuppressed)


class _Change(SuppressList):
    """Sets the status of entries, prints which changed and lists the suppressed ids afterwards."""

    dangerous = True
    status: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--alarm_id", "--alarm-id", required=True, metavar="ID[,ID...]",
                            help="one id or several, separated by commas")
        parser.add_argument("--uuid", action="store_true", help="also show the uuid")

    def chosen(self, args: argparse.Namespace, known: Sequence[Suppression]) -> Sequence[Suppression]:
        """The entries to change. For unknown ids ``fm`` prints a warning and goes on, as StarlingX's does; other
        programs raise CliError."""
        wanted = {ident.strip() for ident in args.alarm_id.split(",") if ident.strip()}
        if unknown := wanted - {row["alarm_id"] for row in known}:
            sentence = f"Alarm ID not found: {', '.join(sorted(unknown))}"
            if not self.native:
                raise CliError(sentence)
            self.stderr.write(f"{sentence}\n")
        return [row for row in known if row["alarm_id"] in wanted]

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        faults = Faults(self.client)
        for row in self.chosen(args, faults.suppressions()):
            if row["suppression_status"] != self.status:
                faults.set_suppression(row["uuid"], self.status)
                out = self.stdout if args.formatter == "table" else self.stderr
                out.write(f"Alarm ID: {row['alarm_id']} {self.status}.\n")
        return faults.suppressions(include_unsuppressed=False)


class Suppress(_Change):
    """Suppress alarm ids on every entity until they are unsuppressed (silence-create is more selective)."""

    status = "suppressed"
    examples: ClassVar[Sequence[str]] = (
        "fm event-suppress --alarm_id 100.103", "fm event-suppress --alarm_id 100.101,100.103 --nopaging --yes")


class Unsuppress(_Change):
    """Unsuppress alarm ids."""

    status = "unsuppressed"
    examples: ClassVar[Sequence[str]] = ("fm event-unsuppress --alarm_id 100.103",)


class UnsuppressAll(_Change):
    """Unsuppress all alarm ids."""

    status = "unsuppressed"
    examples: ClassVar[Sequence[str]] = ("fm event-unsuppress-all --yes",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--uuid", action="store_true", help="also show the uuid")

    def chosen(self, args: argparse.Namespace, known: Sequence[Suppression]) -> Sequence[Suppression]:
        return known


COMMANDS = {"event-suppress-list": SuppressList, "event-suppress": Suppress, "event-unsuppress": Unsuppress,
            "event-unsuppress-all": UnsuppressAll}
OSC_COMMANDS = {"fault suppression list": SuppressList, "fault suppression set": Suppress,
                "fault suppression unset": Unsuppress, "fault suppression clear": UnsuppressAll}
