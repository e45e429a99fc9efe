# SPDX-License-Identifier: Apache-2.0
"""PTP parameters that many share, give up and change at the same time, and assignments beside deletions."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from flock.core.errors import FlockError, NotFound
from flock.db import Database, migrate
from sysinv.bootstrap.answers import parse
from sysinv.hosts.seed import seed_system
from sysinv.model.members import Member
from sysinv.resources.ptp.table import PTP
from sysinv.resources.ptpinstance.rules import PtpInstanceRefused
from sysinv.resources.ptpinstance.service import PtpInstanceService
from sysinv.resources.ptpinstance.table import PTP_INSTANCE_MAPS, PTP_INSTANCES
from sysinv.resources.ptpinterface.service import PtpInterfaceService
from sysinv.resources.ptpparameter.service import PtpParameterService
from sysinv.resources.ptpparameter.table import PTP_PARAMETER_OWNERSHIPS, PTP_PARAMETERS

HOST = "controller-0"
MANY = 6


@pytest.fixture
def seeded(database: Database) -> Iterator[Database]:
    """A migrated database with a system, controller-0 and some PTP instances."""
    migrate.upgrade(database.url.render_as_string(hide_password=False), "sysinv")
    assert seed_system(database, parse({"admin_password": "sysadmin-1"}), "08:00:27:00:00:01")
    for number in range(MANY):
        PtpInstanceService(database).add({"name": f"ptp{number}", "service": "ptp4l"})
    yield database


def adding(*values: str) -> list[Member]:
    return [Member(True, value) for value in values]


def removing(*values: str) -> list[Member]:
    return [Member(False, value) for value in values]


def together(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all at the same time; a refusal is a result."""
    def tried(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except FlockError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(tried, works))


def parameters(database: Database) -> list[tuple[str, str, int]]:
    """Name, value and number of owners of each parameter."""
    owned = PTP_PARAMETER_OWNERSHIPS.c.ptp_parameter_id
    with database.reader() as conn:
        rows = conn.execute(
            sa.select(PTP_PARAMETERS.c.name, PTP_PARAMETERS.c.value, sa.func.count(owned))
            .outerjoin(PTP_PARAMETER_OWNERSHIPS, owned == PTP_PARAMETERS.c.id).group_by(PTP_PARAMETERS.c.id)
            .order_by(PTP_PARAMETERS.c.name, PTP_PARAMETERS.c.value))
        return [(row[0], row[1], row[2]) for row in rows]


def test_a_parameter_that_many_add_is_one_row_and_goes_with_the_last(seeded: Database) -> None:
    service = PtpInstanceService(seeded)
    names = [f"ptp{number}" for number in range(MANY)]
    done = together([lambda name=name: service.change(name, adding("a=1", "b=2", "c=3")) for name in names])
    assert [one for one in done if isinstance(one, FlockError)] == []
    assert parameters(seeded) == [("a", "1", MANY), ("b", "2", MANY), ("c", "3", MANY)]
    done = together([lambda name=name: service.change(name, removing("c=3", "a=1", "b=2")) for name in names])
    assert [one for one in done if isinstance(one, FlockError)] == []
    assert parameters(seeded) == []


def test_one_shares_what_another_gives_up(seeded: Database) -> None:
    service = PtpInstanceService(seeded)
    service.change("ptp0", adding("a=1"))
    for round_ in range(8):
        leaving, coming = ("ptp0", "ptp1") if round_ % 2 == 0 else ("ptp1", "ptp0")
        done = together([lambda name=leaving: service.change(name, removing("a=1")),
                         lambda name=coming: service.change(name, adding("a=1"))])
        assert [one for one in done if isinstance(one, FlockError)] == []
        assert parameters(seeded) == [("a", "1", 1)]
        assert service.get(coming)["parameters"] == {"global": ["a=1"]}


def test_nobody_gets_a_value_that_another_request_has_changed(seeded: Database) -> None:
    service = PtpInstanceService(seeded)
    service.change("ptp0", adding("a=1"))
    with seeded.reader() as conn:
        uuid = conn.execute(sa.select(PTP_PARAMETERS.c.uuid)).scalar_one()
    works: list[Callable[[], Any]] = [
        lambda name=f"ptp{number}": service.change(name, adding("a=1")) for number in range(1, MANY)]
    done = together([*works, lambda: PtpParameterService(seeded).modify(uuid, "2")])
    assert [one for one in done if isinstance(one, FlockError)] == []
    # Who shared the parameter before its change has the new value; who came after it has the value that was asked for.
    owners = {value: number for _, value, number in parameters(seeded)}
    assert sum(owners.values()) == MANY and set(owners) <= {"1", "2"} and owners["2"] >= 1
    for number in range(1, MANY):
        found = done[number - 1]["parameters"]["global"]
        assert found == ["a=1"], "each request was answered with what it had asked for"


def test_an_instance_is_assigned_or_deleted(seeded: Database) -> None:
    service = PtpInstanceService(seeded)
    for number in range(MANY):
        name = f"ptp{number}"
        assigned, deleted = together([lambda name=name: service.assign(HOST, adding(name)),
                                      lambda name=name: service.delete(name)])
        with seeded.reader() as conn:
            row = conn.execute(sa.select(PTP_INSTANCES.c.id).where(PTP_INSTANCES.c.name == name)).first()
            maps = conn.execute(sa.select(PTP_INSTANCE_MAPS.c.ptp_instance_id)).scalars().all()
        if row is None:
            assert deleted is None and isinstance(assigned, NotFound)
        else:
            assert assigned is None and isinstance(deleted, PtpInstanceRefused) and row.id in maps


def test_an_instance_gets_an_interface_or_is_deleted(seeded: Database) -> None:
    instances, interfaces = PtpInstanceService(seeded), PtpInterfaceService(seeded)
    for number in range(MANY):
        uuid = str(instances.get(f"ptp{number}")["uuid"])
        added, deleted = together([
            lambda name=f"if{number}", uuid=uuid: interfaces.add({"name": name, "ptp_instance_uuid": uuid}),
            lambda uuid=uuid: instances.delete(uuid)])
        assert isinstance(added, FlockError) != isinstance(deleted, FlockError)
        assert isinstance(added, (dict, NotFound)) and (deleted is None or isinstance(deleted, PtpInstanceRefused))


def test_a_host_gets_one_monitor(seeded: Database) -> None:
    service = PtpInstanceService(seeded)
    for number in range(MANY):
        service.add({"name": f"gnss{number}", "service": "gnss-monitor"})
    done = together([lambda name=f"gnss{number}": service.assign(HOST, adding(name)) for number in range(MANY)])
    assert sorted(isinstance(one, PtpInstanceRefused) for one in done) == [False, *[True] * (MANY - 1)]


def test_a_system_of_an_earlier_release_has_settings_after_the_upgrade(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    migrate.upgrade(url, "sysinv")
    assert seed_system(database, parse({"admin_password": "sysadmin-1"}), "08:00:27:00:00:01")
    migrate.downgrade(url, "sysinv", "0012")
    assert "ptp" not in sa.inspect(database.engine).get_table_names()
    migrate.upgrade(url, "sysinv")
    with database.reader() as conn:
        (row,) = conn.execute(sa.select(PTP)).mappings().all()
    assert (row["mode"], row["transport"], row["mechanism"], row["revision"]) == ("hardware", "l2", "e2e", 0)
