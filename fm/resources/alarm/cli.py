# SPDX-License-Identifier: Apache-2.0
"""``alarm-list``, ``alarm-show``, ``alarm-delete``, ``alarm-summary``, ``alarm-acknowledge``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from fm.client.faults import Faults

SUPPRESSED = "suppressed"


def marked(field: str) -> Column:
    """An id that is shown as ``S(<id>)`` while the operator suppresses it."""
    def show(row: Row) -> object:
        ident = row.get(field, "")
        return f"S({ident})" if row.get("suppression_status") == SUPPRESSED else ident
    titles = {"alarm_id": "Alarm ID", "event_log_id": "Event Log ID"}
    return Column(field, titles[field], show)


_LIST = (marked("alarm_id"), *columns("reason_text=Reason Text", "entity_instance_id=Entity ID", "severity=Severity",
                                      "timestamp=Time Stamp"))


class AlarmList(ListCommand):
    """List the active alarms, newest first."""

    api_name = "fault"
    sort_by = ("timestamp",)
    sort_reverse = True
    examples = ("fm alarm-list", "fm alarm-list -q 'severity=critical;entity_instance_id=host=worker-0'",
                "fm alarm-list -f json")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("-q", "--query", help="conditions field<op>value joined by ;")
        parser.add_argument("--uuid", action="store_true", help="also show the uuid")
        parser.add_argument("--include_suppress", "--include-suppress", action="store_true",
                            help="also show alarms whose id is suppressed")
        parser.add_argument("--mgmt_affecting", "--mgmt-affecting", action="store_true",
                            help="also show whether the alarm blocks software management")
        parser.add_argument("--degrade_affecting", "--degrade-affecting", action="store_true",
                            help="also show whether the alarm degrades its host")

    def columns_for(self, args: argparse.Namespace) -> Sequence[Column]:
        shown = [*columns("uuid=UUID"), *_LIST] if args.uuid else list(_LIST)
        if args.mgmt_affecting:
            shown.insert(4, Column("mgmt_affecting", "Management Affecting"))
        if args.degrade_affecting:
            shown.insert(5, Column("degrade_affecting", "Degrade Affecting"))
        return shown

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Faults(self.client).alarms(args.query, args.include_suppress)


class AlarmShow(ShowCommand):
    """Show one active alarm."""

    api_name = "fault"

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("alarm", metavar="uuid", help="uuid of the alarm")

    def item(self, args: argparse.Namespace) -> Row:
        return Faults(self.client).alarm(args.alarm)


class AlarmDelete(ActionCommand):
    """Clear one alarm by hand. Its raiser may set it again."""

    api_name = "fault"
    dangerous = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("alarm", metavar="uuid", help="uuid of the alarm")

    def act(self, args: argparse.Namespace) -> None:
        Faults(self.client).delete_alarm(args.alarm)


class AlarmSummary(ListCommand):
    """Show how many alarms of each severity are active."""

    api_name = "fault"
    columns = columns("critical=Critical Alarms", "major=Major Alarms", "minor=Minor Alarms", "warnings=Warnings")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--include_suppress", "--include-suppress", action="store_true",
                            help="also count alarms whose id is suppressed")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return [Faults(self.client).summary(args.include_suppress)]


class AlarmAcknowledge(ShowCommand):
    """Note on an alarm that you have seen it."""

    api_name = "fault"

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("alarm", metavar="uuid", help="uuid of the alarm")
        parser.add_argument("--comment", default="", help="what others should know")

    def item(self, args: argparse.Namespace) -> Row:
        return Faults(self.client).acknowledge(args.alarm, args.comment)


COMMANDS = {"alarm-list": AlarmList, "alarm-show": AlarmShow, "alarm-delete": AlarmDelete,
            "alarm-summary": AlarmSummary, "alarm-acknowledge": AlarmAcknowledge}
OSC_COMMANDS = {"fault alarm list": AlarmList, "fault alarm show": AlarmShow, "fault alarm delete": AlarmDelete,
                "fault alarm summary": AlarmSummary, "fault alarm acknowledge": AlarmAcknowledge}
