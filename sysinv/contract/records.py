# SPDX-License-Identifier: Apache-2.0
"""What agents report about a host, and what other subsystems may know of one."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CpuReport:
    """One logical CPU: ``core`` is the physical core id within its package, ``thread`` 0 for the first sibling."""

    cpu: int
    core: int
    thread: int
    numa_node: int
    socket: int
    cpu_family: str
    cpu_model: str


@dataclass(frozen=True, slots=True)
class NumaReport:
    """One NUMA node and its CPUs (may be empty for memory-only nodes)."""

    numa_node: int
    cpus: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """Memory of one NUMA node; sizes in MiB, huge pages as counts; ``supports_1g`` from the CPU flags.

    ``memtotal_mib`` is the node's total minus the platform's reserve; ``hugepages_possible_*`` is how many pages of
    that size fit in it. ``vswitch_hugepages_*`` is what this boot reserved for the virtual switch.
    """

    numa_node: int
    node_memtotal_mib: int
    memtotal_mib: int
    memavail_mib: int
    platform_reserved_mib: int
    hugepages_nr_2m: int
    hugepages_avail_2m: int
    hugepages_nr_1g: int
    hugepages_avail_1g: int
    pages_4k: int
    supports_1g: bool
    hugepages_possible_2m: int = 0
    hugepages_possible_1g: int = 0
    vswitch_hugepages_size_mib: int = 0
    vswitch_hugepages_nr: int = 0
    vswitch_hugepages_avail: int = 0


@dataclass(frozen=True, slots=True)
class PortReport:
    """One network port. ``pciaddr`` is ``0000:05:00.0`` form; ``speed_mbps`` None when the link is down.

    A port that is no PCI function has ``<bus>:<device>`` there (``usb:1-1:1.0``), a container's veth leg
    ``virtual:<name>``: unique per host and the same at each boot. ``numa_node`` is -1 when the kernel does not know.
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


@dataclass(frozen=True, slots=True)
class DiskReport:
    """One disk; ``device_type`` is HDD, SSD or NVME; sizes in MiB; ``is_rootfs`` for the boot disk."""

    device_node: str
    device_num: int
    device_type: str
    device_id: str | None
    device_path: str | None
    device_wwn: str | None
    size_mib: int
    available_mib: int
    rpm: str
    serial_id: str | None
    model: str | None
    is_rootfs: bool = False


@dataclass(frozen=True, slots=True)
class PciDeviceReport:
    """One PCI function that is not a NIC, bridge or system peripheral; ids are lower-case hex without 0x."""

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


@dataclass(frozen=True, slots=True)
class PlatformReport:
    """First words of an agent after a boot; ``after_install`` is true once after an installation."""

    boot_id: str
    uptime_s: int
    kernel_release: str
    kernel_running: str
    after_install: bool
    first_report: bool
    max_cpu_mhz_allowed: str | None = None
    min_cpu_mhz_allowed: str | None = None
    cstates_available: str | None = None
    iscsi_initiator_name: str | None = None
    nvme_host_id: str | None = None
    nvme_host_nqn: str | None = None


@dataclass(frozen=True, slots=True)
class HostRef:
    """Enough of a host to address it."""

    uuid: str
    hostname: str | None
    personality: str | None


@dataclass(frozen=True, slots=True)
class HostStateUpdate:
    """Fields of a host that only mtce writes; None leaves a field as it is, ``task`` "" empties it.

    ``sequence`` grows with every update of one host, so that a late redelivery is recognised and dropped. ``action`` is
    what mtce is doing with the host, ``none`` at rest. ``error`` says why the host or an action failed, ``error_at``
    when (ISO 8601).
    """

    host_uuid: str
    sequence: int
    administrative: str | None = None
    operational: str | None = None
    availability: str | None = None
    subfunction_oper: str | None = None
    subfunction_avail: str | None = None
    task: str | None = None
    uptime_s: int | None = None
    mtce_info: str | None = None
    action_failed: str | None = None
    action: str | None = None
    error: str | None = None
    error_at: str | None = None
