# SPDX-License-Identifier: Apache-2.0
"""``silence-list``, ``-show``, ``-create``, ``-update``, ``-delete``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from flock.cli.columns import Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand, each
from flock.cli.errors import UsageError
from fm.client.faults import Faults
from fm.client.times import RULE, moment, wire

_EXAMPLE = "5d0e6f8a-0b8e-4a43-9d0a-6c1f5a2b7e11"


class SilenceList(ListCommand):
    """List the silences, newest first."""

    api_name = "fault"
    sort_by = ("created_at",)
    sort_reverse = True
    columns = columns("uuid=UUID", "alarm_id=Alarm ID", "entity_instance_id=Entity ID", "expires_at=Expires At",
                      "created_by=Created By", "comment=Comment")
    examples = ("fm silence-list", "fm silence-list -f json")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Faults(self.client).silences()


class SilenceShow(ShowCommand):
    """Show one silence."""

    api_name = "fault"
    examples = (f"fm silence-show {_EXAMPLE}",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("silence", metavar="uuid", help="uuid of the silence")

    def item(self, args: argparse.Namespace) -> Row:
        return Faults(self.client).silence(args.silence)


class SilenceCreate(ShowCommand):
    """Hide alarms of an id, of an entity and its contained ones, or of both. Hidden alarms stay active."""

    api_name = "fault"
    examples = ("fm silence-create --entity host=worker-3 --expires 2h --comment 'memory is being replaced'",
                "fm silence-create --alarm-id 100.103 --entity host=worker-3 --expires '2026-05-01 18:00'")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--alarm_id", "--alarm-id", metavar="ID", help="only alarms of this id")
        parser.add_argument("--entity", metavar="ENTITY", help="only alarms of this entity and of contained ones")
        parser.add_argument("--expires", metavar="WHEN", help=f"{RULE}; without it the silence lasts until deleted")
        parser.add_argument("--comment", help="reason for the silence")

    def item(self, args: argparse.Namespace) -> Row:
        if not args.alarm_id and not args.entity:
            raise UsageError("Say what to silence: --alarm-id, --entity or both.")
        expires_at = moment(args.expires, datetime.now(UTC)) if args.expires else None
        return Faults(self.client).create_silence(args.alarm_id, args.entity, expires_at, args.comment)


class SilenceUpdate(ShowCommand):
    """Change the expiry or the comment of a silence."""

    api_name = "fault"
    examples = (f"fm silence-update {_EXAMPLE} --expires 1d", f"fm silence-update {_EXAMPLE} --no-expiry")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("silence", metavar="uuid", help="uuid of the silence")
        end = parser.add_mutually_exclusive_group()
        end.add_argument("--expires", metavar="WHEN", help=RULE)
        end.add_argument("--no-expiry", action="store_true", help="the silence lasts until it is deleted")
        parser.add_argument("--comment", help="reason for the silence")

    def item(self, args: argparse.Namespace) -> Row:
        changes: dict[str, Any] = {}
        if args.expires or args.no_expiry:
            changes["expires_at"] = wire(moment(args.expires, datetime.now(UTC))) if args.expires else None
        if args.comment is not None:
            changes["comment"] = args.comment
        if not changes:
            raise UsageError("Say what to change: --expires, --no-expiry or --comment.")
        return Faults(self.client).change_silence(args.silence, changes)


class SilenceDelete(ActionCommand):
    """End silences; their alarms are shown again."""

    api_name = "fault"
    dangerous = True
    examples = (f"fm silence-delete {_EXAMPLE}",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("silences", metavar="uuid", nargs="+", help="uuid of a silence")

    def act(self, args: argparse.Namespace) -> None:
        each(args.silences, Faults(self.client).delete_silence)


COMMANDS = {"silence-list": SilenceList, "silence-show": SilenceShow, "silence-create": SilenceCreate,
            "silence-update": SilenceUpdate, "silence-delete": SilenceDelete}
OSC_COMMANDS = {"fault silence list": SilenceList, "fault silence show": SilenceShow,
                "fault silence create": SilenceCreate, "fault silence set": SilenceUpdate,
                "fault silence delete": SilenceDelete}
