# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of reported with stored PCI devices; their address identifies them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flock.db.fitting import fitted
from sysinv.db.reported import Change, compare
from sysinv.resources.device.report import PciDeviceReport
from sysinv.resources.device.rules import default_enabled, default_name
from sysinv.resources.device.table import PCI_DEVICES


def device_change(stored: Iterable[Mapping[str, Any]], reported: Sequence[PciDeviceReport], *,
                  partial: bool = False) -> Change:
    """Compare. Keeps the operator's choice of name and use, unless the address has another card now."""
    known = {row["pciaddr"]: row for row in stored}
    wanted: dict[str, dict[str, Any]] = {}
    for report in reported:
        values = _values(report)
        old = known.get(values["pciaddr"])
        if old is None or any(old[name] != values[name] for name in ("pvendor_id", "pdevice_id")):
            values |= _defaults(report)
        wanted.setdefault(values["pciaddr"], values)
    return compare(known, wanted, partial=partial)


def _defaults(report: PciDeviceReport) -> dict[str, Any]:
    return fitted(PCI_DEVICES, {"name": default_name(report.pciaddr),
                                "enabled": default_enabled(report.pclass_id, report.pdevice_id)})


def _values(report: PciDeviceReport) -> dict[str, Any]:
    return fitted(PCI_DEVICES, {
        "pciaddr": report.pciaddr, "pclass_id": report.pclass_id, "pvendor_id": report.pvendor_id,
        "pdevice_id": report.pdevice_id, "pclass": report.pclass, "pvendor": report.pvendor,
        "pdevice": report.pdevice, "psvendor": report.psvendor, "psdevice": report.psdevice,
        "numa_node": report.numa_node, "driver": report.driver, "sriov_totalvfs": report.sriov_totalvfs,
        "sriov_numvfs": report.sriov_numvfs, "sriov_vfs_pci_address": ",".join(report.sriov_vfs_pci_address),
        "sriov_vf_driver": report.sriov_vf_driver, "sriov_vf_pdevice_id": report.sriov_vf_pdevice_id,
        "extra_info": report.extra_info})
