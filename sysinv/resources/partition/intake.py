# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of reported with stored partitions; disk and GUID identify them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flock.core.text import storable
from flock.db.fitting import fitted
from sysinv.contract.enums import PARTITION_CHANGING, PARTITION_FAILED, PartitionStatus
from sysinv.db.reported import Change, compare
from sysinv.resources.partition.report import PartitionReport
from sysinv.resources.partition.rules import LVM_GUID, LVM_NAME
from sysinv.resources.partition.table import PARTITION

PATH_MAX = 255
# Not on the disk yet, or about to leave it: the end of the order decides about these rows.
_WAITING = PARTITION_CHANGING | {PartitionStatus.CREATING_ON_UNLOCK}


def partition_change(stored: Iterable[Mapping[str, Any]], reported: Sequence[PartitionReport],
                     disks: Mapping[str, int], *, partial: bool = False) -> Change:
    """Compare; ``disks`` are the ids of the host's disks by path.

    A partition whose change has not ended keeps the wanted size and its status. One that failed and is there with the
    wanted size is ready after all.
    """
    rows = {(row["idisk_id"], row["part_guid"]): row for row in stored}
    wanted: dict[tuple[int, str], dict[str, Any]] = {}
    for report in reported:
        disk_id = disks.get(storable(report.disk_path, PATH_MAX))
        if disk_id is None:
            # The disk itself could not be read, and then its partitions stay as they are.
            partial = True
            continue
        values = _values(report, disk_id)
        key = (disk_id, values["part_guid"])
        wanted.setdefault(key, values | _state(rows.get(key), report, values))
    known = {key: row for key, row in rows.items() if key in wanted or not _stays(row)}
    return compare(known, wanted, partial=partial)


def _stays(row: Mapping[str, Any]) -> bool:
    """Whether a row stays although its host does not have the partition."""
    status = PartitionStatus(row["status"])
    never_made = status in PARTITION_FAILED and row["present_mib"] == 0
    return status in _WAITING or never_made or row["foripvid"] is not None


def _state(row: Mapping[str, Any] | None, report: PartitionReport, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that an order writes too: its wish while it lasts, afterwards what is there."""
    now = PartitionStatus.IN_USE if report.in_use else PartitionStatus.READY
    state = {"status": int(now), "size_mib": values["present_mib"]}
    if row is None:
        return state
    status = PartitionStatus(row["status"])
    failed = status in PARTITION_FAILED
    if status in _WAITING or (failed and values["present_mib"] < row["size_mib"]):
        return {"end_mib": max(row["end_mib"], values["start_mib"])}
    return state | ({"error": None} if failed else {})


def _values(report: PartitionReport, disk_id: int) -> dict[str, Any]:
    type_guid = (report.type_guid or "").lower()
    return fitted(PARTITION, {
        "idisk_id": disk_id, "number": report.number, "device_node": report.device_node,
        "part_guid": (report.part_guid or f"number {report.number}").lower(), "device_path": report.device_path,
        "start_mib": report.start_mib, "end_mib": max(report.end_mib, report.start_mib),
        "present_mib": report.size_mib, "type_guid": type_guid,
        "type_name": LVM_NAME if type_guid == LVM_GUID else report.type_name})
