# SPDX-License-Identifier: Apache-2.0
"""Root on a host reports as many ports as it may, again and again: real PostgreSQL, an operator changes a setting."""
from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from flock.core.errors import Unavailable
from flock.db import Database, migrate
from flock.testing.services.process import wait_for
from sysinv.bootstrap.answers import parse
from sysinv.conf.options import NETWORK_INTERFACES
from sysinv.config import ordering
from sysinv.contract.enums import InvProvision
from sysinv.contract.reports import PORTS_MAX
from sysinv.db.lookup import host_row
from sysinv.hosts.inventory import InventoryIntake
from sysinv.hosts.seed import seed_system
from sysinv.resources.host.table import I_HOST
from sysinv.resources.port.report import PortReport

HOST = "controller-0"
# As many requests of one host as a server of 16 threads works on at once.
ATTACKERS = 4
# A statement gives up after 15 s of waiting for a lock. Before, a report alone took longer.
CHANGE_S = 10.0


@pytest.fixture
def seeded(database: Database) -> Iterator[Database]:
    """A system with one host that was unlocked before, so that changes of settings are ordered on it."""
    if database.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no locks of rows")
    migrate.upgrade(database.url.render_as_string(hide_password=False), "sysinv")
    assert seed_system(database, parse({"admin_password": "sysadmin-1"}), "08:00:27:00:00:00")
    with database.writer() as conn:
        conn.execute(sa.update(I_HOST).values(invprovision=InvProvision.PROVISIONED.value))
    yield database


def ports(turn: int) -> list[PortReport]:
    """All ports that a host may have, none of which it had before."""
    return [PortReport(f"p{turn}_{number}", f"virtual:{turn}_{number}", 0,
                       f"02:{turn % 256:02x}:00:00:{number // 256:02x}:{number % 256:02x}", 1500, 1000, None, None, -1,
                       None, "", "", "", "", "") for number in range(PORTS_MAX)]


def test_reports_of_one_host_do_not_keep_operators_from_changing_settings(seeded: Database) -> None:
    intake = InventoryIntake(seeded, interfaces_of=lambda _hostname: NETWORK_INTERFACES)
    with seeded.reader() as conn:
        uuid = host_row(conn, HOST)["uuid"]
    ended, turns, ends = threading.Event(), itertools.count(), list[str]()

    def attack() -> None:
        while not ended.is_set():
            try:
                intake.store(host_uuid=uuid, kind="port", records=ports(next(turns)))
                ends.append("stored")
            except Unavailable as error:
                assert "another report of this host is being stored" in str(error)
                ends.append("refused")
                # The bus lets a host send 100 messages a second.
                ended.wait(0.04)

    threads = [threading.Thread(target=attack) for _ in range(ATTACKERS)]
    for thread in threads:
        thread.start()
    took = []
    try:
        wait_for(lambda: "refused" in ends, 30, "two reports at the same time")
        for _ in range(4):
            begun = time.monotonic()
            seeded.transact(lambda conn: ordering.order(conn, ordering.Change("DNS servers", ("platform::dns",))))
            took.append(time.monotonic() - begun)
        wait_for(lambda: ends.count("stored") >= 2, 60, "the reports of the host to be stored all the same")
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)
    assert max(took) < CHANGE_S
