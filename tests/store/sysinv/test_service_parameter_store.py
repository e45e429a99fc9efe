# SPDX-License-Identifier: Apache-2.0
"""Service parameters and settings on both engines: seeded or migrated alike, and added by many at the same time."""
from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from flock.core.errors import Conflict
from flock.db import Database, migrate
from sysinv.bootstrap.answers import parse
from sysinv.hosts.seed import seed_system
from sysinv.resources.drbdconfig.service import DrbdConfigService
from sysinv.resources.remotelogging.service import RemoteLoggingService
from sysinv.resources.serviceparameter import store
from sysinv.resources.serviceparameter.service import ServiceParameterService
from sysinv.resources.user import rules
from sysinv.resources.user.service import UserService, take_up
from sysinv.resources.user.table import I_USER

HASHES = ["$6$abcdefgh$" + str(number) * 86 for number in range(6)]


@pytest.fixture
def seeded(database: Database) -> Iterator[Database]:
    """A migrated database with a system and controller-0."""
    migrate.upgrade(database.url.render_as_string(hide_password=False), "sysinv")
    assert seed_system(database, parse({"admin_password": "sysadmin-1"}), "08:00:27:00:00:01")
    yield database


def test_an_old_system_gets_what_a_new_one_has(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    migrate.upgrade(url, "sysinv")
    seed_system(database, parse({"admin_password": "sysadmin-1"}), "08:00:27:00:00:01")

    def content() -> list[object]:
        with database.reader() as conn:
            rows = sorted((row["service"], row["section"], row["name"], row["value"]) for row in store.every(conn))
        settings = [service(database).all()[0] for service in (UserService, RemoteLoggingService, DrbdConfigService)]
        return [rows, [{name: one[name] for name in sorted(one) if name not in (
            "id", "uuid", "created_at", "updated_at")} for one in settings]]

    before = content()
    migrate.downgrade(url, "sysinv", "0015")
    migrate.upgrade(url, "sysinv")
    assert content() == before


def test_one_of_many_adds_a_parameter(seeded: Database) -> None:
    body = {"service": "docker", "section": "proxy", "parameters": {"http_proxy": "http://a:1"}}

    def add(_number: int) -> bool:
        try:
            ServiceParameterService(seeded).add(body)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(add, range(6))) == [False] * 5 + [True]
    with seeded.reader() as conn:
        assert store.values_of(conn, "docker", "proxy") == {"http_proxy": "http://a:1"}


def test_many_change_and_one_deletes(seeded: Database) -> None:
    service = ServiceParameterService(seeded)
    (row,) = service.add({"service": "docker", "section": "concurrency", "parameters": {"max-concurrent-uploads": "1"}})
    with ThreadPoolExecutor(6) as pool:
        values = list(pool.map(lambda number: service.change(row["uuid"], {"value": str(number)})["value"],
                               range(2, 10)))
    assert sorted(values) == [str(number) for number in range(2, 10)]
    service.delete(row["uuid"])
    with seeded.reader() as conn:
        assert store.values_of(conn, "docker", "concurrency") == {}


def test_of_two_controllers_that_change_the_password_one_counts(seeded: Database) -> None:
    uuid = UserService(seeded).all()[0]["uuid"]
    UserService(seeded).change(uuid, {"passwd_hash": HASHES[0]})
    configured = rules.signature(HASHES[0])
    with ThreadPoolExecutor(5) as pool:
        took = list(pool.map(lambda value: seeded.transact(
            lambda conn: take_up(conn, configured, rules.Entry(value))), HASHES[1:]))
    assert took.count(True) == 1
    with seeded.reader() as conn:
        assert conn.execute(sa.select(I_USER.c.passwd_hash)).scalar_one() == HASHES[1:][took.index(True)]
