# SPDX-License-Identifier: Apache-2.0
"""Labels that many assign at the same time, and the longest texts of LLDP, on every engine."""
from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import pytest
import sqlalchemy as sa

from flock.db import Database, migrate
from sysinv.bootstrap.answers import parse
from sysinv.db.lookup import host_row
from sysinv.hosts.inventory import InventoryIntake
from sysinv.hosts.seed import seed_system
from sysinv.model.host import HostRefused
from sysinv.resources.label import store as labels
from sysinv.resources.label.service import LabelService
from sysinv.resources.lldpagent.report import LldpAgentReport
from sysinv.resources.lldpneighbour import store as neighbours
from sysinv.resources.lldpneighbour.report import LldpNeighbourReport
from sysinv.resources.lldpneighbour.table import LLDP_NEIGHBOURS
from sysinv.resources.port.report import PortReport

HOST = "controller-0"
# Four bytes in the database, and printable.
WIDE = "\U0001f600"


@pytest.fixture
def seeded(database: Database) -> Iterator[Database]:
    """A migrated database with a system and controller-0."""
    migrate.upgrade(database.url.render_as_string(hide_password=False), "sysinv")
    assert seed_system(database, parse({"admin_password": "sysadmin-1"}), "08:00:27:00:00:01")
    yield database


def test_a_key_that_many_assign_is_given_once(seeded: Database) -> None:
    service = LabelService(seeded)

    def assign(number: int) -> bool:
        try:
            service.assign(HOST, {"rack": str(number), f"own-{number}": ""}, overwrite=False)
        except HostRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        given = [number for number, done in enumerate(pool.map(assign, range(16))) if done]
    assert len(given) == 1
    with seeded.reader() as conn:
        found = labels.of_host(conn, host_row(conn, HOST)["id"])
    assert {key: row["label_value"] for key, row in found.items()} == {"rack": str(given[0]), f"own-{given[0]}": ""}


def test_the_last_of_many_that_overwrite_counts(seeded: Database) -> None:
    service = LabelService(seeded)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: service.assign(HOST, {"rack": str(number)}, overwrite=True), range(16)))
    assert len({rows[0]["uuid"] for rows in answers}) == 1
    assert sorted(int(rows[0]["label_value"]) for rows in answers) == list(range(16))


def test_the_longest_identities_fit_the_index_and_go_with_their_port(seeded: Database) -> None:
    intake = InventoryIntake(seeded)
    with seeded.reader() as conn:
        uuid = host_row(conn, HOST)["uuid"]

    def tell(kind: str, *records: Any) -> None:
        intake.report(host_uuid=uuid, kind=kind, items=[asdict(record) for record in records])

    tell("port", PortReport("eth0", "0000:00:03.0", 0, "08:00:27:00:00:01", 1500, None, None, None, -1, None, "", "",
                            "", "", ""))
    tell("lldp_agent", LldpAgentReport("eth0", WIDE * 999, WIDE * 999, WIDE * 999, system_name=WIDE * 999))
    tell("lldp_neighbour", *(LldpNeighbourReport("eth0", WIDE * 999, WIDE * length, dot1_vlan_names=WIDE * 9999)
                             for length in (254, 255, 256)))
    with seeded.reader() as conn:
        rows = conn.execute(neighbours.QUERY.order_by(LLDP_NEIGHBOURS.c.msap)).mappings().all()
        assert [row["msap"] for row in rows] == [f"{WIDE * 255},{WIDE * length}" for length in (254, 255)]
    tell("port")
    with seeded.reader() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(LLDP_NEIGHBOURS)).scalar() == 0
