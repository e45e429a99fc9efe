# SPDX-License-Identifier: Apache-2.0
"""Agents' report of partitions."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.contract.reports import Report


@dataclass(frozen=True, slots=True)
class PartitionReport:
    """One partition of the disk whose ``device_path`` is ``disk_path``.

    It lies from ``start_mib``, rounded down, to ``end_mib``, rounded up. ``part_guid`` identifies it in its table.
    ``in_use``: a file system, a volume group or another device uses it.
    """

    disk_path: str
    number: int
    device_node: str
    device_path: str
    start_mib: int
    end_mib: int
    size_mib: int
    type_guid: str | None = None
    type_name: str | None = None
    part_guid: str | None = None
    in_use: bool = False


REPORT = Report("partition", PartitionReport, "sysinv.agent.collectors.partition", after=("disk",),
                aliases=("partitions", "audit_partition"), key=lambda partition: partition.device_node)
