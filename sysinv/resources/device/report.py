# SPDX-License-Identifier: Apache-2.0
"""Agents' report of PCI functions that are not network ports."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.contract.reports import Report, Source


@dataclass(frozen=True, slots=True)
class PciDeviceReport:
    """One PCI function that is not a NIC, bridge or system peripheral; ids are lower-case hexadecimal without 0x."""

    pciaddr: str
    pclass_id: str
    pvendor_id: str
    pdevice_id: str
    pclass: str
    pvendor: str
    pdevice: str
    psvendor: str
    psdevice: str
    numa_node: int
    driver: str | None
    sriov_totalvfs: int | None = None
    sriov_numvfs: int | None = None
    sriov_vfs_pci_address: tuple[str, ...] = ()
    extra_info: str | None = None
    sriov_vf_driver: str | None = None
    sriov_vf_pdevice_id: str | None = None


REPORT = Report("pci_device", PciDeviceReport, "sysinv.agent.collectors.pci",
                sources=(Source.HARDWARE, Source.SYSTEM), after=("platform",), aliases=("pci", "pci_devices"))
