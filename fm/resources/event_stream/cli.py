# SPDX-License-Identifier: Apache-2.0
"""``event-watch`` and ``alarm-watch``: print new events, one line each."""
from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import ClassVar

from flock.cli.columns import cell_text, wire_value
from flock.cli.commands import ActionCommand
from fm.client.arguments import add_conditions, conditions, limit
from fm.client.faults import Faults
from fm.client.records import Event
from fm.client.stream import GAP
from fm.resources.event_log.cli import SEVERITIES


class EventWatch(ActionCommand):
    """Print events as they happen, until interrupted. Reconnects after a failure and resumes without losing events."""

    api_name = "fault"
    only_alarms: ClassVar[bool] = False
    examples: ClassVar[Sequence[str]] = (
        "fm event-watch", "fm event-watch -f json | jq -r .reason_text", "fm event-watch --after 4711 --count 10",
        "fm event-watch --alarms --severity critical -q entity_instance_id=host=worker-0")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        add_conditions(parser, SEVERITIES)
        parser.add_argument("-f", "--format", choices=("text", "json"), default="text",
                            help="text: one readable line, local time; json: the API's object, times in UTC")
        parser.add_argument("--after", metavar="NUMBER", help="start after the event with this number")
        parser.add_argument("--count", type=limit, metavar="NUMBER", help="stop after this many events")
        parser.add_argument("--include_suppress", "--include-suppress", action="store_true",
                            help="also events of alarms that the operator hides")
        if not self.only_alarms:
            kind = parser.add_mutually_exclusive_group()
            kind.add_argument("--alarms", action="store_true", help="only set and clear events of alarms")
            kind.add_argument("--logs", action="store_true", help="only customer logs")

    def act(self, args: argparse.Namespace) -> None:
        following = Faults(self.client).follow_events(
            conditions(args, self.stderr), alarms=self.only_alarms or args.alarms,
            logs=not self.only_alarms and args.logs, include_suppress=args.include_suppress, last_id=args.after,
            say=self._say)
        shown = 0
        for message in following:
            if message.kind == GAP:
                self._say(f"Some events are lost; the stream resumes after number {message.ident}.")
                continue
            event = message.event()
            self.stdout.write((_as_json(event) if args.format == "json" else line(event)) + "\n")
            self.stdout.flush()
            shown += 1
            if shown == args.count:
                return

    def _say(self, text: str) -> None:
        self.stderr.write(text + "\n")
        self.stderr.flush()


class AlarmWatch(EventWatch):
    """Print set and clear events of alarms as they happen, until interrupted."""

    only_alarms = True
    examples = ("fm alarm-watch", "fm alarm-watch -f json")


def line(event: Event) -> str:
    """An event as one readable line."""
    text = (f"{event['timestamp']} {event['state']:<5} {event['event_log_id']:<7} {event['severity']:<8} "
            f"{event['entity_instance_id']}: {event['reason_text']}")
    return cell_text(" ".join(text.splitlines()))


def _as_json(event: Event) -> str:
    return json.dumps(wire_value(event), ensure_ascii=False)


COMMANDS = {"event-watch": EventWatch, "alarm-watch": AlarmWatch}
OSC_COMMANDS = {"fault event watch": EventWatch, "fault alarm watch": AlarmWatch}
