# SPDX-License-Identifier: Apache-2.0
"""Reports of agents of version 1.1 of ``InventoryReports``, a method for each kind; to go with the next major one."""
from __future__ import annotations

from abc import abstractmethod
from typing import Any


class EarlierReports:
    """Hands each of them to ``report``."""

    @abstractmethod
    def report(self, *, host_uuid: str, kind: str, items: list[Any]) -> None:
        """Store one report."""

    def report_platform(self, *, host_uuid: str, report: Any) -> None:
        """Identity of this boot."""
        self.report(host_uuid=host_uuid, kind="platform", items=[report])

    def report_cpus(self, *, host_uuid: str, nodes: list[Any], cpus: list[Any]) -> None:
        """All NUMA nodes and logical CPUs."""
        self.report(host_uuid=host_uuid, kind="numa", items=nodes)
        self.report(host_uuid=host_uuid, kind="cpu", items=cpus)

    def report_memory(self, *, host_uuid: str, memory: list[Any]) -> None:
        """Memory of every NUMA node."""
        self.report(host_uuid=host_uuid, kind="memory", items=memory)

    def report_ports(self, *, host_uuid: str, ports: list[Any]) -> None:
        """All network ports."""
        self.report(host_uuid=host_uuid, kind="port", items=ports)

    def report_disks(self, *, host_uuid: str, disks: list[Any]) -> None:
        """All disks."""
        self.report(host_uuid=host_uuid, kind="disk", items=disks)

    def report_pci_devices(self, *, host_uuid: str, devices: list[Any]) -> None:
        """All PCI functions of interest."""
        self.report(host_uuid=host_uuid, kind="pci_device", items=devices)
