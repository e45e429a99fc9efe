# SPDX-License-Identifier: Apache-2.0
"""``event-list`` and ``event-show``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ListCommand, ShowCommand
from fm.client.faults import Faults

_ID = Column("event_log_id", "Event Log ID", lambda row: (
    f"S({row.get('event_log_id')})" if row.get("suppression_status") == "suppressed" else row.get("event_log_id", "")))
_LIST = (*columns("timestamp=Time Stamp", "state=State"), _ID,
         *columns("reason_text=Reason Text", "entity_instance_id=Entity Instance ID", "severity=Severity"))


class EventList(ListCommand):
    """List events, newest first."""

    api_name = "fault"
    sort_by = ("timestamp",)
    sort_reverse = True
    examples = ("fm event-list --limit 20", "fm event-list -q 'start=2026-02-01;end=2026-02-02' --alarms")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("-q", "--query", help="conditions field<op>value joined by ;")
        parser.add_argument("-l", "--limit", type=_limit, help="show at most this many")
        parser.add_argument("--alarms", action="store_true", help="only what alarms did")
        parser.add_argument("--logs", action="store_true", help="only customer logs")
        parser.add_argument("--uuid", action="store_true", help="also show the uuid")
        parser.add_argument("--include_suppress", "--include-suppress", action="store_true",
                            help="also show events whose id is suppressed")
        parser.add_argument("--nopaging", action="store_true", help="accepted; the output is never paged")

    def columns_for(self, args: argparse.Namespace) -> Sequence[Column]:
        return [*columns("uuid=UUID"), *_LIST] if args.uuid else _LIST

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Faults(self.client).events(args.query, args.limit, args.alarms, args.logs, args.include_suppress)


class EventShow(ShowCommand):
    """Show one event; the uuid of an alarm shows its first set event."""

    api_name = "fault"

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("event", metavar="uuid", help="uuid of the event")

    def item(self, args: argparse.Namespace) -> Row:
        return Faults(self.client).event(args.event)


def _limit(text: str) -> int:
    """argparse type: a number above zero."""
    if not text.isdigit() or not 0 < int(text) < 10**9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


COMMANDS = {"event-list": EventList, "event-show": EventShow}
OSC_COMMANDS = {"fault event list": EventList, "fault event show": EventShow}
