# SPDX-License-Identifier: Apache-2.0
"""What a profile has, as records; the codec of the body checks stored documents."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from flock.core.codec import codec_for
from sysinv.contract.enums import CpuFunction, StorFunction


@dataclass(frozen=True, slots=True)
class ProfileCpu:
    """One logical CPU and its function."""

    cpu: int
    numa_node: int
    core: int
    thread: int
    cpu_family: str | None
    cpu_model: str | None
    allocated_function: CpuFunction


@dataclass(frozen=True, slots=True)
class ProfileMemory:
    """Platform reserve and huge pages of one NUMA node; pages of applications are percents if ``as_percentage``."""

    numa_node: int
    platform_reserved_mib: int
    pages_2m: int
    pages_1g: int
    as_percentage: bool
    vswitch_pages: int
    vswitch_page_mib: int


@dataclass(frozen=True, slots=True)
class ProfilePort:
    """An ethernet port, and the name of the interface on it (empty: none)."""

    name: str
    pciaddr: str
    dev_id: int
    pclass: str | None
    pdevice: str | None
    interface: str


@dataclass(frozen=True, slots=True)
class ProfileInterface:
    """One interface; ``uses`` has the names of those that it lies on, ``networks`` types of platform networks."""

    ifname: str
    iftype: str
    ifclass: str | None
    imtu: int
    aemode: str | None
    txhashpolicy: str | None
    primary_reselect: str | None
    schedpolicy: str | None
    ptp_role: str | None
    vlan_id: int | None
    ipv4_mode: str | None
    ipv6_mode: str | None
    ipv4_pool: str | None
    ipv6_pool: str | None
    sriov_numvfs: int
    sriov_vf_driver: str | None
    max_tx_rate: int | None
    max_rx_rate: int | None
    ovs_access: bool
    channels: int | None
    sriov_vf_channels: int | None
    uses: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    datanetworks: tuple[str, ...] = ()


_RELATED = frozenset({"uses", "networks", "datanetworks"})
INTERFACE_VALUES = tuple(each.name for each in fields(ProfileInterface) if each.name not in _RELATED)


@dataclass(frozen=True, slots=True)
class ProfileDisk:
    """A disk of the volume group of instances; ``partitions_mib``: sizes of those in it, none if the whole disk is."""

    device_path: str
    device_node: str
    size_mib: int
    partitions_mib: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ProfileStor:
    """A disk that is an OSD or a journal. ``journal_path``: disk with the journal of an OSD (empty: its own disk).

    ``journal_size_mib`` is 0 and ``tier`` empty for a journal disk, and the size also for OSDs of rook-ceph.
    """

    device_path: str
    device_node: str
    size_mib: int
    function: StorFunction
    tier: str = ""
    journal_path: str = ""
    journal_size_mib: int = 0


@dataclass(frozen=True, slots=True)
class ProfileRole:
    """Role of a host, and the parameters of its installation by name."""

    personality: str
    subfunctions: str
    install: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Body:
    """The parts of a profile; a profile of one type has one part, a role profile may have all."""

    cpus: tuple[ProfileCpu, ...] = ()
    memory: tuple[ProfileMemory, ...] = ()
    ports: tuple[ProfilePort, ...] = ()
    interfaces: tuple[ProfileInterface, ...] = ()
    disks: tuple[ProfileDisk, ...] = ()
    stors: tuple[ProfileStor, ...] = ()
    role: ProfileRole | None = None

    @property
    def nodes(self) -> list[int]:
        """Numbers of the NUMA nodes, in order."""
        return sorted({cpu.numa_node for cpu in self.cpus} | {node.numa_node for node in self.memory})


BODY = codec_for(Body)
