# SPDX-License-Identifier: Apache-2.0
"""Physical volumes, from ``pvs``."""
from __future__ import annotations

from flock.core.errors import FlockError
from flock.exec.root import Root
from sysinv.agent.collectors import disk, lvm
from sysinv.agent.collectors.items import Items, each
from sysinv.agent.collectors.udev import device_at
from sysinv.resources.physicalvolume.report import PhysicalVolumeReport

FIELDS = "pv_name,vg_name,pv_uuid,pv_size,pv_pe_count,pv_pe_alloc_count"


def collect(root: Root) -> Items[PhysicalVolumeReport]:
    """Return the physical volumes that are in a group, by device."""
    try:
        found = {row.get("pv_name", ""): row for row in lvm.told(root, "pvs", FIELDS) if row.get("vg_name")}
    except FlockError as error:
        return Items(unread={"pvs": error})
    return each(sorted(found), lambda name: _report(root, found[name]))


def _report(root: Root, row: dict[str, str]) -> PhysicalVolumeReport:
    # LVM may use another name of the device than the kernel.
    name = device_at(root, row["pv_name"])
    return PhysicalVolumeReport(
        device_node=row["pv_name"] if name is None else disk.node(name), vg_name=row["vg_name"],
        pv_uuid=row["pv_uuid"], size_bytes=row["pv_size"], pe_total=lvm.number(row, "pv_pe_count"),
        pe_alloced=lvm.number(row, "pv_pe_alloc_count"))
