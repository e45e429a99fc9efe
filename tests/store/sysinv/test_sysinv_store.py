# SPDX-License-Identifier: Apache-2.0
"""Sysinv's rows on every engine: migrations, pages with NULLs, and what many do at the same time."""
from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flock.auth.secrets import SecretBox
from flock.core.errors import StaleWrite
from flock.db import Database, migrate
from flock.jobs.operations import Operations
from flock.testing.migrations import assert_migrations_match_tables
from flock.wire.paging import Page
from flock.wire.resource import parse_body
from sysinv.bootstrap.answers import parse
from sysinv.conductor.endpoints import HostStatesEndpoint
from sysinv.contract.records import HostStateUpdate
from sysinv.db.lookup import host_row
from sysinv.db.tables import METADATA
from sysinv.hosts.discovery import HostDiscovery, new_host_values
from sysinv.hosts.inventory import InventoryIntake
from sysinv.hosts.seed import seed_system
from sysinv.hosts.work import Work
from sysinv.model.host import HostRefused
from sysinv.resources.host import store as hosts
from sysinv.resources.host.fields import NewHost
from sysinv.resources.host.service import HostService, HostSettings
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.operation.table import OPERATIONS

MAC = "08:00:27:be:6e:25"


@dataclass
class Events:
    logged: list[str | None] = field(default_factory=list)

    def log_event(self, alarm_id: str, *, entity_instance_id: str | None = None, severity: str | None = None,
                  reason_text: str | None = None) -> str:
        self.logged.append(entity_instance_id)
        return "1"


@pytest.fixture
def seeded(database: Database) -> Iterator[Database]:
    """A migrated database with a system and controller-0."""
    migrate.upgrade(database.url.render_as_string(hide_password=False), "sysinv")
    assert seed_system(database, parse({"admin_password": "sysadmin-1"}), "08:00:27:00:00:01")
    yield database


def test_migrations_make_the_declared_tables(database: Database) -> None:
    assert_migrations_match_tables(database.url.render_as_string(hide_password=False), "sysinv", METADATA)


def test_seeding_twice_changes_nothing(seeded: Database) -> None:
    assert not seed_system(seeded, parse({"admin_password": "sysadmin-1"}), "08:00:27:00:00:02")


@pytest.mark.parametrize("sort_dir", ["asc", "desc"])
def test_pages_with_and_without_the_sort_key(seeded: Database, sort_dir: str) -> None:
    with seeded.writer() as conn:
        for number in range(7):
            values = new_host_values(conn, f"08:00:27:00:01:{number:02x}")
            hosts.insert(conn, values | ({"hostname": f"worker-{number}"} if number % 2 else {}))
    seen: list[str | None] = []
    marker = None
    with seeded.reader() as conn:
        while rows := hosts.page(conn, None, Page(2, marker, "hostname", sort_dir)):
            seen += [row["hostname"] for row in rows]
            marker = rows[-1]["uuid"]
    named = [name for name in seen if name is not None]
    assert len(seen) == 8 and named == sorted(named, reverse=sort_dir == "desc")
    assert seen[len(named):] == [None] * 4


def test_a_lease_seen_by_many_makes_one_host(seeded: Database) -> None:
    events = Events()
    discovery = HostDiscovery(seeded, events)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: discovery.lease(["pxeboot"], MAC, "169.254.202.9", 0), range(16)))
    assert sum(uuid is not None for uuid in found) == 1 == len(events.logged)
    with seeded.reader() as conn:
        assert [row["mgmt_mac"] for row in hosts.all_rows(conn)].count(MAC) == 1


def test_hosts_added_at_the_same_time_get_addresses_of_their_own(seeded: Database, tmp_path: Path) -> None:
    work = Work(Operations(seeded, OPERATIONS, {}, owner="test"), lambda _uuid: None)
    service = HostService(seeded, work, SecretBox.create(tmp_path / "key"), HostSettings("controller-0"))
    HostStatesEndpoint(seeded).update_host_state(update=HostStateUpdate(
        service.get("controller-0")["uuid"], 1, administrative="unlocked", operational="enabled"))

    def add(number: int) -> str:
        body = {"hostname": f"worker-{number}", "personality": "worker", "mgmt_mac": f"08:00:27:00:02:{number:02x}"}
        return str(service.add(parse_body(NewHost, body))["mgmt_ip"])

    with ThreadPoolExecutor(6) as pool:
        given = list(pool.map(add, range(18)))
    assert len(set(given)) == 18
    work.close()


def test_one_name_asked_for_by_many_is_given_once(seeded: Database, tmp_path: Path) -> None:
    work = Work(Operations(seeded, OPERATIONS, {}, owner="test"), lambda _uuid: None)
    service = HostService(seeded, work, SecretBox.create(tmp_path / "key"), HostSettings("controller-0"))
    HostStatesEndpoint(seeded).update_host_state(update=HostStateUpdate(
        service.get("controller-0")["uuid"], 1, administrative="unlocked", operational="enabled"))

    def add(number: int) -> str:
        body = {"hostname": "worker-0", "personality": "worker", "mgmt_mac": f"08:00:27:00:02:{number:02x}"}
        try:
            return str(service.add(parse_body(NewHost, body))["uuid"])
        except HostRefused as error:
            return str(error)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(add, range(6)))
    assert answers.count("Host-add Rejected: Hostname already exists") == 5
    work.close()


def test_states_that_arrive_out_of_order_leave_the_newest(seeded: Database) -> None:
    with seeded.reader() as conn:
        uuid = host_row(conn, "controller-0")["uuid"]
    endpoint = HostStatesEndpoint(seeded)
    words = ["failed", "degraded", "available", "intest", "online", "offline"]
    updates = [HostStateUpdate(uuid, number + 1, availability=words[number % 6]) for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda update: endpoint.update_host_state(update=update), reversed(updates)))
    with seeded.reader() as conn:
        row = host_row(conn, uuid)
    assert (row["mtce_sequence"], row["availability"]) == (24, words[23 % 6])


def test_a_write_on_a_stale_row_is_refused(seeded: Database) -> None:
    with seeded.reader() as conn:
        seen = host_row(conn, "controller-0")
    with seeded.writer() as conn:
        hosts.write(conn, seen, {"serialid": "1"})
    with pytest.raises(StaleWrite), seeded.writer() as conn:
        hosts.write(conn, seen, {"serialid": "2"})


def test_reports_and_states_of_one_host_do_not_lose_each_other(seeded: Database) -> None:
    with seeded.reader() as conn:
        uuid = host_row(conn, "controller-0")["uuid"]
    intake, states = InventoryIntake(seeded), HostStatesEndpoint(seeded)

    def report(number: int) -> None:
        # A conductor stores one report of a host at a time; the database alone keeps several conductors apart.
        InventoryIntake(seeded).store(host_uuid=uuid, kind="memory", records=[MemoryReport(
            0, 24000 + number, 20000, 15000, 0, 0, 0, 0, 0, 1, False)])

    def state(number: int) -> None:
        states.update_host_state(update=HostStateUpdate(uuid, number + 1, uptime_s=number))

    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(report if number % 2 else state, number) for number in range(30)]
        for one in work:
            one.result(60)
    intake.inventory_completed(host_uuid=uuid)
    with seeded.reader() as conn:
        row = host_row(conn, uuid)
    assert (row["uptime"], row["inv_state"]) == (28, "inventoried")
