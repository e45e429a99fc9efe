# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of reported with stored PCI devices; their address identifies them."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flock.db.fitting import fitted
from sysinv.resources.device.report import PciDeviceReport
from sysinv.resources.device.rules import default_enabled, default_name
from sysinv.resources.device.table import PCI_DEVICES


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """Rows to insert, columns to write by row id, row ids to delete."""

    insert: list[dict[str, Any]] = field(default_factory=list)
    update: dict[int, dict[str, Any]] = field(default_factory=dict)
    delete: list[int] = field(default_factory=list)


def device_change(stored: Sequence[Mapping[str, Any]], reported: Sequence[PciDeviceReport]) -> DeviceChange:
    """Compare. Keeps the operator's choice of name and use, unless the address has another card now."""
    known = {row["pciaddr"]: row for row in stored}
    change = DeviceChange()
    seen: set[str] = set()
    for report in reported:
        values = _values(report)
        if values["pciaddr"] in seen:
            continue
        seen.add(values["pciaddr"])
        old = known.get(values["pciaddr"])
        if old is None:
            change.insert.append(values | _defaults(report))
            continue
        if (old["pvendor_id"], old["pdevice_id"]) != (values["pvendor_id"], values["pdevice_id"]):
            values |= _defaults(report)
        differing = {name: value for name, value in values.items() if old[name] != value}
        if differing:
            change.update[old["id"]] = differing
    change.delete.extend(row["id"] for address, row in known.items() if address not in seen)
    return change


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
