# SPDX-License-Identifier: Apache-2.0
"""``host-lvg-list``, ``-show``, ``-add`` and ``-delete``."""
from __future__ import annotations

import argparse

from flock.cli.columns import Row
from flock.cli.commands import ActionCommand, ShowCommand
from sysinv.client.collection import Collection
from sysinv.client.hostchild import HostChildList, HostChildShow
from sysinv.client.hosts import Hosts
from sysinv.client.osc import as_plugin
from sysinv.client.storage import Storage, gib_of_bytes
from sysinv.resources.volumegroup.fields import VolumeGroup
from sysinv.resources.volumegroup.rules import CSI, TYPES

_COLLECTION = VolumeGroup.envelope
NOUN, NAMED_BY = "volume group", ("uuid", "lvm_vg_name")
_SHOWS = {"lvm_vg_size": gib_of_bytes("lvm_vg_size"), "lvm_vg_avail_size": gib_of_bytes("lvm_vg_avail_size")}


class VolumeGroupList(HostChildList):
    """List the LVM volume groups of a host."""

    resource = VolumeGroup
    shown = ("uuid", "lvm_vg_name", "vg_state", "lvm_function", "lvm_type", "lvm_pool_size", "lvm_vg_access",
             "lvm_vg_size", "lvm_vg_avail_size", "lvm_cur_pv", "lvm_cur_lv")
    shows = _SHOWS
    sort_by = ("lvm_vg_name",)
    examples = ("system host-lvg-list worker-0",)


class VolumeGroupShow(HostChildShow):
    """Show one LVM volume group of a host; sizes in bytes."""

    resource = VolumeGroup
    noun = NOUN
    found_by = {"lvm_vg_name": "name", "uuid": "uuid"}
    examples = ("system host-lvg-show worker-0 nova-local",)


class VolumeGroupAdd(ShowCommand):
    """Add an LVM volume group, which the host makes at its unlock with the group's first physical volume."""

    api_name = "platform"
    examples = ("system host-lvg-add worker-0 nova-local", "system host-lvg-add worker-0 csi -f lvm-csi -t thin")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("name", help="nova-local, cinder-volumes, or any name with -f")
        parser.add_argument("-f", "--lvm_function", choices=[CSI], help="what uses the group")
        parser.add_argument("-t", "--lvm_type", choices=TYPES, help="how its volumes get space")

    def item(self, args: argparse.Namespace) -> Row:
        host = Hosts(self.client).get(args.host)
        values = {"ihost_uuid": host["uuid"], "lvm_vg_name": args.name}
        if args.lvm_function is not None or args.lvm_type is not None:
            told = {"lvm_function": args.lvm_function, "lvm_type": args.lvm_type}
            values["capabilities"] = {name: value for name, value in told.items() if value is not None}
        return Collection(self.client, _COLLECTION).create(values)


class VolumeGroupDelete(ActionCommand):
    """Delete an LVM volume group; a host that has it removes it at its next unlock."""

    api_name = "platform"
    examples = ("system host-lvg-delete worker-0 nova-local",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("item", metavar="group", help="uuid or name")

    def act(self, args: argparse.Namespace) -> str:
        found = Storage(self.client).find(args.host, _COLLECTION, args.item, NOUN, NAMED_BY)
        Collection(self.client, _COLLECTION).delete(str(found["uuid"]))
        return f"Local Volume Group {found['lvm_vg_name']} was deleted or is being removed."


COMMANDS = {"host-lvg-list": VolumeGroupList, "host-lvg-show": VolumeGroupShow, "host-lvg-add": VolumeGroupAdd,
            "host-lvg-delete": VolumeGroupDelete}
OSC_COMMANDS = as_plugin(COMMANDS)
