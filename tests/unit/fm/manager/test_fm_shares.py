# SPDX-License-Identifier: Apache-2.0
"""A host displaces only its own events and its own answered requests, however much it sends."""
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from flock.db import Database, utcnow
from flock.rpc.accounts import Sender, SenderKind
from flock.rpc.caller import called_by
from fm.contract.rpc import FaultOutcome, FaultRequest
from fm.core.policy import LifePolicy
from fm.core.retention import Limits
from fm.db.tables import APPLIED_REQUEST, EVENT_LOG, METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.raiser import requests as make

EVENTS, SHARE, ANSWERS = 1000, 100, 50


class Fm:
    """fm-manager's endpoint with a log of 1,000 events, of which one host has at most 100, and 50 stored answers."""

    def __init__(self, database: Database, policy: LifePolicy) -> None:
        METADATA.create_all(database.engine)
        synchronise(database)
        self.database = database
        self.now = utcnow()
        self.writer = Writer(database, lambda: Settings(Limits(EVENTS, 0, 10), policy, 10_000, ANSWERS),
                             clock=lambda: self.now)
        self.manager = Manager(database, self.writer)

    def by(self, kind: SenderKind, name: str, requests: list[FaultRequest]) -> list[FaultOutcome]:
        self.now += timedelta(milliseconds=1)
        with called_by(Sender(kind, name)):
            return self.manager.apply(requests=requests)

    def by_host(self, requests: list[FaultRequest], name: str = "w-0") -> list[FaultOutcome]:
        return self.by(SenderKind.HOST, name, requests)

    def by_service(self, requests: list[FaultRequest]) -> list[FaultOutcome]:
        return self.by(SenderKind.SERVICE, "mtce-conductor", requests)

    def events(self) -> dict[str, int]:
        """Stored events by the beginning of their reason."""
        with self.database.reader() as conn:
            reasons = conn.execute(sa.select(EVENT_LOG.c.reason_text)).scalars().all()
        return {word: sum(reason.startswith(word) for reason in reasons) for word in ("kept", "flood", "other")}

    def answers(self) -> int:
        with self.database.reader() as conn:
            return int(conn.execute(sa.select(sa.func.count()).select_from(APPLIED_REQUEST)).scalar_one())


def logs(number: int, word: str, host: str = "w-0") -> list[FaultRequest]:
    return [make.log_request("700.217", f"host={host}.n={place}", {}, {"reason_text": f"{word} {place}"})
            for place in range(number)]


def raised(number: int, host: str = "w-0") -> list[FaultRequest]:
    return [make.alarm_request("100.103", f"host={host}.n={place}", {}, {"severity": "major", "reason_text": "flood"})
            for place in range(number)]


@pytest.fixture
def fm(database: Database, request: pytest.FixtureRequest) -> Fm:
    return Fm(database, getattr(request, "param", LifePolicy()))


def test_a_flood_of_logs_displaces_only_the_own_events_of_its_host(fm: Fm) -> None:
    fm.by_service([*logs(400, "kept", "w-0"), *logs(100, "kept", "w-1")])
    fm.by_host(logs(90, "other", "w-1"), "w-1")
    for _ in range(6):
        fm.by_host(logs(500, "flood"))
    assert fm.events() == {"kept": 500, "other": 90, "flood": SHARE}
    fm.by_host(logs(1, "flood last"))
    fm.writer.prune()
    with fm.database.reader() as conn:
        newest = conn.execute(sa.select(EVENT_LOG.c.reason_text).order_by(EVENT_LOG.c.id.desc()).limit(1)).scalar_one()
    assert newest.startswith("flood last") and fm.events()["flood"] == SHARE


def test_raises_and_clears_of_a_host_count_in_its_share(fm: Fm) -> None:
    fm.by_service(logs(500, "kept"))
    for _ in range(4):
        fm.by_host(raised(400))
        fm.by_host([make.clear_request("100.103", "host=w-0", {})])
    fm.writer.prune()
    assert fm.events() == {"kept": 500, "other": 0, "flood": SHARE}


