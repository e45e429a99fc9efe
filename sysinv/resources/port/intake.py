# SPDX-License-Identifier: Apache-2.0
"""What a report of network ports adds, changes and removes; a port is its MAC address, or the slot it sits in."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sysinv.resources.port.report import PortReport

BOOT_PORT = "True"


@dataclass(frozen=True, slots=True)
class PortChange:
    """Rows to insert, columns to write by row id, row ids to delete; ``new_macs`` are (name, old, new)."""

    insert: list[dict[str, Any]] = field(default_factory=list)
    update: dict[int, dict[str, Any]] = field(default_factory=dict)
    delete: list[int] = field(default_factory=list)
    new_macs: list[tuple[str, str, str]] = field(default_factory=list)


def port_change(stored: Sequence[Mapping[str, Any]], reported: Sequence[PortReport], mgmt_mac: str,
                node_ids: Mapping[int, int]) -> PortChange:
    """Compare; ``mgmt_mac`` marks the port the host boots from, ``node_ids`` are rows of NUMA nodes by number."""
    by_mac = {row["mac"]: row for row in stored}
    by_slot = {(row["pciaddr"], row["dev_id"]): row for row in stored}
    change = PortChange()
    kept: set[int] = set()
    for report in _unique(reported):
        values = _values(report, mgmt_mac, node_ids)
        old = by_mac.get(report.mac)
        if old is None or old["id"] in kept:
            old = by_slot.get((report.pciaddr, report.dev_id))
            if old is not None and old["id"] not in kept:
                change.new_macs.append((report.name, old["mac"], report.mac))
        if old is None or old["id"] in kept:
            change.insert.append(values)
            continue
        kept.add(old["id"])
        differing = {name: value for name, value in values.items() if old[name] != value}
        if "dev_id" in differing:
            differing["pciaddr"] = values["pciaddr"]
        if differing:
            change.update[old["id"]] = differing
    change.delete.extend(row["id"] for row in stored if row["id"] not in kept)
    return change


def _unique(reported: Sequence[PortReport]) -> list[PortReport]:
    """One report per slot and per MAC: the database takes no more."""
    slots: set[tuple[str, int]] = set()
    macs: set[str] = set()
    found = []
    for report in reported:
        if (report.pciaddr, report.dev_id) in slots or report.mac in macs:
            continue
        slots.add((report.pciaddr, report.dev_id))
        macs.add(report.mac)
        found.append(report)
    return found


def _values(report: PortReport, mgmt_mac: str, node_ids: Mapping[int, int]) -> dict[str, Any]:
    return {
        "type": "ethernet", "name": report.name, "namedisplay": report.name, "pciaddr": report.pciaddr,
        "dev_id": report.dev_id, "pclass": report.pclass, "pvendor": report.pvendor, "pdevice": report.pdevice,
        "psvendor": report.psvendor, "psdevice": report.psdevice, "numa_node": report.numa_node,
        "sriov_totalvfs": report.sriov_totalvfs, "sriov_numvfs": report.sriov_numvfs,
        "sriov_vfs_pci_address": ",".join(report.sriov_vfs_pci_address), "sriov_vf_driver": report.sriov_vf_driver,
        "sriov_vf_pdevice_id": report.sriov_vf_pdevice_id, "driver": report.driver, "dpdksupport": report.dpdksupport,
        "mac": report.mac, "mtu": report.mtu, "speed": report.speed_mbps, "link_mode": report.link_mode,
        "duplex": report.duplex, "bootp": BOOT_PORT if report.mac == mgmt_mac else None,
        "node_id": node_ids.get(report.numa_node)}
