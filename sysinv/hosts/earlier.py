# SPDX-License-Identifier: Apache-2.0
"""Reports of agents of version 1.1 of ``InventoryReports``, one method per kind. To be removed in 2.0."""
from __future__ import annotations

from abc import abstractmethod
from typing import Any


class EarlierReports:
    """Passes each of these reports to ``report``."""

    @abstractmethod
    def report(self, *, host_uuid: str, kind: str, items: list[Any]) -> None:
        """Store a report of one kind."""

    def report_platform(self, *, host_uuid: str, report: Any) -> None:
        """Store the identity of a boot."""
        self.report(host_uuid=host_uuid, kind="platform", items=[report])

    def report_cpus(self, *, host_uuid: str, nodes: list[Any], cpus: list[Any]) -> None:
        """Store all NUMA nodes and logical CPUs."""
        self.report(host_uuid=host_uuid, kind="numa", items=nodes)
        self.report(host_uuid=host_uuid, kind="cpu", items=cpus)

    def report_memory(self, *, host_uuid: str, memory: list[Any]) -> None:
        """Store the memory of every NUMA node."""
        self.report(host_uuid=host_uuid, kind="memory", items=memory)

    def report_ports(self, *, host_uuid: str, ports: list[Any]) -> None:
        """Store all network ports."""
        self.report(host_uuid=host_uuid, kind="port", items=ports)

    def report_disks(self, *, host_uuid: str, disks: list[Any]) -> None:
        """Store all disks."""
        self.report(host_uuid=host_uuid, kind="disk", items=disks)

    def report_pci_devices(self, *, host_uuid: str, devices: list[Any]) -> None:
        """Store all PCI devices."""
        self.report(host_uuid=host_uuid, kind="pci_device", items=devices)
