# SPDX-License-Identifier: Apache-2.0
"""Storing what agents report: one transaction per report, every difference decided by the slice's intake."""
from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from flock.core.errors import InvalidInput
from flock.db import Database, utcnow
from sysinv.contract.enums import ActionState, InvProvision, InvState
from sysinv.contract.records import (
    CpuReport,
    DiskReport,
    HostRef,
    MemoryReport,
    NumaReport,
    PciDeviceReport,
    PlatformReport,
    PortReport,
)
from sysinv.db.lookup import Row, host_row, the_system
from sysinv.model.host import InventoryHost, host_view, normal_mac
from sysinv.model.topology import (
    HostRole,
    default_cpu_functions,
    default_reserve_mib,
    fitting_reserve_mib,
    minimum_reserve_mib,
    physical_cores,
)
from sysinv.resources.cpu import store as cpus
from sysinv.resources.cpu.intake import cpu_change
from sysinv.resources.device import store as devices
from sysinv.resources.device.intake import device_change
from sysinv.resources.disk import store as disks
from sysinv.resources.disk.intake import disk_change
from sysinv.resources.host import store as hosts
from sysinv.resources.memory import store as memory
from sysinv.resources.memory.intake import Reserve, memory_values
from sysinv.resources.node import store as nodes
from sysinv.resources.port import store as ports
from sysinv.resources.port.intake import port_change

LOG = logging.getLogger(__name__)
ITEMS_MAX = 8192
MACS_MAX = 512
_PLATFORM_TEXTS = ("max_cpu_mhz_allowed", "min_cpu_mhz_allowed", "cstates_available", "iscsi_initiator_name",
                   "nvme_host_id", "nvme_host_nqn")


