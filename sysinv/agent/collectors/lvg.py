# SPDX-License-Identifier: Apache-2.0
"""Volume groups, from ``vgs``."""
from __future__ import annotations

from flock.core.errors import FlockError
from flock.exec.root import Root
from sysinv.agent.collectors import lvm
from sysinv.agent.collectors.items import Items, each
from sysinv.resources.volumegroup.report import VolumeGroupReport

FIELDS = ("vg_name,vg_uuid,vg_permissions,max_lv,lv_count,max_pv,pv_count,vg_size,vg_free,vg_extent_count,"
          "vg_free_count")


def collect(root: Root) -> Items[VolumeGroupReport]:
    """Return the volume groups by name."""
    try:
        found = {row.get("vg_name", ""): row for row in lvm.told(root, "vgs", FIELDS)}
    except FlockError as error:
        return Items(unread={"vgs": error})
    return each(sorted(found), lambda name: _report(found[name]))


def _report(row: dict[str, str]) -> VolumeGroupReport:
    return VolumeGroupReport(
        name=row["vg_name"], vg_uuid=row["vg_uuid"], access=row["vg_permissions"], max_lv=lvm.number(row, "max_lv"),
        cur_lv=lvm.number(row, "lv_count"), max_pv=lvm.number(row, "max_pv"), cur_pv=lvm.number(row, "pv_count"),
        size_bytes=row["vg_size"], free_bytes=row["vg_free"], total_pe=lvm.number(row, "vg_extent_count"),
        free_pe=lvm.number(row, "vg_free_count"))
