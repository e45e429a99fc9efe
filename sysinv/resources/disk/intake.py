# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of reported with stored disks; their path identifies them."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flock.db.fitting import fitted
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.disk.table import I_IDISK


@dataclass(frozen=True, slots=True)
class StoredDisk:
    """One stored disk; ``used`` when it carries a volume or an OSD."""

    id: int
    device_path: str
    values: dict[str, Any]
    used: bool = False


@dataclass(frozen=True, slots=True)
class DiskChange:
    """Rows to insert, columns to write by row id, row ids to delete, and row ids whose disk was replaced."""

    insert: list[dict[str, Any]] = field(default_factory=list)
    update: dict[int, dict[str, Any]] = field(default_factory=dict)
    delete: list[int] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)


def disk_change(stored: Sequence[StoredDisk], reported: Sequence[DiskReport]) -> DiskChange:
    """Compare. Keeps a missing disk while it is used; a different serial number means a replaced disk."""
    known = {disk.device_path: disk for disk in stored}
    change = DiskChange()
    seen: set[str] = set()
    for report in reported:
        values = _values(report)
        path = values["device_path"]
        if path in seen:
            continue
        seen.add(path)
        old = known.get(path)
        if old is None:
            change.insert.append(values)
            continue
        if old.values["serial_id"] and values["serial_id"] and old.values["serial_id"] != values["serial_id"]:
            change.replaced.append(old.id)
        differing = {name: value for name, value in values.items() if old.values.get(name) != value}
        if differing:
            change.update[old.id] = differing
    change.delete.extend(disk.id for path, disk in known.items() if path not in seen and not disk.used)
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
