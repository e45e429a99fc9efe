# SPDX-License-Identifier: Apache-2.0
"""``event-list``, ``event-show`` and ``event-export``."""
from __future__ import annotations

import argparse
import codecs
import os
from collections.abc import Iterable, Iterator, Sequence

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from flock.cli.errors import CliError
from fm.client.arguments import add_conditions, add_page, conditions, marked, page
from fm.client.faults import Faults

SEVERITIES = ("critical", "major", "minor", "warning", "not-applicable")
_LIST = (*columns("timestamp=Time Stamp", "state=State"), marked("event_log_id", "Event Log ID"),
         *columns("reason_text=Reason Text", "entity_instance_id=Entity Instance ID", "severity=Severity"))


def _add_selection(parser: argparse.ArgumentParser) -> None:
    add_conditions(parser, SEVERITIES)
    add_page(parser, "events")
    parser.add_argument("--alarms", action="store_true", help="only set and clear events of alarms")
    parser.add_argument("--logs", action="store_true", help="only customer logs")
    parser.add_argument("--include_suppress", "--include-suppress", action="store_true",
                        help="also events of alarms that the operator hides")


class EventList(ListCommand):
    """List events, newest first."""

    api_name = "fault"
    sort_by = ("timestamp",)
    sort_reverse = True
    pages = True
    examples = ("fm event-list --limit 20", "fm event-list -q 'start=2026-02-01;end=2026-02-02' --alarms",
                "fm event-list --logs --nopaging --nowrap", "fm event-list -l 1000 -f csv > events.csv")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        _add_selection(parser)
        parser.add_argument("--uuid", action="store_true", help="also show the uuid")

    def columns_for(self, args: argparse.Namespace) -> Sequence[Column]:
        return [*columns("uuid=UUID"), *_LIST] if args.uuid else _LIST

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Faults(self.client).events(conditions(args, self.stderr), args.alarms, args.logs, args.include_suppress,
                                          page=page(args))

    def ordered(self, args: argparse.Namespace) -> bool:
        return args.sort is not None


class EventShow(ShowCommand):
    """Show one event; the uuid of an alarm shows its first set event."""

    api_name = "fault"
    examples = ("fm event-show 7b1c6c1e-64c5-4b0f-9c0e-2f5f1f9a3d10",
                "fm event-show 7b1c6c1e-64c5-4b0f-9c0e-2f5f1f9a3d10 -f json")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("event", metavar="uuid", help="uuid of the event")

    def item(self, args: argparse.Namespace) -> Row:
        return Faults(self.client).event(args.event)


class EventExport(ActionCommand):
    """Write events with all their fields as comma-separated values, newest first, times in UTC."""

    api_name = "fault"
    examples = ("fm event-export > events.csv", "fm event-export --file events.csv -q 'start=2026-02-01' --alarms")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        _add_selection(parser)
        parser.add_argument("--file", metavar="PATH", help="write to this file, created when it is complete")

    def act(self, args: argparse.Namespace) -> None:
        with Faults(self.client).export_events(conditions(args, self.stderr), args.alarms, args.logs,
                                               args.include_suppress, page(args)) as pieces:
            if args.file:
                _to_file(pieces, args.file)
                return
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            for piece in pieces:
                self.stdout.write(decoder.decode(piece))


def _to_file(pieces: Iterator[bytes], path: str) -> None:
    partial = f"{path}.part"
    try:
        with open(partial, "wb") as out:
            out.writelines(pieces)
        os.replace(partial, path)
    except OSError as problem:
        raise CliError(f"Cannot write {path}: {problem.strerror}") from problem


COMMANDS = {"event-list": EventList, "event-show": EventShow, "event-export": EventExport}
OSC_COMMANDS = {"fault event list": EventList, "fault event show": EventShow, "fault event export": EventExport}
