# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of reported with stored disks; their path identifies them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flock.db.fitting import fitted
from sysinv.db.reported import Change, compare
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.disk.table import I_IDISK


def disk_change(stored: Iterable[Mapping[str, Any]], reported: Sequence[DiskReport], *,
                partial: bool = False) -> Change:
    """Compare. A missing disk with a volume or an OSD stays; a different serial number means a replaced disk."""
    wanted: dict[str, dict[str, Any]] = {}
    for report in reported:
        values = _values(report)
        wanted.setdefault(values["device_path"], values)
    known = {row["device_path"]: row for row in stored
             if row["device_path"] in wanted or (row["foristorid"] is None and row["foripvid"] is None)}
    change = compare(known, wanted, partial=partial)
    for path, values in wanted.items():
        old = known[path]["serial_id"] if path in known else None
        if old and values["serial_id"] and old != values["serial_id"]:
            change.notes.append(f"disk {path} was replaced")
    return change


def _values(report: DiskReport) -> dict[str, Any]:
    capabilities = {}
    if report.model:
        capabilities["model_num"] = report.model
    if report.is_rootfs:
        capabilities["stor_function"] = "rootfs"
    return fitted(I_IDISK, {
        "device_node": report.device_node, "device_num": report.device_num, "device_type": report.device_type,
        "device_id": report.device_id, "device_path": report.device_path or report.device_node,
        "device_wwn": report.device_wwn, "size_mib": report.size_mib, "available_mib": report.available_mib,
        "rpm": report.rpm, "serial_id": report.serial_id, "capabilities": capabilities})
