# SPDX-License-Identifier: Apache-2.0
"""``host-bulk-add`` and ``host-bulk-export``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from flock.cli.columns import Row, columns
from flock.cli.commands import ActionCommand, ListCommand
from flock.cli.errors import CliError, UsageError
from flock.cli.table import printable
from sysinv.client.hosts import listed
from sysinv.resources.host.cli import HostCommand

FORMATS = ("xml", "yaml", "csv")
_ENDINGS = {".yml": "yaml", ".yaml": "yaml", ".csv": "csv"}


class HostBulkAdd(HostCommand, ListCommand):
    """Add all hosts of a file (XML, YAML or CSV). Hosts that exist are left as they are."""

    columns = columns("index", "hostname", "uuid", "status", "message")
    examples: ClassVar[Sequence[str]] = (
        "system host-bulk-add hosts.xml --dry-run",
        "system host-bulk-add hosts.xml",
        "system host-bulk-add racks.csv -f json",
    )
    failed = False

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="file", help="file of hosts: XML, or YAML or CSV by the ending of its name")
        parser.add_argument("--dry-run", action="store_true", help="only check the file; nothing is added")

    def ordered(self, args: argparse.Namespace) -> bool:
        return True

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        reply = self.hosts.bulk_add(Path(args.file).name, _content(args.file), dry_run=args.dry_run)
        hosts = listed(reply, "hosts")
        success, error = str(reply.get("success") or ""), str(reply.get("error") or "")
        if error and not hosts:
            raise CliError(error)
        self.failed = any(host.get("status") != "added" for host in hosts)
        if args.formatter == "table":
            self._tell(success, error)
        return hosts

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Exit with 1 when a host of the file was not added."""
        if parsed_args.watch is not None:
            raise UsageError("host-bulk-add changes hosts, so that it cannot be repeated with --watch.")
        return super().run(parsed_args) or int(self.failed)

    def _tell(self, success: str, error: str) -> None:
        """Write the texts of the reply, as StarlingX's client does."""
        for title, text in (("Success:", success), ("Error:", error)):
            lines = [printable(line) for line in text.strip("\n").split("\n")]
            if text:
                self.stdout.write("\n".join([title, *lines, "", ""]))


class HostBulkExport(HostCommand, ActionCommand):
    """Write all hosts to a file for host-bulk-add. It has no passwords."""

    examples: ClassVar[Sequence[str]] = (
        "system host-bulk-export", "system host-bulk-export --filename racks.csv",
        "system host-bulk-export --filename hosts.txt --format yaml")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--filename", default="./hosts.xml", help="file to write, defaults to %(default)s")
        parser.add_argument("--format", choices=FORMATS,
                            help="format of the file, defaults to that of its ending, and to xml")

    def act(self, args: argparse.Namespace) -> str:
        path = Path(args.filename)
        form: Any = args.format or _ENDINGS.get(path.suffix.lower(), "xml")
        content = self.hosts.bulk_export(form)
        try:
            path.write_bytes(content.encode())
        except OSError as problem:
            raise CliError(f"Cannot write {path}: {problem.strerror}") from problem
        return f"Export successfully to {args.filename}"


def _content(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as problem:
        raise CliError(f"Cannot read {name}: {problem.strerror}") from problem


COMMANDS = {
    "host-bulk-add": HostBulkAdd,
    "host-bulk-export": HostBulkExport,
}
OSC_COMMANDS = {
    "platform host bulk create": HostBulkAdd,
    "platform host bulk export": HostBulkExport,
}
