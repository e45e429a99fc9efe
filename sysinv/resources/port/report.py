# SPDX-License-Identifier: Apache-2.0
"""Agents' report of network ports."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.contract.reports import PORTS_MAX, Report, Source


@dataclass(frozen=True, slots=True)
class PortReport:
    """One network port. ``pciaddr`` has the form ``0000:05:00.0``; ``speed_mbps`` is None when the link is down.

    For a port that is not a PCI function, ``pciaddr`` is ``<bus>:<device>`` (``usb:1-1:1.0``), for a container's veth
    end ``virtual:<name>``: unique per host and equal at each boot. ``numa_node`` is -1 when the kernel does not know.
    """

    name: str
    pciaddr: str
    dev_id: int
    mac: str
    mtu: int
    speed_mbps: int | None
    link_mode: str | None
    duplex: str | None
    numa_node: int
    driver: str | None
    pclass: str
    pvendor: str
    pdevice: str
    psvendor: str
    psdevice: str
    sriov_totalvfs: int | None = None
    sriov_numvfs: int | None = None
    sriov_vfs_pci_address: tuple[str, ...] = ()
    dpdksupport: bool = False
    sriov_vf_driver: str | None = None
    sriov_vf_pdevice_id: str | None = None


REPORT = Report("port", PortReport, "sysinv.agent.collectors.port", sources=(Source.SYSTEM,), after=("numa",),
                aliases=("ports",), items_max=PORTS_MAX)
