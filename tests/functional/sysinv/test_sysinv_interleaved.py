# SPDX-License-Identifier: Apache-2.0
"""An operator's PATCH and an agent's report at the same moment, on PostgreSQL: the PATCH is judged by what is stored
when it is carried out, not by what was stored when it was read."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
import sqlalchemy as sa

from flock.db import Database
from flock.testing.interleave import before_statement
from flock.testing.services.postgresql import PostgresServer
from sysinv.bootstrap.answers import parse
from sysinv.db.tables import METADATA
from sysinv.hosts.inventory import InventoryIntake
from sysinv.hosts.seed import seed_system
from sysinv.model.host import HostRefused
from sysinv.resources.cpu.report import CpuReport
from sysinv.resources.device.report import PciDeviceReport
from sysinv.resources.device.service import DeviceService
from sysinv.resources.device.table import PCI_DEVICES
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.host.report import PlatformReport
from sysinv.resources.host.table import I_HOST
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.memory.service import MemoryService
from sysinv.resources.memory.table import I_IMEMORY
from sysinv.resources.port.report import PortReport
from sysinv.resources.port.table import PORTS

GPU = ("030000", "10de", "1eb8")
FIXED_QAT = ("0b4000", "8086", "4940")


class OneHost:
    """A worker with inventory; ``database`` is the operator's, ``intake`` has a connection of its own."""

    def __init__(self, url: str) -> None:
        self.database, self._other = Database(url), Database(url)
        METADATA.create_all(self.database.engine)
        answers = parse({"admin_password": "sysadmin-1", "system_mode": "duplex"})
        seed_system(self.database, answers, "08:00:27:00:00:01")
        self.intake = InventoryIntake(self._other)
        with self._other.writer() as conn:
            conn.execute(sa.update(I_HOST).values(
                personality="worker", subfunctions="worker", hostname="worker-0", administrative="locked"))
            self.uuid = conn.execute(sa.select(I_HOST.c.uuid)).scalar_one()
        self.tell("cpu", *(CpuReport(cpu, cpu, 0, 0, 0, "6", "x") for cpu in (0, 1)))
        self.report_memory(64000)
        self.report_device(*GPU)

    def tell(self, kind: str, *items: Any) -> None:
        self.intake.report(host_uuid=self.uuid, kind=kind, items=[asdict(item) for item in items])

    def report_memory(self, total_mib: int) -> None:
        self.tell("memory", MemoryReport(0, total_mib, total_mib - 1000, total_mib - 2000, 0, 0, 0, 0, 0, 1, True))

    def report_device(self, pclass_id: str, pvendor_id: str, pdevice_id: str) -> None:
        self.tell("pci_device", PciDeviceReport(
            "0000:05:00.0", pclass_id, pvendor_id, pdevice_id, "", "", "", "", "", 0, None))

    def row(self, table: sa.Table) -> Any:
        with self._other.reader() as conn:
            return conn.execute(sa.select(table)).one()

    def rows(self, table: sa.Table) -> Any:
        with self._other.reader() as conn:
            return conn.execute(sa.select(table)).all()

    def close(self) -> None:
        self.database.dispose()
        self._other.dispose()


@pytest.fixture
def host(postgres: PostgresServer) -> Iterator[OneHost]:
    url = postgres.create_database()
    found = OneHost(url)
    yield found
    found.close()
    postgres.drop_database(url)


def test_a_reserve_is_taken_from_the_memory_reported_meanwhile(host: OneHost) -> None:
    with before_statement(host.database, "FOR UPDATE", lambda: host.report_memory(96000)):
        MemoryService(host.database).modify(host.row(I_IMEMORY).uuid, {"platform_reserved_mib": 16000})
    row = host.row(I_IMEMORY)
    assert (row.node_memtotal_mib, row.platform_reserved_mib, row.memtotal_mib) == (96000, 16000, 80000)


def test_a_reserve_that_does_not_fit_any_more_is_refused(host: OneHost) -> None:
    with before_statement(host.database, "FOR UPDATE", lambda: host.report_memory(20000)), \
            pytest.raises(HostRefused, match="two thirds of 20000 MiB"):
        MemoryService(host.database).modify(host.row(I_IMEMORY).uuid, {"platform_reserved_mib": 16000})


def test_a_device_that_became_another_one_is_not_given_away(host: OneHost) -> None:
    with before_statement(host.database, "FOR UPDATE", lambda: host.report_device(*FIXED_QAT)), \
            pytest.raises(HostRefused, match="4940 can not be modified"):
        DeviceService(host.database).modify(host.row(PCI_DEVICES).uuid, {"enabled": True})


ODD = "a\0b\x1b\udce9" + "x" * 300


def test_postgresql_takes_what_hardware_and_kernels_call_things(host: OneHost) -> None:
    """It refuses NUL, lone surrogates, longer texts and larger numbers than a column holds, and with one the report."""
    host.tell("port", *(PortReport(name, pciaddr, 0, "08:00:27:00:00:07", 2**40, 2**40, ODD, ODD, 0, ODD, ODD, ODD, ODD,
                                   ODD, ODD, sriov_vfs_pci_address=(ODD,), sriov_vf_pdevice_id=ODD)
                        for name, pciaddr in (("lan-\udce9", "0000:01:00.0"), (ODD, ODD))))
    host.tell("disk", DiskReport(ODD, 2**70, ODD, ODD, ODD, ODD, 2**70, -2**70, ODD, ODD, ODD))
    host.tell("platform", PlatformReport(ODD, 2**70, ODD, ODD, False, False, ODD, ODD, ODD, ODD, ODD, ODD))
    host.tell("cpu", *(CpuReport(cpu, 2**70, 0, 0, 2**70, ODD, ODD) for cpu in (0, 1)))
    host.tell("pci_device", PciDeviceReport(*[ODD] * 9, 0, ODD, 2**70, 2**70, (ODD,), ODD))
    host.report_memory(2**70)
    assert {port.name for port in host.rows(PORTS)} == {r"lan-\xe9", (r"a\x00b\x1b\xe9" + "x" * 300)[:255]}
    assert host.row(I_IDISK).size_mib == host.row(I_IMEMORY).node_memtotal_mib == 2**31 - 1
    assert host.row(I_HOST).kernel_running == r"a\x00b\x1b\xe9" + "x" * 18
