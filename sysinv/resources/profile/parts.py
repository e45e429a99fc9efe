# SPDX-License-Identifier: Apache-2.0
"""The items of a profile in wire form, of each kind."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flock.api.describe import View
from flock.wire.render import render_many
from flock.wire.resource import Resource
from sysinv.resources.cpu.fields import Cpu
from sysinv.resources.disk.fields import Disk
from sysinv.resources.interface.fields import Interface
from sysinv.resources.interface.rules import ADDRESSED, MODES
from sysinv.resources.memory.fields import Memory
from sysinv.resources.node.fields import Node
from sysinv.resources.osd.fields import Stor
from sysinv.resources.partition.fields import Partition
from sysinv.resources.partition.rules import partition_node, partition_path
from sysinv.resources.physicalvolume.fields import PhysicalVolume
from sysinv.resources.port.fields import EthernetPort, Port
from sysinv.resources.profile.body import Body, ProfileInterface, ProfileMemory
from sysinv.resources.profile.fields import (
    CPU_FIELDS,
    DISK_FIELDS,
    GROUP_FIELDS,
    INTERFACE_FIELDS,
    MEMORY_FIELDS,
    NODE_FIELDS,
    PARTITION_FIELDS,
    PORT_FIELDS,
    STOR_FIELDS,
    VOLUME_FIELDS,
)
from sysinv.resources.volumegroup.fields import VolumeGroup
from sysinv.resources.volumegroup.rules import NOVA_LOCAL


class Part:
    """One kind of items of a profile: rows of ``resource`` with ``fields``, without an address of their own.

    ``lists`` of names and ``texts`` are in the rows, and not fields of the resource.
    """

    def __init__(self, resource: type[Resource], fields: Sequence[str], rows: Callable[[Body], list[Any]],
                 lists: Sequence[str] = (), texts: Sequence[str] = ()) -> None:
        self.view = View(resource, fields, name=f"Profile{resource.__name__}", extra={
            **{name: {"type": "array", "items": {"type": "string"}} for name in lists},
            **{name: {"type": "string"} for name in texts}})
        self._lists, self._texts = lists, texts
        self._rows = rows

    def rendered(self, body: Body) -> list[dict[str, Any]]:
        """Return the items of a profile in wire form."""
        rows = self._rows(body)
        items = render_many(self.view.resource, rows, fields=self.view.fields)
        return [{**one, **{name: list(row[name]) for name in self._lists}, **{name: row[name] for name in self._texts}}
                for one, row in zip(items, rows, strict=True)]


def _cpu_rows(body: Body) -> list[Any]:
    return [{name: getattr(one, name) for name in CPU_FIELDS} for one in body.cpus]


def _node_rows(body: Body) -> list[Any]:
    return [{"numa_node": number} for number in body.nodes]


def _memory_rows(body: Body) -> list[Any]:
    return [_memory_row(one) for one in body.memory]


def _memory_row(one: ProfileMemory) -> dict[str, Any]:
    return {"numa_node": one.numa_node, "platform_reserved_mib": one.platform_reserved_mib,
            "vm_hugepages_nr_2M_pending": one.pages_2m, "vm_hugepages_nr_1G_pending": one.pages_1g,
            "vm_pending_as_percentage": one.as_percentage, "vswitch_hugepages_reqd": one.vswitch_pages,
            "vswitch_hugepages_size_mib": one.vswitch_page_mib}


def _port_rows(body: Body) -> list[Any]:
    return [{name: getattr(one, name) for name in PORT_FIELDS} for one in body.ports]


def _interface_rows(body: Body) -> list[Any]:
    return [_interface_row(one, body) for one in body.interfaces]


def _interface_row(one: ProfileInterface, body: Body) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in (*INTERFACE_FIELDS, "networks", "datanetworks")}
    if one.ifclass not in ADDRESSED:
        for name in MODES:
            del row[name]
    return {**row, "ports": [port.name for port in body.ports if port.interface == one.ifname]}


def _disk_rows(body: Body) -> list[Any]:
    return [{name: getattr(one, name) for name in DISK_FIELDS} for one in (*body.disks, *body.stors)]


def _stor_rows(body: Body) -> list[Any]:
    return [{"function": one.function.value, "tier_name": one.tier or None, "device_node": one.device_node,
             "device_path": one.device_path, "journal_location": one.journal_path or None,
             "journal_size_mib": one.journal_size_mib or None} for one in body.stors]


def _partition_rows(body: Body) -> list[Any]:
    """Partitions as they are on an empty disk: a host with other partitions gets the next numbers."""
    return [{"size_mib": size_mib, "device_node": partition_node(disk.device_node, number),
             "device_path": partition_path(disk.device_node, disk.device_path, number)}
            for disk in body.disks for number, size_mib in enumerate(disk.partitions_mib, 1)]


def _volume_rows(body: Body) -> list[Any]:
    whole = [(disk.device_node, disk.device_path, "disk") for disk in body.disks if not disk.partitions_mib]
    parts = [(row["device_node"], row["device_path"], "partition") for row in _partition_rows(body)]
    return [{"lvm_vg_name": NOVA_LOCAL, "pv_type": kind, "disk_or_part_device_node": node,
             "disk_or_part_device_path": path} for node, path, kind in (*whole, *parts)]


CPUS = Part(Cpu, CPU_FIELDS, _cpu_rows)
NODES = Part(Node, NODE_FIELDS, _node_rows)
MEMORY = Part(Memory, MEMORY_FIELDS, _memory_rows)
PORTS = Part(Port, PORT_FIELDS, _port_rows)
ETHERNET_PORTS = Part(EthernetPort, PORT_FIELDS, _port_rows)
INTERFACES = Part(Interface, INTERFACE_FIELDS, _interface_rows, ("ports", "networks", "datanetworks"))
DISKS = Part(Disk, DISK_FIELDS, _disk_rows)
PARTITIONS = Part(Partition, PARTITION_FIELDS, _partition_rows)
GROUPS = Part(VolumeGroup, GROUP_FIELDS, lambda body: [{"lvm_vg_name": NOVA_LOCAL}] if body.disks else [])
VOLUMES = Part(PhysicalVolume, VOLUME_FIELDS, _volume_rows)
STORS = Part(Stor, STOR_FIELDS, _stor_rows, (), ("device_node", "device_path"))
CHILDREN = {"icpus": CPUS, "inodes": NODES, "imemorys": MEMORY, "ports": PORTS, "ethernet_ports": ETHERNET_PORTS,
            "iinterfaces": INTERFACES, "idisks": DISKS, "partitions": PARTITIONS, "ilvgs": GROUPS, "ipvs": VOLUMES,
            "istors": STORS}
