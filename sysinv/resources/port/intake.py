# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of reported with stored network ports; slot and MAC address identify a port."""
from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from flock.db.fitting import INTEGER_MAX, fitted
from sysinv.db.reported import Change, compare
from sysinv.resources.port.report import PortReport
from sysinv.resources.port.table import PORTS

BOOT_PORT = "True"
NO_MAC = "00:00:00:00:00:00"
Slot = tuple[str, int]


def port_change(stored: Sequence[Mapping[str, Any]], reported: Sequence[PortReport], mgmt_mac: str,
                node_ids: Mapping[int, int], *, partial: bool = False) -> Change:
    """Compare. ``mgmt_mac`` identifies the boot port, ``node_ids`` are row ids of NUMA nodes by number.

    Several ports may have the same MAC address (slaves of a bond with unknown permanent addresses, failover pairs).
    So a reported port matches the stored port with its slot and its address; else the one with its address (it
    moved), else the one with its slot (its address changed). The result does not depend on the order of reports or
    rows. Ports that a ``partial`` report omits stay, unless another port now has their slot.
    """
    wanted = _in_slots([_values(report, node_ids) for report in reported])
    found = _matches(wanted, sorted(stored, key=_slot))
    boot = next((slot for slot, values in sorted(wanted.items()) if values["mac"] == mgmt_mac), None)
    for slot, values in wanted.items():
        values["bootp"] = BOOT_PORT if slot == boot else None
    change = compare(found, wanted)
    for slot, old in found.items():
        values = wanted[slot]
        if old["mac"] != values["mac"]:
            change.notes.append(f"port {values['name']}: MAC address changed from {old['mac']} to {values['mac']}")
        if "dev_id" in change.update.get(old["id"], {}):
            change.update[old["id"]]["pciaddr"] = values["pciaddr"]
    kept = {row["id"] for row in found.values()}
    change.delete.extend(row["id"] for row in stored if row["id"] not in kept and (
        not partial or _slot(row) in wanted))
    return change


def _slot(values: Mapping[str, Any]) -> Slot:
    return values["pciaddr"], values["dev_id"]


def _in_slots(ports: Sequence[dict[str, Any]]) -> dict[Slot, dict[str, Any]]:
    """Return ports by slot. Old kernels give a function's ports one number: the second by name gets the next one."""
    placed: dict[Slot, dict[str, Any]] = {}
    for values in sorted(ports, key=lambda one: (_slot(one), one["name"], one["mac"])):
        while _slot(values) in placed:
            values["dev_id"] = values["dev_id"] + 1 if values["dev_id"] < INTEGER_MAX else 0
        placed[_slot(values)] = values
    return placed


def _matches(wanted: Mapping[Slot, Mapping[str, Any]],
             stored: Sequence[Mapping[str, Any]]) -> dict[Slot, Mapping[str, Any]]:
    """Return the stored row of each reported port: best match first, each row at most once."""
    found: dict[Slot, Mapping[str, Any]] = {}
    taken: set[int] = set()
    for evidence in (_slot_and_mac, _mac, _slot):
        rows: dict[Hashable, deque[Mapping[str, Any]]] = defaultdict(deque)
        for row in stored:
            if row["id"] not in taken:
                rows[evidence(row)].append(row)
        for slot, values in wanted.items():
            told = evidence(values)
            if slot not in found and told is not None and rows[told]:
                found[slot] = rows[told].popleft()
                taken.add(found[slot]["id"])
    return found


def _slot_and_mac(values: Mapping[str, Any]) -> Hashable:
    return _slot(values), values["mac"]


def _mac(values: Mapping[str, Any]) -> Hashable:
    return None if values["mac"] == NO_MAC else values["mac"]


def _values(report: PortReport, node_ids: Mapping[int, int]) -> dict[str, Any]:
    return fitted(PORTS, {
        "type": "ethernet", "name": report.name, "namedisplay": report.name, "pciaddr": report.pciaddr,
        "dev_id": report.dev_id, "pclass": report.pclass, "pvendor": report.pvendor, "pdevice": report.pdevice,
        "psvendor": report.psvendor, "psdevice": report.psdevice, "numa_node": report.numa_node,
        "sriov_totalvfs": report.sriov_totalvfs, "sriov_numvfs": report.sriov_numvfs,
        "sriov_vfs_pci_address": ",".join(report.sriov_vfs_pci_address), "sriov_vf_driver": report.sriov_vf_driver,
        "sriov_vf_pdevice_id": report.sriov_vf_pdevice_id, "driver": report.driver, "dpdksupport": report.dpdksupport,
        "mac": report.mac, "mtu": report.mtu, "speed": report.speed_mbps, "link_mode": report.link_mode,
        "duplex": report.duplex, "node_id": node_ids.get(report.numa_node)})