@pytest.mark.parametrize("end", ["deleted host", "deleted alarms"])
def test_the_end_of_very_many_alarms_counts_in_the_share_of_their_host(fm: Fm, end: str) -> None:
    for _ in range(2):
        fm.by_service(logs(400, "kept"))
    fm.by_host(raised(500))
    if end == "deleted host":
        fm.by_service([make.clear_all_request("host=w-0")])
    else:
        found = fm.manager.get_faults(alarm_id=None, entity_instance_id="host=w-0", below=True)
        assert fm.manager.delete_alarms(uuids=[str(fault.uuid) for fault in found]) == 500
    fm.writer.prune()
    assert fm.events() == {"kept": 800, "other": 0, "flood": SHARE}


@pytest.mark.parametrize("fm", [LifePolicy(raise_hold_off_s={"100.103": 5})], indirect=True)
def test_held_raises_count_in_the_share_of_their_host(fm: Fm) -> None:
    for _ in range(2):
        fm.by_service(logs(400, "kept"))
    fm.by_host(raised(400))
    fm.now += timedelta(seconds=6)
    fm.writer.release_due()
    fm.writer.prune()
    assert fm.events() == {"kept": 800, "other": 0, "flood": SHARE}


def test_the_answers_kept_for_a_host_are_bounded_and_the_newest_stay(fm: Fm) -> None:
    of_services = raised(60, "w-1")
    fm.by_service(of_services)
    batches = [[make.clear_request("100.103", f"host=w-0.n={place}", {}) for place in range(10)] for _ in range(40)]
    for batch in batches:
        assert [outcome.count for outcome in fm.by_host(batch)] == [0] * 10
    assert 60 + ANSWERS // 2 <= fm.answers() <= 60 + ANSWERS + 10
    before = fm.answers()
    fm.by_host(batches[-1])
    fm.by_service(of_services)
    assert fm.answers() == before


def test_a_batch_that_comes_again_keeps_the_alarm_that_it_raised(fm: Fm) -> None:
    """The clear found nothing, but it must not be applied after the raise, which is not applied again."""
    batch = [make.clear_request("100.103", "host=w-0.n=0", {}), *raised(1)]
    first = fm.by_host(batch)
    assert fm.by_host(batch) == first
    assert len(fm.manager.get_faults(alarm_id=None, entity_instance_id="host=w-0", below=True)) == 1


@pytest.mark.parametrize("told", ["0001-01-01 00:00:00", "1999-12-31 23:59:59", "9999-12-31 23:59:59", None,
                                  "0001-01-01T00:00:00+14:00"])
def test_a_time_that_cannot_be_true_becomes_the_time_of_receipt(fm: Fm, told: str | None) -> None:
    (request,) = raised(1)
    assert request.fault is not None
    (outcome,) = fm.by_host([replace(request, fault=replace(request.fault, timestamp=told))])
    if told == "0001-01-01T00:00:00+14:00":
        assert outcome.error is not None and outcome.error["code"] == "fm.fault.invalid"
        return
    (fault,) = fm.manager.get_faults(alarm_id=None, entity_instance_id="host=w-0", below=True)
    assert fault.timestamp == fm.now.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


@pytest.mark.parametrize("ahead", [timedelta(hours=23), -timedelta(days=3000)])
def test_a_time_that_may_be_true_is_kept(fm: Fm, ahead: timedelta) -> None:
    told = (datetime.now(UTC) + ahead).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    (request,) = raised(1)
    assert request.fault is not None
    fm.by_host([replace(request, fault=replace(request.fault, timestamp=told))])
    (fault,) = fm.manager.get_faults(alarm_id=None, entity_instance_id="host=w-0", below=True)
    assert fault.timestamp == told
