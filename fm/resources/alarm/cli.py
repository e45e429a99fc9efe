# SPDX-License-Identifier: Apache-2.0
"""``alarm-list``, ``-show``, ``-delete``, ``-summary``, ``-acknowledge``, ``-unacknowledge``."""
from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence

from flock.cli import confirm
from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand, each
from flock.cli.errors import CliError, UsageError
from fm.client.arguments import QUERY_HELP, add_conditions, add_page, conditions, marked, page
from fm.client.faults import Faults
from fm.client.records import Alarm

SEVERITIES = ("critical", "major", "minor", "warning")
_LIST = (marked("alarm_id", "Alarm ID"), *columns("reason_text=Reason Text", "entity_instance_id=Entity ID",
                                                  "severity=Severity", "timestamp=Time Stamp"))
_COUNTS = columns("critical=Critical Alarms", "major=Major Alarms", "minor=Minor Alarms", "warnings=Warnings")


def _silenced(row: Row) -> object:
    if not row.get("silenced_by"):
        return False
    return f"until {row['silenced_until']}" if row.get("silenced_until") else True


_FULL = (Column("acknowledged_by", "Acknowledged By", lambda row: row.get("acknowledged_by") or ""),
         Column("stale", "Stale"), Column("flapping", "Flapping"), Column("silenced_by", "Silenced", _silenced))


class AlarmList(ListCommand):
    """List the active alarms, newest first."""

    api_name = "fault"
    sort_by = ("timestamp",)
    sort_reverse = True
    examples = ("fm alarm-list", "fm alarm-list --uuid --mgmt_affecting --degrade_affecting",
                "fm alarm-list -q 'severity=critical;entity_instance_id=host=worker-0'",
                "fm alarm-list --severity critical --watch 5", "fm alarm-list --full", "fm alarm-list -f json",
                "openstack fault alarm list --filter alarm_id=200. -c uuid -f value")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        add_conditions(parser, SEVERITIES)
        add_page(parser, "alarms")
        parser.add_argument("--uuid", action="store_true", help="also show the uuid")
        parser.add_argument("--include_suppress", "--include-suppress", action="store_true",
                            help="also show alarms that the operator hides, by id or by a silence")
        parser.add_argument("--mgmt_affecting", "--mgmt-affecting", action="store_true",
                            help="also show whether the alarm blocks software management")
        parser.add_argument("--degrade_affecting", "--degrade-affecting", action="store_true",
                            help="also show whether the alarm degrades its host")
        parser.add_argument("--full", action="store_true",
                            help="also show who has acknowledged the alarm and whether it is stale, flapping, silenced")

    def columns_for(self, args: argparse.Namespace) -> Sequence[Column]:
        shown = [*columns("uuid=UUID"), *_LIST] if args.uuid else list(_LIST)
        if args.mgmt_affecting:
            shown.insert(4, Column("mgmt_affecting", "Management Affecting"))
        if args.degrade_affecting:
            shown.insert(5, Column("degrade_affecting", "Degrade Affecting"))
        return [*shown, *_FULL] if args.full else shown

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Faults(self.client).alarms(conditions(args, self.stderr), args.include_suppress, full=args.full,
                                          page=page(args))

    def ordered(self, args: argparse.Namespace) -> bool:
        return args.sort is not None


class AlarmShow(ShowCommand):
    """Show one active alarm."""

    api_name = "fault"
    examples = ("fm alarm-show 0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77",
                "fm alarm-show 0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77 --full -f yaml")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("alarm", metavar="uuid", help="uuid of the alarm")
        parser.add_argument("--full", action="store_true",
                            help="also who has acknowledged it and whether it is stale, flapping, silenced")

    def item(self, args: argparse.Namespace) -> Row:
        return Faults(self.client).alarm(args.alarm, args.full)


