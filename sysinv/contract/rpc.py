# SPDX-License-Identifier: Apache-2.0
"""Bus interfaces of sysinv: its conductor, for agents, lease script, API and mtce, and the agent of each host."""
from __future__ import annotations

from flock.rpc.interface import call, cast, rpc_interface
from sysinv.contract.records import (
    CpuReport,
    DiskReport,
    HostRef,
    HostStateUpdate,
    MemoryReport,
    NumaReport,
    PciDeviceReport,
    PlatformReport,
    PortReport,
)

CONDUCTOR_TOPIC = "sysinv.conductor_manager"
AGENT_TOPIC = "sysinv.agent_manager"


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.1", namespace="inventory")
class InventoryReports:
    """Agent to conductor: a call returns once the report is stored."""

    @call(timeout_s=10)
    def get_host_by_macs(self, *, macs: list[str], hostname: str) -> HostRef | None:
        """The host that owns one of the MAC addresses, else the one with that name."""
        raise TypeError("interface")

    @call(timeout_s=30)
    def report_platform(self, *, host_uuid: str, report: PlatformReport) -> None:
        """Identity of this boot; first in a series of reports."""
        raise TypeError("interface")

    @call(timeout_s=30)
    def report_cpus(self, *, host_uuid: str, nodes: list[NumaReport], cpus: list[CpuReport]) -> None:
        """All NUMA nodes and logical CPUs."""
        raise TypeError("interface")

    @call(timeout_s=30)
    def report_memory(self, *, host_uuid: str, memory: list[MemoryReport]) -> None:
        """Memory of every NUMA node."""
        raise TypeError("interface")

    @call(timeout_s=30)
    def report_ports(self, *, host_uuid: str, ports: list[PortReport]) -> None:
        """All network ports."""
        raise TypeError("interface")

    @call(timeout_s=30)
    def report_disks(self, *, host_uuid: str, disks: list[DiskReport]) -> None:
        """All disks."""
        raise TypeError("interface")

    @call(timeout_s=30)
    def report_pci_devices(self, *, host_uuid: str, devices: list[PciDeviceReport]) -> None:
        """All PCI functions of interest."""
        raise TypeError("interface")

    @call(timeout_s=30)
    def inventory_completed(self, *, host_uuid: str) -> None:
        """Every first report was acknowledged: the host becomes ``inventoried``."""
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.1", namespace="discovery")
class Discovery:
    """dnsmasq's lease script to conductor."""

    @call(timeout_s=30)
    def handle_dhcp_lease(self, *, tags: list[str], mac: str, ip_address: str, client_id: str | None,
                          expires_s: int) -> None:
        """A lease was given out; an unknown MAC on the pxeboot network becomes a discovered host.

        ``expires_s`` is the lease's end in seconds since the epoch, 0 when unknown.
        """
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.2", namespace="host_states")
class HostStates:
    """mtce to conductor: state that only mtce may write."""

    @call(timeout_s=10)
    def update_host_state(self, *, update: HostStateUpdate) -> None:
        """Store the fields that are not None; an older ``sequence`` than the stored one is ignored."""
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.1", namespace="operations")
class Operations:
    """API to conductor: a stored operation waits; only a nudge, the conductor also polls its table."""

    @cast
    def operation_recorded(self, *, operation_uuid: str) -> None:
        """Look at the operations table now."""
        raise TypeError("interface")


@rpc_interface(topic=AGENT_TOPIC, version="1.1")
class SysinvAgent:
    """Conductor to the agent of one host (server name = hostname)."""

    @cast
    def agent_update(self, *, host_uuid: str, force_updates: list[str]) -> None:
        """Audit now; ``force_updates`` names reports to send even when unchanged (``cpu``, ``memory``, ``disk`` …)."""
        raise TypeError("interface")
