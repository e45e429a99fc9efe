# SPDX-License-Identifier: Apache-2.0
"""An operator's PATCH and an agent's report at the same moment, on PostgreSQL: the PATCH is judged by what is stored
when it is carried out, not by what was stored when it was read."""
from __future__ import annotations

from collections.abc import Iterator
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
from sysinv.resources.host.table import I_HOST
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.memory.service import MemoryService
from sysinv.resources.memory.table import I_IMEMORY
from sysinv.resources.node.report import NumaReport

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
        self.intake.store(host_uuid=self.uuid, kind="numa", records=[NumaReport(0, (0, 1))])
        self.intake.store(host_uuid=self.uuid, kind="cpu", records=[
            CpuReport(cpu, cpu, 0, 0, 0, "6", "x") for cpu in (0, 1)])
        self.report_memory(64000)
        self.report_device(*GPU)

    def report_memory(self, total_mib: int) -> None:
        self.intake.store(host_uuid=self.uuid, kind="memory", records=[MemoryReport(
            0, total_mib, total_mib - 1000, total_mib - 2000, 0, 0, 0, 0, 0, 1, True)])

    def report_device(self, pclass_id: str, pvendor_id: str, pdevice_id: str) -> None:
        self.intake.store(host_uuid=self.uuid, kind="pci_device", records=[PciDeviceReport(
            "0000:05:00.0", pclass_id, pvendor_id, pdevice_id, "", "", "", "", "", 0, None)])

    def row(self, table: sa.Table) -> Any:
        with self._other.reader() as conn:
            return conn.execute(sa.select(table)).one()

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
