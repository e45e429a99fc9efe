# SPDX-License-Identifier: Apache-2.0
"""Default names and use of PCI devices, and rules for changing them."""
from __future__ import annotations

from sysinv.model.host import HostMustBeLocked, HostRefused, InventoryHost

GPU_CLASS = "030000"
ACCELERATOR_CLASSES = frozenset({"120000", "120001"})
QAT_CLASS = "0b4000"
QAT_DEVICES = frozenset({"0435", "37c8", "4940", "4942", "4946"})
QAT_FIXED_DEVICES = frozenset({"4940", "4942", "4946"})


def default_name(pciaddr: str) -> str:
    """Return the default name: ``pci_0000_05_00_0`` for ``0000:05:00.0``."""
    return "pci_" + pciaddr.replace(":", "_").replace(".", "_")


def default_enabled(pclass_id: str, pdevice_id: str) -> bool:
    """Return whether applications may use a device by default: True for GPUs, accelerators and QAT."""
    if pclass_id == GPU_CLASS or pclass_id in ACCELERATOR_CLASSES:
        return True
    return pclass_id == QAT_CLASS and pdevice_id in QAT_DEVICES


def check_modify(host: InventoryHost, pclass_id: str, pdevice_id: str) -> None:
    """Raise HostRefused or HostMustBeLocked when name or use of the device may not change now."""
    if not host.has_worker_function:
        raise HostRefused(detail="Can only modify worker node PCI devices.")
    if pclass_id == QAT_CLASS and pdevice_id in QAT_FIXED_DEVICES:
        raise HostRefused(detail=f"PCI device {pdevice_id} can not be modified.")
    if not host.is_locked:
        raise HostMustBeLocked(detail="Host must be locked.")
