# SPDX-License-Identifier: Apache-2.0
"""``host-pv-list``, ``-show``, ``-add`` and ``-delete``."""
from __future__ import annotations

import argparse

from flock.cli.columns import Row
from flock.cli.commands import ActionCommand, ShowCommand
from sysinv.client.collection import Collection
from sysinv.client.hostchild import HostChildList, HostChildShow
from sysinv.client.osc import as_plugin
from sysinv.client.storage import Storage
from sysinv.resources.physicalvolume.fields import PhysicalVolume

_COLLECTION = PhysicalVolume.envelope
_NOUN = "physical volume"
_NAMED_BY = ("uuid", "lvm_pv_name", "disk_or_part_uuid", "disk_or_part_device_node", "disk_or_part_device_path")


class PhysicalVolumeList(HostChildList):
    """List the LVM physical volumes of a host."""

    resource = PhysicalVolume
    shown = ("uuid", "lvm_pv_name", "disk_or_part_uuid", "disk_or_part_device_node", "disk_or_part_device_path",
             "pv_state", "pv_type", "lvm_vg_name", "ihost_uuid")
    sort_by = ("lvm_vg_name", "disk_or_part_device_node")
    examples = ("system host-pv-list worker-0",)


class PhysicalVolumeShow(HostChildShow):
    """Show one LVM physical volume of a host; sizes in bytes."""

    resource = PhysicalVolume
    noun = _NOUN
    found_by = {"uuid": "uuid", "lvm_pv_name": "name", "disk_or_part_device_node": "device node"}
    examples = ("system host-pv-show worker-0 /dev/sdb1",)


class PhysicalVolumeAdd(ShowCommand):
    """Add a disk or partition to an LVM volume group, which it joins at the host's next unlock."""

    api_name = "platform"
    examples = ("system host-pv-add worker-0 nova-local /dev/sdb1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("group", help="uuid or name of the volume group")
        parser.add_argument("device", help="uuid, device node or device path of the disk or partition")

    def item(self, args: argparse.Namespace) -> Row:
        storage = Storage(self.client)
        group = storage.find(args.host, "ilvgs", args.group, "volume group", ("uuid", "lvm_vg_name"))
        device = storage.disk_or_partition(args.host, args.device)
        return Collection(self.client, _COLLECTION).create({
            "ihost_uuid": group["ihost_uuid"], "ilvg_uuid": group["uuid"], "disk_or_part_uuid": device["uuid"]})


class PhysicalVolumeDelete(ActionCommand):
    """Remove an LVM physical volume from its group; a host that has it does so at its next unlock."""

    api_name = "platform"
    examples = ("system host-pv-delete worker-0 /dev/sdb1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("item", metavar="volume", help="uuid, name or device of the volume")

    def act(self, args: argparse.Namespace) -> str:
        found = Storage(self.client).find(args.host, _COLLECTION, args.item, _NOUN, _NAMED_BY)
        Collection(self.client, _COLLECTION).delete(str(found["uuid"]))
        return f"Physical volume {found['uuid']} was deleted or is being removed."


COMMANDS = {"host-pv-list": PhysicalVolumeList, "host-pv-show": PhysicalVolumeShow, "host-pv-add": PhysicalVolumeAdd,
            "host-pv-delete": PhysicalVolumeDelete}
OSC_COMMANDS = as_plugin(COMMANDS)
