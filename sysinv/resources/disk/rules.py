# SPDX-License-Identifier: Apache-2.0
"""Rule for wiping a disk."""
from __future__ import annotations

from collections.abc import Sequence

from sysinv.contract.enums import PartitionStatus
from sysinv.model.host import HostRefused, InventoryHost
from sysinv.resources.partition.rules import DiskView, PartitionView, check_storage


def check_wipe(host: InventoryHost, disk: DiskView, present: Sequence[PartitionView]) -> None:
    """Raise HostRefused when the disk may not be wiped: it holds something that is in use."""
    check_storage(host, "Disks")
    if disk.is_rootfs:
        raise HostRefused(detail=f"Cannot wipe disk {disk.device_path}: it holds the root file system.")
    if disk.has_osd:
        raise HostRefused(detail=f"Cannot wipe disk {disk.device_path}: it is used by an OSD.")
    if disk.has_volume or any(part.has_volume for part in present):
        raise HostRefused(detail=f"Cannot wipe disk {disk.device_path}: it has a physical volume.")
    used = next((part for part in present if part.status == PartitionStatus.IN_USE), None)
    if used is not None:
        raise HostRefused(detail=f"Cannot wipe disk {disk.device_path}: its partition {used.device_path} is in use.")
