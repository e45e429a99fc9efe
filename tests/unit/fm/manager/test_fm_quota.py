# SPDX-License-Identifier: Apache-2.0
"""A host fills neither the database nor the list of alarms: what it may have active is limited, what services raise is
not."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from flock.core.errors import Unavailable
from flock.db import Database
from flock.rpc.accounts import Sender, SenderKind
from flock.rpc.caller import called_by
from fm.contract.rpc import FaultOutcome, FaultRequest
from fm.core.policy import PLAIN, LifePolicy
from fm.core.retention import Limits
from fm.db.tables import APPLIED_REQUEST, METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.refusals import HostRefusals
from fm.manager.writer import Settings, Writer
from fm.raiser import requests as make

LIMIT = 3


class Counted(HostRefusals):
    """Notes what is counted."""

    def __init__(self, noted: list[tuple[str, str, int]]) -> None:
        self._noted = noted

    def count(self, hostname: str, reason: str, number: int) -> None:
        self._noted.append((hostname, reason, number))


class Fm:
    """fm-manager's endpoint with a small limit; ``restart`` makes another one on the same database."""

    def __init__(self, database: Database, policy: LifePolicy) -> None:
        self.database, self.policy = database, policy
        self.noted: list[tuple[str, str, int]] = []
        self.manager = self.restart()

    def restart(self) -> Manager:
        writer = Writer(self.database, lambda: Settings(Limits(100_000), self.policy, LIMIT))
        self.manager = Manager(self.database, writer, refusals=Counted(self.noted))
        return self.manager

    def by_host(self, *requests: FaultRequest, host: str = "w-0") -> list[FaultOutcome]:
        with called_by(Sender(SenderKind.HOST, host)):
            return self.manager.apply(requests=list(requests))

    def by_service(self, *requests: FaultRequest) -> list[FaultOutcome]:
        with called_by(Sender(SenderKind.SERVICE, "mtce-conductor")):
            return self.manager.apply(requests=list(requests))

    def active(self, entity: str = "host=w-0") -> int:
        return len(self.manager.get_faults(alarm_id=None, entity_instance_id=entity, below=True))


@pytest.fixture
def fm(database: Database, request: pytest.FixtureRequest) -> Fm:
    METADATA.create_all(database.engine)
    synchronise(database)
    return Fm(database, getattr(request, "param", PLAIN))


def raised(*names: Any, host: str = "w-0", alarm_id: str = "100.103") -> list[FaultRequest]:
    return [make.alarm_request(alarm_id, f"host={host}.n={name}", {}, {"severity": "major"}) for name in names]


def cleared(name: Any, host: str = "w-0") -> FaultRequest:
    return make.clear_request("100.103", f"host={host}.n={name}", {}, exact=True)


def codes(outcomes: list[FaultOutcome]) -> list[Any]:
    return [outcome.error and outcome.error["code"] for outcome in outcomes]


REFUSED = "fm.alarm.too_many"


def test_what_exceeds_the_limit_is_refused_by_name_and_counted(fm: Fm) -> None:
    outcomes = fm.by_host(*raised(*range(5)))
    assert codes(outcomes) == [None] * LIMIT + [REFUSED] * 2
    assert fm.active() == LIMIT
    error = outcomes[-1].error
    assert error is not None and f"At most {LIMIT} alarms" in str(error["text"]) and "host=w-0" in str(error["text"])
    ((hostname, reason, number),) = fm.noted
    assert (hostname, number) == ("w-0", 2) and f"At most {LIMIT} alarms" in reason


def test_a_refusal_is_not_stored_and_the_next_request_is_counted_anew(fm: Fm) -> None:
    requests = raised(*range(5))
    fm.by_host(*requests)
    with fm.database.reader() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(APPLIED_REQUEST)).scalar_one() == LIMIT
    again = fm.by_host(*requests)
    assert codes(again) == [None] * LIMIT + [REFUSED] * 2 and fm.active() == LIMIT
    fm.by_host(cleared(0))
    assert codes(fm.by_host(*requests[-2:])) == [None, REFUSED]


def test_set_alarms_services_and_other_hosts_are_not_touched(fm: Fm) -> None:
    fm.by_host(*raised(*range(LIMIT)))
    assert codes(fm.by_host(*raised(0, 1))) == [None, None]
    assert codes(fm.by_host(*raised(*range(LIMIT), host="w-00"), host="w-00")) == [None] * LIMIT
    assert codes(fm.by_service(*raised("status", "more"))) == [None, None]
    assert codes(fm.by_host(*raised("own"))) == [REFUSED]
    assert fm.active() == LIMIT + 2 and fm.active("host=w-00") == LIMIT


def test_a_host_whose_alarms_end_may_raise_again(fm: Fm) -> None:
    fm.by_host(*raised(*range(LIMIT)))
    assert codes(fm.by_host(cleared(0), *raised("a", "b"))) == [None, None, REFUSED]
    fm.by_service(cleared(1))
    assert codes(fm.by_host(*raised("c", "d"))) == [None, REFUSED]
    (one, *_) = fm.manager.get_faults(alarm_id=None, entity_instance_id="host=w-0", below=True)
    fm.manager.delete_alarm(uuid=str(one.uuid))
    assert codes(fm.by_host(*raised("e", "f"))) == [None, REFUSED]
    # The host is deleted: sysinv and mtce clear all that lies below.
    fm.by_service(make.clear_all_request("host=w-0"))
    assert fm.active() == 0
    assert codes(fm.by_host(*raised(*range(LIMIT + 1)))) == [None] * LIMIT + [REFUSED]


def test_the_number_is_right_after_a_restart_and_beside_another_manager(fm: Fm) -> None:
    fm.by_host(*raised(0, 1))
    fm.restart()
    assert codes(fm.by_host(*raised(2, 3))) == [None, REFUSED]
    first = fm.manager
    fm.restart()
    fm.by_host(cleared(0), cleared(1))
    fm.manager = first
    assert codes(fm.by_host(*raised("a", "b", "c"))) == [None, None, REFUSED]


@pytest.mark.parametrize("fm", [LifePolicy(raise_hold_off_s={"100.101": 3600})], indirect=True)
def test_a_raise_that_is_held_off_counts(fm: Fm) -> None:
    assert codes(fm.by_host(*raised(*range(LIMIT + 1), alarm_id="100.101"))) == [None] * LIMIT + [REFUSED]
    fm.restart()
    assert codes(fm.by_host(*raised("x"))) == [REFUSED] and fm.active() == 0


def test_what_was_not_committed_does_not_count(fm: Fm, monkeypatch: pytest.MonkeyPatch) -> None:
    fm.by_host(*raised(0))
    fails = [True]

    def lost(_conn: Any) -> None:
        if fails:
            raise Unavailable(service="database", reason="lost at the commit")

    event.listen(fm.database.engine, "commit", lost)
    with pytest.raises(Unavailable):
        fm.by_host(*raised(1, 2))
    fails.clear()
    assert fm.active() == 1
    assert codes(fm.by_host(*raised("a", "b", "c"))) == [None, None, REFUSED]


@contextlib.contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine, "before_cursor_execute", note)


def test_a_raise_counts_nothing_in_the_database_once_the_host_is_known(fm: Fm) -> None:
    fm.by_host(*raised(0))
    with statements(fm.database) as by_host:
        fm.by_host(*raised(1))
    with statements(fm.database) as by_service:
        fm.by_service(*raised(2))
    assert len(by_host) == len(by_service)
    assert not [statement for statement in by_host if "count(" in statement]
