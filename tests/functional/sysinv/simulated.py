# SPDX-License-Identifier: Apache-2.0
"""Simulated hosts of a running sysinv: machines that report what a test says, without a machine.

An agent is simulated by its messages on the real bus, host maintenance by the stand-in of ``conftest``. What a real
agent reads and reports of a machine is tested with recorded machines.
"""
from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from sysinv.resources.cpu.report import CpuReport
from sysinv.resources.device.report import PciDeviceReport
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.host.report import PlatformReport
from sysinv.resources.host.table import I_HOST
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.node.report import NumaReport
from sysinv.resources.partition.report import PartitionReport
from sysinv.resources.physicalvolume.report import PhysicalVolumeReport
from sysinv.resources.port.report import PortReport
from sysinv.resources.system.table import I_SYSTEM
from sysinv.resources.volumegroup.report import VolumeGroupReport

IN_SERVICE = {"administrative": "unlocked", "operational": "enabled", "availability": "available", "task": ""}
LOCKED = {"administrative": "locked", "operational": "disabled", "availability": "online", "task": ""}
MACS = (f"08:00:27:18:{number // 256:02x}:{number % 256:02x}" for number in itertools.count(1))
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Machine:
    """The hardware of a simulated host. CPUs are numbered as Linux does: first threads of all cores, then second ones.

    ``devices``: (PCI address, class id, vendor id, device id).
    """

    sockets: int = 2
    cores: int = 8
    threads: int = 2
    node_mib: int = 64000
    ports: int = 2
    devices: tuple[tuple[str, str, str, str], ...] = ()

    def cpus(self) -> list[CpuReport]:
        count = self.sockets * self.cores
        return [CpuReport(cpu=number, core=number % count % self.cores, thread=number // count,
                          numa_node=number % count // self.cores, socket=number % count // self.cores,
                          cpu_family="6", cpu_model="Simulated CPU")
                for number in range(count * self.threads)]

    def memory(self, pages_2m: int = 0, pages_1g: int = 0) -> list[MemoryReport]:
        """With huge pages on node 0."""
        return [MemoryReport(
            numa_node=node, node_memtotal_mib=self.node_mib, memtotal_mib=self.node_mib - 1000,
            memavail_mib=self.node_mib - 2000, platform_reserved_mib=0,
            hugepages_nr_2m=0 if node else pages_2m, hugepages_avail_2m=0 if node else pages_2m,
            hugepages_nr_1g=0 if node else pages_1g, hugepages_avail_1g=0 if node else pages_1g, pages_4k=1000,
            supports_1g=True, hugepages_possible_2m=self.node_mib // 2, hugepages_possible_1g=self.node_mib // 1024)
            for node in range(self.sockets)]

    def records(self, mac: str) -> dict[str, list[Any]]:
        """The ten first reports of an agent, in its order, by kind."""
        cpus = self.cpus()
        nodes = range(self.sockets)
        return {
            "platform": [PlatformReport(boot_id="b", uptime_s=1, kernel_release="6.1", kernel_running="standard",
                                        after_install=True, first_report=True)],
            "numa": [NumaReport(node, tuple(one.cpu for one in cpus if one.numa_node == node)) for node in nodes],
            "port": [PortReport(
                name=f"eth{number}", pciaddr=f"0000:02:00.{number}", dev_id=0, mac=self.mac_of(mac, number), mtu=1500,
                speed_mbps=10000, link_mode="0", duplex="full", numa_node=0, driver="ixgbe",
                pclass="Ethernet controller [0200]", pvendor="Intel [8086]", pdevice="X710 [1572]", psvendor="",
                psdevice="") for number in range(self.ports)],
            "pci_device": [PciDeviceReport(address, class_id, vendor, device, "", "", "", "", "", 0, None)
                           for address, class_id, vendor, device in self.devices],
            "cpu": cpus, "memory": self.memory(),
            "disk": [DiskReport("/dev/sda", 2048, "SSD", None, "/dev/disk/by-path/pci-0000:00:1f.2-ata-1", None,
                                240000, 0, "N/A", "S1", "Disk", is_rootfs=True)],
            "partition": [PartitionReport(
                "/dev/disk/by-path/pci-0000:00:1f.2-ata-1", 1, "/dev/sda1",
                "/dev/disk/by-path/pci-0000:00:1f.2-ata-1-part1", 1, 200000, 199999, in_use=True)],
            "lvg": [VolumeGroupReport("cgts-vg", "v1", "wz--n-", 0, 1, 0, 1, str(190 * GIB), str(90 * GIB), 6080,
                                      2880)],
            "pv": [PhysicalVolumeReport("/dev/sda1", "cgts-vg", "p1", str(190 * GIB), 6080, 3200)]}

    @staticmethod
    def mac_of(mac: str, number: int) -> str:
        """MAC address of the port with that number; the first one is the one from which the host boots."""
        return mac if number == 0 else f"0{number}{mac[2:]}"


MACHINE = Machine()


@dataclass(slots=True)
class SimulatedHost:
    """A host of ``sysinv``, whose agent says what ``machine`` is."""

    sysinv: Any
    uuid: str
    mac: str
    machine: Machine

    @property
    def path(self) -> str:
        return f"/v1/ihosts/{self.uuid}"

    @property
    def shown(self) -> dict[str, Any]:
        return dict(self.sysinv.host(self.uuid))

    def patch(self, **values: Any) -> Any:
        return self.sysinv.patch(self.path, **values)

    def state(self, **fields: Any) -> None:
        self.sysinv.state(self.uuid, **fields)

    def listed(self, collection: str) -> list[dict[str, Any]]:
        return list(self.sysinv.get(f"{self.path}/{collection}").body[collection])

    def tell(self, kind: str, records: list[Any]) -> None:
        """One report of the agent."""
        self.sysinv.reports.report(host_uuid=self.uuid, kind=kind, items=[asdict(one) for one in records])

    def inventoried(self) -> SimulatedHost:
        """Everything is reported, the inventory complete, the host online."""
        for kind, records in self.machine.records(self.mac).items():
            self.tell(kind, records)
        self.sysinv.reports.inventory_completed(host_uuid=self.uuid)
        self.state(availability="online")
        return self

    def in_service(self) -> SimulatedHost:
        """Inventoried, unlocked for the first time and enabled, as host maintenance reports it."""
        self.inventoried()
        reply = self.patch(action="unlock")
        assert reply.status == 200, reply.text
        self.state(administrative="unlocked", operational="disabled", availability="offline")
        self.state(**IN_SERVICE)
        return self

    def functions(self) -> dict[int, str]:
        """The function of each logical CPU."""
        return {one["cpu"]: one["allocated_function"] for one in self.listed("icpus")}

    def memory(self, node: int = 0) -> dict[str, Any]:
        return next(one for one in self.listed("imemorys") if one["numa_node"] == node)

    def aged(self, column: str, seconds: float) -> None:
        """Make a time that is stored of the host lie further back."""
        with self.sysinv.db.writer() as conn:
            at = conn.execute(sa.select(I_HOST.c[column]).where(I_HOST.c.uuid == self.uuid)).scalar_one()
            conn.execute(sa.update(I_HOST).where(I_HOST.c.uuid == self.uuid).values(
                {column: at - datetime.timedelta(seconds=seconds)}))


class Site:
    """The hosts that one test makes in a running sysinv, which are removed after it."""

    def __init__(self, sysinv: Any) -> None:
        self.sysinv = sysinv
        self._made: list[str] = []

    def add(self, hostname: str | None, machine: Machine = MACHINE, personality: str = "worker",
            **values: Any) -> SimulatedHost:
        """A host that is added by POST."""
        mac = next(MACS)
        body = {"personality": personality, "mgmt_mac": mac, **values}
        reply = self.sysinv.call("POST", "/v1/ihosts", body | ({"hostname": hostname} if hostname else {}))
        assert reply.status == 200, reply.text
        return self.known(reply.body["uuid"], mac, machine)

    def lease(self, mac: str) -> None:
        """What dnsmasq's script says of a lease, without starting it."""
        self.sysinv.leases.handle_dhcp_lease(tags=["pxeboot", "pxeboot0"], mac=mac, ip_address="169.254.202.78",
                                             client_id=None, expires_s=0)

    def discover(self) -> SimulatedHost:
        """A machine that has asked for an address."""
        mac = next(MACS)
        self.lease(mac)
        return self.known(self.sysinv.discovered(mac), mac)

    def known(self, uuid: str, mac: str, machine: Machine = MACHINE) -> SimulatedHost:
        """A host of this test that came otherwise."""
        self._made.append(uuid)
        return SimulatedHost(self.sysinv, uuid, mac, machine)

    def remove(self) -> None:
        """Delete what is left."""
        for uuid in self._made:
            if self.sysinv.get(f"/v1/ihosts/{uuid}").status == 404:
                continue
            self.sysinv.state(uuid, **LOCKED)
            reply = self.sysinv.call("DELETE", f"/v1/ihosts/{uuid}")
            assert reply.status == 204, reply.text

    @contextmanager
    def deployed_as(self, system_type: str, system_mode: str) -> Iterator[None]:
        """As if the system were another deployment model. Its controller gets the subfunctions of that."""
        functions = "controller,worker" if system_type == "All-in-one" else "controller"
        first = I_HOST.c.hostname == "controller-0"
        with self.sysinv.db.writer() as conn:
            before = conn.execute(sa.select(I_SYSTEM.c.system_type, I_SYSTEM.c.system_mode)).one()
            was = conn.execute(sa.select(I_HOST.c.subfunctions).where(first)).scalar_one()
            conn.execute(sa.update(I_SYSTEM).values(system_type=system_type, system_mode=system_mode))
            conn.execute(sa.update(I_HOST).where(first).values(subfunctions=functions))
        try:
            yield
        finally:
            with self.sysinv.db.writer() as conn:
                conn.execute(sa.update(I_SYSTEM).values(system_type=before[0], system_mode=before[1]))
                conn.execute(sa.update(I_HOST).where(first).values(subfunctions=was))
