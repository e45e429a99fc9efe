# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of reported with stored physical volumes; the disk or partition identifies them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flock.core.text import storable
from flock.db.fitting import fitted
from sysinv.contract.enums import VolumeState
from sysinv.db.reported import Change, compare
from sysinv.resources.physicalvolume.report import PhysicalVolumeReport
from sysinv.resources.physicalvolume.table import I_PV
from sysinv.resources.volumegroup.intake import byte_count

TEXT_MAX, NAME_MAX = 255, 64
# The column of a volume's holder, and the holder's id.
Holder = tuple[str, int]


def volume_change(stored: Iterable[Mapping[str, Any]], reported: Sequence[PhysicalVolumeReport],
                  holders: Mapping[str, Holder], groups: Mapping[str, int], *, partial: bool = False) -> Change:
    """Compare. ``holders``: the host's disks and partitions by device node; ``groups``: ids of its groups by name.

    A volume on something else, such as an array of partitions, is not stored. States stay; the ends of orders change
    them. A missing volume stays while it is being added or removed, or failed.
    """
    rows = {_holder(row): row for row in stored}
    wanted: dict[Holder, dict[str, Any]] = {}
    for report in reported:
        holder = holders.get(storable(report.device_node, TEXT_MAX))
        group = groups.get(storable(report.vg_name, NAME_MAX))
        if holder is None or group is None:
            continue
        state = {} if holder in rows else {"pv_state": VolumeState.PROVISIONED.value, "forilvgid": group}
        wanted.setdefault(holder, {holder[0]: holder[1], **_values(report), **state})
    known = {holder: row for holder, row in rows.items()
             if holder in wanted or row["pv_state"] == VolumeState.PROVISIONED}
    return compare(known, wanted, partial=partial)


def _holder(row: Mapping[str, Any]) -> Holder:
    column = "idisk_id" if row["partition_id"] is None else "partition_id"
    return column, row[column]


def _values(report: PhysicalVolumeReport) -> dict[str, Any]:
    return fitted(I_PV, {
        "lvm_pv_name": report.device_node, "lvm_pv_uuid": report.pv_uuid,
        "lvm_pv_size": byte_count(report.size_bytes), "lvm_pe_total": report.pe_total,
        "lvm_pe_alloced": report.pe_alloced})
