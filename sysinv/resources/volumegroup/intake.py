# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of reported with stored volume groups; the name identifies them."""
from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from flock.db.fitting import BIG_INTEGER_MAX, fitted
from sysinv.contract.enums import VolumeState
from sysinv.db.reported import Change, compare
from sysinv.resources.volumegroup.report import VolumeGroupReport
from sysinv.resources.volumegroup.table import I_LVG

_DIGITS_MAX = len(str(BIG_INTEGER_MAX))


def group_change(stored: Iterable[Mapping[str, Any]], reported: Sequence[VolumeGroupReport], held: Collection[int], *,
                 partial: bool = False) -> Change:
    """Compare. States of groups that are there already stay; the ends of orders change them.

    A group that is missing stays when it was never made, or when its id is in ``held``: volumes are being added to it
    or removed from it.
    """
    rows = {row["lvm_vg_name"]: row for row in stored}
    wanted: dict[str, dict[str, Any]] = {}
    for report in reported:
        values = _values(report)
        name = values["lvm_vg_name"]
        state = {} if name in rows else {"vg_state": VolumeState.PROVISIONED.value}
        wanted.setdefault(name, values | state)
    known = {name: row for name, row in rows.items()
             if name in wanted or (row["vg_state"] == VolumeState.PROVISIONED and row["id"] not in held)}
    return compare(known, wanted, partial=partial)


def byte_count(text: str) -> int:
    """Return a number of bytes from LVM's text; 0 for what is no number."""
    return min(int(text), BIG_INTEGER_MAX) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else 0


def _values(report: VolumeGroupReport) -> dict[str, Any]:
    return fitted(I_LVG, {
        "lvm_vg_name": report.name, "lvm_vg_uuid": report.vg_uuid, "lvm_vg_access": report.access,
        "lvm_max_lv": report.max_lv, "lvm_cur_lv": report.cur_lv, "lvm_max_pv": report.max_pv,
        "lvm_cur_pv": report.cur_pv, "lvm_vg_size": byte_count(report.size_bytes),
        "lvm_vg_avail_size": byte_count(report.free_bytes), "lvm_vg_total_pe": report.total_pe,
        "lvm_vg_free_pe": report.free_pe})
