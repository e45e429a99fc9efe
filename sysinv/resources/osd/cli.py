# SPDX-License-Identifier: Apache-2.0
"""``host-stor-list``, ``-show``, ``-add``, ``-update`` and ``-delete``."""
from __future__ import annotations

import argparse

from flock.cli.client import segment
from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ActionCommand, ShowCommand
from flock.cli.errors import UsageError
from sysinv.client.collection import Collection
from sysinv.client.hostchild import HostChildList, ItemShow
from sysinv.client.osc import as_plugin
from sysinv.client.storage import Storage, gib
from sysinv.contract.enums import StorFunction
from sysinv.resources.osd.fields import Stor

_COLLECTION = Stor.envelope
_SIZE = Column("journal_size_mib", "journal_size_gib", gib("journal_size_mib"))
_FIELDS = (
    *columns("osdid", "function", "state", "journal_location"), _SIZE,
    *columns("journal_path", "journal_node", "uuid", "ihost_uuid", "idisk_uuid", "tier_uuid", "tier_name", "created_at",
             "updated_at"))


def _journal(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--journal-location", metavar="UUID",
                        help="journal disk of the host, or the OSD's own uuid for a journal on its own disk")
    parser.add_argument("--journal-size", metavar="MIB", type=int, help="size of the journal, 200 to 10240 MiB")


def _journal_values(args: argparse.Namespace) -> dict[str, object]:
    values = {"journal_location": args.journal_location, "journal_size_mib": args.journal_size}
    return {name: value for name, value in values.items() if value is not None}


class StorList(HostChildList):
    """List the OSDs and journals of a host."""

    resource = Stor
    shown = ("uuid", "function", "osdid", "state", "idisk_uuid", "journal_path", "journal_node", "journal_size_mib",
             "tier_name")
    shows = {"journal_size_mib": gib("journal_size_mib")}
    sort_by = ("osdid", "uuid")
    examples = ("system host-stor-list storage-0",)


class StorShow(ItemShow):
    """Show one OSD or journal."""

    resource = Stor
    noun = "stor"
    fields = _FIELDS
    examples = ("system host-stor-show 1f2e3d4c-0000-4000-8000-000000000001",)


class StorAdd(ShowCommand):
    """Make a disk of a host an OSD, or a journal for the OSDs of the host. All that the disk holds will be lost."""

    api_name = "platform"
    fields = _FIELDS
    examples = ("system host-stor-add storage-0 osd /dev/sdb", "system host-stor-add storage-0 journal /dev/nvme0n1",
                "system host-stor-add storage-0 /dev/sdc --tier-uuid 1f2e3d4c-0000-4000-8000-000000000001")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("function", nargs="?", default=StorFunction.OSD.value,
                            choices=[one.value for one in StorFunction], help="default: %(default)s")
        parser.add_argument("disk", help="uuid, device node or device path of the disk")
        _journal(parser)
        parser.add_argument("--tier-uuid", metavar="UUID", help="storage tier of an OSD, default: storage")

    def item(self, args: argparse.Namespace) -> Row:
        disk = Storage(self.client).find(args.host, "idisks", args.disk, "disk")
        values = {"ihost_uuid": disk["ihost_uuid"], "idisk_uuid": disk["uuid"], "function": args.function,
                  **_journal_values(args)}
        if args.tier_uuid is not None:
            values["tier_uuid"] = args.tier_uuid
        return Collection(self.client, _COLLECTION).create(values)


class StorUpdate(ShowCommand):
    """Move or resize the journal of an OSD."""

    api_name = "platform"
    fields = _FIELDS
    examples = ("system host-stor-update 1f2e3d4c-0000-4000-8000-000000000001 --journal-size 1024",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("stor", help="uuid of the OSD")
        _journal(parser)

    def item(self, args: argparse.Namespace) -> Row:
        values = _journal_values(args)
        if not values:
            raise UsageError("Give --journal-location, --journal-size or both.")
        return Collection(self.client, _COLLECTION).update(args.stor, values)


class StorDelete(ActionCommand):
    """Take an OSD or journal from its disk."""

    api_name = "platform"
    examples = ("system host-stor-delete 1f2e3d4c-0000-4000-8000-000000000001",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("stor", help="uuid of the OSD or journal")
        parser.add_argument("--force", action="store_true",
                            help="delete an OSD of rook-ceph also when its data are not safe elsewhere")

    def act(self, args: argparse.Namespace) -> str:
        self.client.delete(f"/v1/{_COLLECTION}/{segment(args.stor)}?force={args.force}")
        return f"Deleted host stor: {args.stor}"


COMMANDS = {"host-stor-list": StorList, "host-stor-show": StorShow, "host-stor-add": StorAdd,
            "host-stor-update": StorUpdate, "host-stor-delete": StorDelete}
OSC_COMMANDS = as_plugin(COMMANDS)
