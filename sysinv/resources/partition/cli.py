# SPDX-License-Identifier: Apache-2.0
"""``host-disk-partition-list``, ``-show``, ``-add``, ``-modify`` and ``-delete``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable

from flock.cli.columns import Row
from flock.cli.commands import ActionCommand, ShowCommand
from sysinv.client.collection import Collection
from sysinv.client.hostchild import HostChildList, HostChildShow
from sysinv.client.osc import as_plugin
from sysinv.client.storage import Storage, gib, whole_gib
from sysinv.contract.enums import PartitionStatus
from sysinv.resources.partition.fields import Partition
from sysinv.resources.partition.rules import LVM_GUID, LVM_NAME

TYPES = {"lvm_phys_vol": LVM_GUID}
_COLLECTION = Partition.envelope
_NOUN = "partition"
_STATUS = {
    PartitionStatus.READY: "Ready", PartitionStatus.IN_USE: "In-Use", PartitionStatus.CREATING: "Creating",
    PartitionStatus.CREATING_ON_UNLOCK: "Creating (on unlock)", PartitionStatus.DELETING: "Deleting",
    PartitionStatus.MODIFYING: "Modifying", PartitionStatus.DELETED: "Deleted", PartitionStatus.ERROR: "Error",
    PartitionStatus.ERROR_INTERNAL: "Error: Internal script error",
    PartitionStatus.ERROR_GPT: "Error: Missing GPT Table"}


def _status(row: Row) -> object:
    told = row.get("status")
    return _STATUS[PartitionStatus(told)] if told in list(PartitionStatus) else told


_SHOWS = {"size_mib": gib("size_mib"), "status": _status}


class PartitionList(HostChildList):
    """List the partitions that were made on the disks of a host."""

    resource = Partition
    shown = ("uuid", "device_path", "device_node", "type_guid", "type_name", "size_mib", "status")
    shows = _SHOWS
    sort_by = ("device_path",)
    examples = ("system host-disk-partition-list worker-0",
                "system host-disk-partition-list worker-0 --disk /dev/sdb")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("--disk", metavar="DISK", help="only of this disk: uuid, device node or device path")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        found = super().rows(args)
        if args.disk is None:
            return found
        disk = Storage(self.client).find(args.host, "idisks", args.disk, "disk")
        return [row for row in found if row.get("idisk_uuid") == disk["uuid"]]


class PartitionShow(HostChildShow):
    """Show one partition of a host."""

    resource = Partition
    shown = ("uuid", "device_path", "device_node", "type_guid", "type_name", "start_mib", "end_mib", "size_mib",
             "status", "error", "ihost_uuid", "idisk_uuid", "ipv_uuid", "created_at", "updated_at")
    shows = _SHOWS
    noun = _NOUN
    found_by = {"uuid": "uuid", "device_node": "device node", "device_path": "device path"}
    examples = ("system host-disk-partition-show worker-0 /dev/sdb1",)


class PartitionAdd(ShowCommand):
    """Add a partition behind the last one of a disk. A host that is not in service yet makes it at its unlock."""

    api_name = "platform"
    fields = PartitionShow.fields
    examples = ("system host-disk-partition-add worker-0 /dev/sdb 100",
                "system host-disk-partition-add worker-0 /dev/sdb 100 -t lvm_phys_vol")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("disk", help="uuid, device node or device path of the disk")
        parser.add_argument("size_mib", metavar="size_gib", type=whole_gib, help="size in whole GiB")
        parser.add_argument("-t", "--partition_type", choices=sorted(TYPES), default="lvm_phys_vol",
                            help="what the partition is for, defaults to %(default)s")

    def item(self, args: argparse.Namespace) -> Row:
        disk = Storage(self.client).find(args.host, "idisks", args.disk, "disk")
        return Collection(self.client, _COLLECTION).create({
            "ihost_uuid": disk["ihost_uuid"], "idisk_uuid": disk["uuid"], "size_mib": args.size_mib,
            "type_guid": TYPES[args.partition_type], "type_name": LVM_NAME})


class PartitionModify(ShowCommand):
    """Enlarge the last partition of a disk."""

    api_name = "platform"
    fields = PartitionShow.fields
    examples = ("system host-disk-partition-modify worker-0 /dev/sdb1 -s 200",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("item", metavar=_NOUN, help="uuid, device node or device path")
        parser.add_argument("-s", "--size_gib", dest="size_mib", metavar="GIB", type=whole_gib, required=True,
                            help="new size in whole GiB")

    def item(self, args: argparse.Namespace) -> Row:
        found = Storage(self.client).find(args.host, _COLLECTION, args.item, _NOUN)
        return Collection(self.client, _COLLECTION).update(str(found["uuid"]), {"size_mib": args.size_mib})


class PartitionDelete(ActionCommand):
    """Delete the last partition of a disk. All that it holds is lost."""

    api_name = "platform"
    examples = ("system host-disk-partition-delete worker-0 /dev/sdb1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("item", metavar=_NOUN, help="uuid, device node or device path")

    def act(self, args: argparse.Namespace) -> str:
        found = Storage(self.client).find(args.host, _COLLECTION, args.item, _NOUN)
        Collection(self.client, _COLLECTION).delete(str(found["uuid"]))
        return f"Deleting partition {found['uuid']}"


COMMANDS = {
    "host-disk-partition-list": PartitionList, "host-disk-partition-show": PartitionShow,
    "host-disk-partition-add": PartitionAdd, "host-disk-partition-modify": PartitionModify,
    "host-disk-partition-delete": PartitionDelete}
OSC_COMMANDS = as_plugin(COMMANDS)
