# SPDX-License-Identifier: Apache-2.0
"""Agents' report of disks."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.contract.reports import Report


@dataclass(frozen=True, slots=True)
class DiskReport:
    """One disk; ``device_type`` is HDD, SSD or NVME; sizes in MiB; ``is_rootfs`` for the boot disk."""

    device_node: str
    device_num: int
    device_type: str
    device_id: str | None
    device_path: str | None
    device_wwn: str | None
    size_mib: int
    available_mib: int
    rpm: str
    serial_id: str | None
    model: str | None
    is_rootfs: bool = False


REPORT = Report("disk", DiskReport, "sysinv.agent.collectors.disk", after=("platform",),
                aliases=("disks", "audit_disk"))
