# SPDX-License-Identifier: Apache-2.0
"""``host-disk-list``, ``host-disk-show`` and ``host-disk-wipe``."""
from __future__ import annotations

import argparse

from flock.cli.columns import Row
from flock.cli.commands import ShowCommand
from flock.cli.errors import UsageError
from sysinv.client.collection import Collection
from sysinv.client.hostchild import HostChildList, HostChildShow
from sysinv.client.osc import as_plugin
from sysinv.client.storage import Storage, gib
from sysinv.resources.disk.fields import Disk

_SIZES = {"size_mib": gib("size_mib"), "available_mib": gib("available_mib")}


class DiskList(HostChildList):
    """List the disks of a host."""

    resource = Disk
    shown = ("uuid", "device_node", "device_num", "device_type", "size_mib", "available_mib", "rpm", "serial_id",
             "device_path")
    shows = _SIZES
    sort_by = ("device_node",)
    examples = ("system host-disk-list worker-0",)


class DiskShow(HostChildShow):
    """Show one disk of a host."""

    resource = Disk
    shown = ("uuid", "device_node", "device_num", "device_type", "device_path", "device_wwn", "size_mib",
             "available_mib", "rpm", "serial_id", "capabilities", "ihost_uuid", "istor_uuid", "ipv_uuid", "created_at",
             "updated_at")
    shows = _SIZES
    noun = "disk"
    found_by = {"uuid": "uuid", "device_node": "device node", "device_path": "device path"}
    examples = ("system host-disk-show worker-0 /dev/sda",)


class DiskWipe(ShowCommand):
    """Erase a disk of a host and give it a new, empty GPT. All that it holds is lost."""

    api_name = "platform"
    fields = DiskShow.fields
    examples = ("system host-disk-wipe --confirm worker-0 /dev/sdb",
                "system host-disk-wipe -s --confirm worker-0 /dev/sdb")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("-s", "--skip-formatting", action="store_true",
                            help="only write a new partition table, do not erase file systems and volumes")
        parser.add_argument("--confirm", action="store_true", help="confirm that all data of the disk may be lost")
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("item", metavar="disk", help="uuid, device node or device path")

    def item(self, args: argparse.Namespace) -> Row:
        if not args.confirm:
            raise UsageError("All data of the disk will be lost. Repeat the command with --confirm.")
        disk = Storage(self.client).find(args.host, "idisks", args.item, "disk")
        return Collection(self.client, "idisks").update(str(disk["uuid"]), {
            "partition_table": "gpt", "skip_formatting": str(args.skip_formatting)})


COMMANDS = {"host-disk-list": DiskList, "host-disk-show": DiskShow, "host-disk-wipe": DiskWipe}
OSC_COMMANDS = as_plugin(COMMANDS)