class AlarmDelete(ActionCommand):
    """Clear alarms by hand, named by uuid or all that match a query. Their raisers may set them again."""

    api_name = "fault"
    dangerous = True
    examples = ("fm alarm-delete 0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77",
                "fm alarm-delete --query 'alarm_id=100.103;entity_instance_id=host=worker-3' --yes")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("alarms", metavar="uuid", nargs="*", help="uuid of an alarm; several are cleared in turn")
        parser.add_argument("-q", "--query", metavar="QUERY", help=f"clear all that match: {QUERY_HELP}")
        parser.add_argument("--include_suppress", "--include-suppress", action="store_true",
                            help="with --query: also alarms that the operator hides")

    def confirm_first(self, args: argparse.Namespace) -> None:
        if args.query is None:
            super().confirm_first(args)

    def act(self, args: argparse.Namespace) -> str | None:
        if bool(args.alarms) == (args.query is not None):
            raise UsageError("Name the alarms to clear: either uuids or --query.")
        faults = Faults(self.client)
        if args.query is None:
            each(args.alarms, faults.delete_alarm)
            return None
        found = faults.alarms(args.query, args.include_suppress, expand=False)
        if not found:
            return "No alarm matches."
        self._confirm_many(found, args)
        return f"Cleared {_counted(faults.delete_matching(args.query, args.include_suppress, enough=len(found)))}."

    def _confirm_many(self, found: Sequence[Alarm], args: argparse.Namespace) -> None:
        """Print the number of alarms and ask for confirmation. CliError without a terminal, unless ``--yes`` is given
        or the environment enables confirmation."""
        if args.yes:
            return
        self.stderr.write(f"This clears {_counted(len(found))}.\n")
        if not confirm.enabled(os.environ) and not self.app.stdin.isatty():
            raise CliError("There is no terminal to confirm that; give --yes.")
        confirm.confirm(self.app.stdin, self.stderr)


def _counted(number: int) -> str:
    return f"{number} alarm{'' if number == 1 else 's'}"


class AlarmSummary(ListCommand):
    """Show how many alarms of each severity are active."""

    api_name = "fault"
    examples = ("fm alarm-summary", "fm alarm-summary --by host", "fm alarm-summary -f json")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--include_suppress", "--include-suppress", action="store_true",
                            help="also count alarms that the operator hides")
        parser.add_argument("--by", choices=("host", "group"), help="one line per host or per group of alarm ids")

    def columns_for(self, args: argparse.Namespace) -> Sequence[Column]:
        return [Column(args.by, args.by.title()), *_COUNTS, Column("status", "Status")] if args.by else _COUNTS

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        found = Faults(self.client).summary(args.include_suppress, args.by)
        return found.get("parts", []) if args.by else [found]


class AlarmAcknowledge(ShowCommand):
    """Acknowledge an alarm in your name."""

    api_name = "fault"
    examples = ("fm alarm-acknowledge 0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77 --comment 'disk ordered, ticket 4711'",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("alarm", metavar="uuid", help="uuid of the alarm")
        parser.add_argument("--comment", default="", help="comment that others can read")

    def item(self, args: argparse.Namespace) -> Row:
        return Faults(self.client).acknowledge(args.alarm, args.comment)


class AlarmUnacknowledge(ActionCommand):
    """Withdraw the acknowledgement of an alarm."""

    api_name = "fault"
    examples = ("fm alarm-unacknowledge 0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("alarm", metavar="uuid", help="uuid of the alarm")

    def act(self, args: argparse.Namespace) -> None:
        Faults(self.client).withdraw_acknowledgement(args.alarm)


COMMANDS = {"alarm-list": AlarmList, "alarm-show": AlarmShow, "alarm-delete": AlarmDelete,
            "alarm-summary": AlarmSummary, "alarm-acknowledge": AlarmAcknowledge,
            "alarm-unacknowledge": AlarmUnacknowledge}
OSC_COMMANDS = {f"fault {name.replace('-', ' ')}": command for name, command in COMMANDS.items()}