class InventoryIntake:
    """The conductor's side of ``InventoryReports``."""

    def __init__(self, db: Database, *, virtual: bool = False,
                 now: Callable[[], datetime.datetime] = utcnow) -> None:
        self._db = db
        self._virtual = virtual
        self._now = now

    def get_host_by_macs(self, *, macs: list[str], hostname: str) -> HostRef | None:
        """The host that owns one of the MAC addresses, else the one with that name."""
        wanted = [mac for mac in map(normal_mac, macs[:MACS_MAX]) if mac is not None]
        with self._db.reader() as conn:
            row = hosts.by_mac(conn, wanted) or (hosts.by_hostname(conn, hostname) if hostname else None)
        return None if row is None else HostRef(row["uuid"], row["hostname"], row["personality"])

    def report_platform(self, *, host_uuid: str, report: PlatformReport) -> None:
        """Identity of this boot."""

        def store(conn: Connection, row: Row) -> None:
            values: dict[str, Any] = {
                "boot_id": report.boot_id[:64], "kernel_running": report.kernel_running[:32]}
            values |= {name: value[:255] for name in _PLATFORM_TEXTS
                       if (value := getattr(report, name)) is not None and value[:255] != row[name]}
            if report.after_install and row["action_state"] == ActionState.REINSTALLING:
                values["action_state"] = ActionState.REINSTALLED.value
            hosts.write(conn, row, values)

        self._for_host(host_uuid, store)

    def report_cpus(self, *, host_uuid: str, nodes: list[NumaReport], cpus: list[CpuReport]) -> None:
        """All NUMA nodes and logical CPUs."""
        _check_count("cpus", cpus)
        _check_unique("cpus", [cpu.cpu for cpu in cpus])
        self._for_host(host_uuid, lambda conn, row: self._cpus(conn, row, nodes, cpus))

    def report_memory(self, *, host_uuid: str, memory: list[MemoryReport]) -> None:
        """Memory of every NUMA node."""
        _check_count("memory", memory)
        _check_unique("memory", [report.numa_node for report in memory])
        self._for_host(host_uuid, lambda conn, row: self._memory(conn, row, memory))

    def report_ports(self, *, host_uuid: str, ports: list[PortReport]) -> None:
        """All network ports."""
        _check_count("ports", ports)
        self._for_host(host_uuid, lambda conn, row: self._ports(conn, row, ports))

    def report_disks(self, *, host_uuid: str, disks: list[DiskReport]) -> None:
        """All disks."""
        _check_count("disks", disks)
        self._for_host(host_uuid, lambda conn, row: _disks(conn, row, disks))

    def report_pci_devices(self, *, host_uuid: str, devices: list[PciDeviceReport]) -> None:
        """All PCI functions of interest."""
        _check_count("devices", devices)
        self._for_host(host_uuid, lambda conn, row: _devices(conn, row, devices))

    def inventory_completed(self, *, host_uuid: str) -> None:
        """Every first report was acknowledged. While a reinstall has begun and not ended, an old boot is speaking."""

        def store(conn: Connection, row: Row) -> None:
            if row["action_state"] == ActionState.REINSTALLING or row["inv_state"] == InvState.INVENTORIED:
                return
            hosts.write(conn, row, {"inv_state": InvState.INVENTORIED.value})
            LOG.info("host %s is inventoried", row["hostname"] or row["uuid"])

        self._for_host(host_uuid, store)

    def _for_host(self, host_uuid: str, store: Callable[[Connection, Row], None]) -> None:
        def work(conn: Connection) -> None:
            store(conn, host_row(conn, host_uuid, lock=True))

        self._db.transact(work)

    def _role(self, conn: Connection, view: InventoryHost) -> HostRole:
        system = the_system(conn)
        return HostRole(controller=view.is_controller, worker=view.has_worker_function, simplex=system.is_simplex,
                        system_controller=system.is_system_controller, virtual=self._virtual,
                        vswitch_type=system.vswitch_type)

    def _cpus(self, conn: Connection, row: Row, numa: Sequence[NumaReport], reported: Sequence[CpuReport]) -> None:
        node_ids = nodes.ensure(conn, row["id"], {node.numa_node for node in numa} | {c.numa_node for c in reported})
        change = cpu_change(cpus.of_host(conn, row["id"]), reported)
        if change.rebuild:
            functions = default_cpu_functions(self._role(conn, host_view(row)), reported)
            cpus.replace_all(conn, row["id"], reported, functions, node_ids)
        elif change.update:
            cpus.update(conn, row["id"], change.update)

    def _memory(self, conn: Connection, row: Row, reported: Sequence[MemoryReport]) -> None:
        role = self._role(conn, host_view(row))
        numbers = [report.numa_node for report in reported]
        node_ids = nodes.ensure(conn, row["id"], numbers)
        known = memory.rows_of_host(conn, row["id"])
        cores = physical_cores(cpus.as_reports(conn, row["id"]))
        totals = {report.numa_node: report.node_memtotal_mib for report in reported}
        defaults = fitting_reserve_mib(default_reserve_mib(role, numbers, cores), totals)
        for report in reported:
            node = report.numa_node
            minimum = min(minimum_reserve_mib(role, numbers, node), totals[node] * 2 // 3)
            present = known.get(node)
            values = memory_values(memory.stored(present) if present is not None else None, report,
                                   Reserve(defaults[node], minimum))
            memory.write(conn, row["id"], node_ids[node], values, present)

    def _ports(self, conn: Connection, row: Row, reported: Sequence[PortReport]) -> None:
        node_ids = nodes.ids_by_number(conn, row["id"])
        change = port_change([dict(one) for one in ports.of_host(conn, row["id"])], reported, row["mgmt_mac"], node_ids)
        ports.apply(conn, row["id"], change)
        for name, old, new in change.new_macs:
            LOG.warning("port %s of host %s: MAC address changed from %s to %s", name, row["hostname"], old, new)
        if row["invprovision"] is None:
            hosts.write(conn, row, {"invprovision": InvProvision.UNPROVISIONED.value})


def _disks(conn: Connection, row: Row, reported: Sequence[DiskReport]) -> None:
    change = disk_change(disks.of_host(conn, row["id"]), reported)
    disks.apply(conn, row["id"], change)
    if change.replaced:
        LOG.warning("host %s: %d disk(s) were replaced", row["hostname"], len(change.replaced))


def _devices(conn: Connection, row: Row, reported: Sequence[PciDeviceReport]) -> None:
    devices.apply(conn, row["id"], device_change([dict(one) for one in devices.of_host(conn, row["id"])], reported))


def _check_count(name: str, items: Sequence[object]) -> None:
    if len(items) > ITEMS_MAX:
        raise InvalidInput(field=name, rule=f"at most {ITEMS_MAX} items")


def _check_unique(name: str, keys: Sequence[int]) -> None:
    if len(set(keys)) != len(keys):
        raise InvalidInput(field=name, rule="each number at most once")
